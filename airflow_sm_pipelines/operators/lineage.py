"""Lineage: CreateAction, CreateArtifact, CreateContext and AddAssociation (semantics 2.16)."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn, cast

from botocore.exceptions import BotoCoreError, ClientError
from typing_extensions import override

from airflow_sm_pipelines.aws.calls import is_existing, is_missing, operation
from airflow_sm_pipelines.aws.failures import CallError, StepFailure, type_of_call_error
from airflow_sm_pipelines.expressions.values import resolve_object
from airflow_sm_pipelines.jobs.unanswered import until_answered
from airflow_sm_pipelines.operators.step import StepOperator
from airflow_sm_pipelines.step_types.lineage import (
    ARTIFACT,
    ASSOCIATIONS,
    ENTITY_KINDS,
    MAX_ASSOCIATIONS,
    MAX_ENTITIES,
    EntityKind,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from airflow_sm_pipelines.aws.failures import ExceptionType
    from airflow_sm_pipelines.expressions.scope import TaskScope
    from airflow_sm_pipelines.expressions.stringify import Json

SERVICE = "sagemaker"
# What AWS may answer to a Create call for an entity that is there; whether it is, the search for it shows.
POSSIBLY_EXISTING = frozenset({"ValidationException", "ConflictException", "ResourceInUse"})


class LineageStepOperator(StepOperator):
    """A Lineage step. Its result is ``{"ActionArns": {name: ARN}, "ArtifactArns": …, "ContextArns": …, "Associations":
    [{"SourceArn", "DestinationArn", "AssociationType"}]}``.

    Entities and associations that exist already are taken as they are, so that a later try, and a later run with the
    same names, goes on where the earlier one ended. An artifact is found by its source's URI, of which AWS keeps but
    one; one without a name is in no property. Nothing is there to be stopped when the task is killed.
    """

    _request: Mapping[str, Any] = MappingProxyType({})

    @override
    def resolve(self, context: Context, scope: TaskScope) -> Json:
        self._request = resolve_object(self.step.arguments, scope)
        self._check_request()
        return self._request

    def _check_request(self) -> None:
        """Refuse before the first call what could not be made to its end."""
        limits = dict.fromkeys((kind.arguments for kind in ENTITY_KINDS), MAX_ENTITIES)
        for member, limit in {**limits, ASSOCIATIONS: MAX_ASSOCIATIONS}.items():
            listed: object = self._listed(member)
            if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
                raise self._failure(f"{member} has to be a list of objects")
            if len(listed) > limit:
                raise self._failure(f"a Lineage step takes at most {limit} {member}, and this one has {len(listed)}")
        names = {
            (kind.type, entity.get(kind.name_field)) for kind in ENTITY_KINDS for entity in self._listed(kind.arguments)
        }
        for index, association in enumerate(self._listed(ASSOCIATIONS)):
            for end in ("Source", "Destination"):
                self._check_reference(association.get(end), names, f"{ASSOCIATIONS}[{index}].{end}")

    def _check_reference(self, reference: object, names: set[tuple[str, Any]], place: str) -> None:
        if not isinstance(reference, dict) or not ("Arn" in reference or "Name" in reference):
            raise self._failure(f"{place} has to have an Arn, or a Name and a Type")
        key = reference.get("Type"), reference.get("Name")
        if "Arn" not in reference and key not in names:
            raise self._failure(
                f"{place} names the {key[0]} {key[1]!r}, which this step does not make; what another step or run made"
                " is named by its Arn"
            )

    def _listed(self, member: str) -> list[dict[str, Any]]:
        return self._request.get(member) or []

    def run_step(self, context: Context) -> Any:
        """Make what is not there yet, entities first."""
        self.check_lost_tries()
        self.check_resolved(context)
        self.step_run.save()
        client = self.client(context, SERVICE)
        arns: dict[tuple[str, str], str] = {}
        result: dict[str, Any] = {}
        for kind in ENTITY_KINDS:
            made = {}
            for entity in self._listed(kind.arguments):
                arn = self._ensure_entity(context, client, kind, entity)
                if name := entity.get(kind.name_field):
                    made[name] = arns[kind.type, name] = arn
            result[kind.result] = made
        associations = [_association(one, arns) for one in self._listed(ASSOCIATIONS)]
        for association in associations:
            self._ensure_association(context, association)
        self.deliver(context)
        return {**result, ASSOCIATIONS: associations}

    def _ensure_entity(self, context: Context, client: Any, kind: EntityKind, entity: dict[str, Any]) -> str:
        what = f"{kind.type} {entity.get(kind.name_field, entity.get('Source'))!r}"
        try:
            calling_once = self.access.client_calling_once(SERVICE)
            arn = until_answered(
                self.step_run,
                f"{SERVICE}:{kind.create} for the {what} got no answer",
                lambda: cast("str", operation(calling_once, kind.create)(**entity)[kind.arn_field]),
                lambda: self._find(context, client, kind, entity),
            )
        except ClientError as error:
            found = self._find(context, client, kind, entity) if _may_exist(error) else None
            if found is None:
                self._fail_call(context, kind.create, what, error)
            self.log.info("The %s exists already: %s", what, found)
            return found
        except BotoCoreError as error:
            self._fail_call(context, kind.create, what, error)
        self.log.info("Created the %s: %s", what, arn)
        return arn

    def _find(self, context: Context, client: Any, kind: EntityKind, entity: dict[str, Any]) -> str | None:
        """The ARN of an entity that is there, or None where there is none."""
        try:
            if kind is ARTIFACT:
                return _find_artifact(client, entity)
            described = operation(client, kind.find)(**{kind.name_field: entity[kind.name_field]})
            return cast("str", described[kind.arn_field])
        except ClientError as error:
            if _may_exist(error) or is_missing(error):
                return None
            self._fail_call(context, kind.find, repr(entity.get(kind.name_field)), error)
        except BotoCoreError as error:
            self._fail_call(context, kind.find, repr(entity.get(kind.name_field)), error)

    def _ensure_association(self, context: Context, association: dict[str, Any]) -> None:
        what = f"association of {association['SourceArn']} with {association['DestinationArn']}"
        try:
            # One that is added again is there already: no need to look for it.
            calling_once = self.access.client_calling_once(SERVICE)
            unanswered = f"{SERVICE}:AddAssociation for the {what} got no answer"
            until_answered(self.step_run, unanswered, lambda: calling_once.add_association(**association))
        except ClientError as error:
            if not is_existing(error):
                self._fail_call(context, "AddAssociation", what, error)
            self.log.info("The %s exists already", what)
        except BotoCoreError as error:
            self._fail_call(context, "AddAssociation", what, error)

    def _fail_call(self, context: Context, call: str, what: str, error: ClientError | BotoCoreError) -> NoReturn:
        self.fail_attempt(
            context,
            self._failure(
                f"sagemaker:{call} was refused for the {what}. {CallError.of(error)}", type_of_call_error(error)
            ),
        )

    def _failure(self, message: str, exception_type: ExceptionType | None = None) -> StepFailure:
        return StepFailure(f"Step {self.step.name!r} failed: {message}", exception_type)


def _may_exist(error: ClientError) -> bool:
    return CallError.of(error).code in POSSIBLY_EXISTING


def _find_artifact(client: Any, entity: Mapping[str, Any]) -> str | None:
    """The artifact of a source: the one of the same name where there are several."""
    name = entity.get(ARTIFACT.name_field)
    listed = client.list_artifacts(SourceUri=entity["Source"]["SourceUri"])["ArtifactSummaries"]
    listed.sort(key=lambda artifact: artifact.get(ARTIFACT.name_field) != name)
    return str(listed[0][ARTIFACT.arn_field]) if listed else None


def _association(association: Mapping[str, Any], arns: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """An association as AddAssociation takes it: by ARNs."""
    ends = {
        f"{end}Arn": reference["Arn"] if "Arn" in reference else arns[reference["Type"], reference["Name"]]
        for end, reference in ((end, association[end]) for end in ("Source", "Destination"))
    }
    rest = {name: member for name, member in association.items() if name not in ("Source", "Destination")}
    return {**ends, **rest}
