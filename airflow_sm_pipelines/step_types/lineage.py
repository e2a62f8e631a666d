"""Lineage: CreateAction, CreateArtifact, CreateContext and AddAssociation in one step (semantics 2.16)."""

from __future__ import annotations

from msgspec import Struct

from airflow_sm_pipelines.definition.step_types import NO_SETTINGS
from airflow_sm_pipelines.step_types.step_type import Guide, RequestPart, StepType, sagemaker

MAX_ENTITIES = 5
"""How many entities of each kind a step can make."""
MAX_ASSOCIATIONS = 10


class EntityKind(Struct, frozen=True):
    """A kind of lineage entity: the member of Arguments that lists it, and the type by which associations name it.

    ``find`` is the operation that gives the ARN of one that exists already, and ``result`` the property that holds
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

GUIDE = Guide(
    "Lineage",
    """\
```json
{"Name": "Record", "Type": "Lineage", "Arguments": {
  "Actions": [{"ActionName": "night-run", "ActionType": "ModelTraining",
    "Source": {"SourceUri": "s3://bucket/run"}}],
  "Artifacts": [{"ArtifactName": "model", "ArtifactType": "Model",
    "Source": {"SourceUri": "s3://bucket/model.tar.gz"}}],
  "Associations": [{"AssociationType": "Produced",
    "Source": {"Name": "night-run", "Type": "Action"}, "Destination": {"Name": "model", "Type": "Artifact"}}]}}
```

```text
Record  LineageStepOperator
```

The task makes the action, then the artifact, then the association of the two.

**Order and limits.** Actions, artifacts and contexts are made first, in this order, then the associations: at most 5
of each kind and 10 associations. A reference by `Name` and `Type` is to an entity of the same step; anything else is
named by its `Arn`. What breaks this fails the step before the first call.

**What exists already** is taken as it is, and not changed: an action or context of that name, the artifact of that
`SourceUri` (AWS keeps but one), an association between the same two. So the step can be tried again, and run again
with the same names.

**Properties**: `ActionArns['<name>']`, `ArtifactArns['<name>']`, `ContextArns['<name>']`, and
`Associations[<n>].SourceArn`, `.DestinationArn`, `.AssociationType` in the order of the Arguments. An artifact
without a name is in no property.
""",
)

STEP_TYPE = StepType(
    name="Lineage",
    syntax=NO_SETTINGS,
    operator="airflow_sm_pipelines.operators.lineage.LineageStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.base_aws.AwsBaseOperator",
    calls=(
        *(f"sagemaker:{call}" for kind in ENTITY_KINDS for call in (kind.create, kind.find)),
        "sagemaker:AddAssociation",
    ),
    parts=tuple(RequestPart(kind.arguments, sagemaker(kind.create)) for kind in ENTITY_KINDS),
    limits=(f"{MAX_ENTITIES} entities of each kind", f"{MAX_ASSOCIATIONS} associations"),
    extra_properties=(*(kind.result for kind in ENTITY_KINDS), ASSOCIATIONS),
    guide=GUIDE,
)
