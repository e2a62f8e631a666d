"""Lineage: CreateAction, CreateArtifact, CreateContext and AddAssociation in one step (semantics 2.16)."""

from __future__ import annotations

from msgspec import Struct

from airflow_sm_pipelines.step_types.step_type import StepType

MOST_ENTITIES = 5
"""How many entities of each kind a step can make."""
MOST_ASSOCIATIONS = 10


class EntityKind(Struct, frozen=True):
    """A kind of lineage entity: the member of Arguments that lists it, and the type by which associations name it.

    ``find`` is the operation that tells the ARN of one that exists already, and ``result`` the property that holds
    the ARNs by name.
    """

    arguments: str
    type: str
    create: str
    find: str
    name_field: str
    arn_field: str
    result: str


ACTION = EntityKind("Actions", "Action", "CreateAction", "DescribeAction", "ActionName", "ActionArn", "ActionArns")
ARTIFACT = EntityKind(
    "Artifacts", "Artifact", "CreateArtifact", "ListArtifacts", "ArtifactName", "ArtifactArn", "ArtifactArns"
)
CONTEXT = EntityKind(
    "Contexts", "Context", "CreateContext", "DescribeContext", "ContextName", "ContextArn", "ContextArns"
)
ENTITY_KINDS = (ACTION, ARTIFACT, CONTEXT)
ASSOCIATIONS = "Associations"

STEP_TYPE = StepType(
    name="Lineage",
    operator="airflow_sm_pipelines.operators.lineage.LineageStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.base_aws.AwsBaseOperator",
    calls=(
        *(f"sagemaker:{call}" for kind in ENTITY_KINDS for call in (kind.create, kind.find)),
        "sagemaker:AddAssociation",
    ),
    limits=(f"{MOST_ENTITIES} entities of each kind", f"{MOST_ASSOCIATIONS} associations"),
    extra_properties=(*(kind.result for kind in ENTITY_KINDS), ASSOCIATIONS),
)
