"""One step of an execution: what the service did for it beside what Airflow would do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from airflow_sm_pipelines.aws.calls import operation
from airflow_sm_pipelines.aws.failures import CallError, StepFailure, is_transient
from airflow_sm_pipelines.comparing.members import compared, undescribed
from airflow_sm_pipelines.comparing.service import SUCCEEDED
from airflow_sm_pipelines.definition.evaluation_errors import ConditionError, UnresolvedError
from airflow_sm_pipelines.definition.secrets import MASKED, mask
from airflow_sm_pipelines.definition.settings import output_parameters
from airflow_sm_pipelines.expressions.conditions import evaluate_all
from airflow_sm_pipelines.expressions.outputs import OutputError, typed_outputs
from airflow_sm_pipelines.expressions.results import to_result
from airflow_sm_pipelines.expressions.stringify import to_text
from airflow_sm_pipelines.expressions.values import resolve
from airflow_sm_pipelines.report.json_diff import Difference, differences

if TYPE_CHECKING:
    from airflow_sm_pipelines.comparing.ours import OurSteps
    from airflow_sm_pipelines.comparing.service import ServiceStep
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.definition.secret_names import IsSecret
    from airflow_sm_pipelines.expressions.stringify import Json


class Outcome(Struct, frozen=True):
    """What came of comparing one step.

    ``result`` is what other steps can refer to, None where the service does not show it. ``reason`` is why the requests
    were not compared. ``unseen`` are members of our request of which the service shows nothing.
    """

    differences: tuple[Difference, ...] = ()
    reason: str | None = None
    result: Json = None
    unseen: tuple[str, ...] = ()

    @property
    def outcome(self) -> bool | None:
        """The branch that Airflow would take, None where that is not known, or the step is no Condition."""
        taken = self.result.get("Outcome") if isinstance(self.result, dict) else None
        return taken if isinstance(taken, bool) else None


class StepComparison:
    """Compares the steps of one execution, each after those that it refers to."""

    def __init__(self, ours: OurSteps, client: Callable[[str], Any], is_secret: IsSecret) -> None:
        self._ours, self._client, self._is_secret = ours, client, is_secret

    def outcome(self, step: Step, service: ServiceStep) -> Outcome:
        """Compare a step that the service has run.

        :raises ClientError, BotoCoreError: where AWS cannot be asked for now
        """
        if service.is_taken_over:
            return Outcome(reason="it was not selected, and has the result of another execution")
        try:
            if step.branches is not None:
                return self._condition(step, service)
            match step.type:
                case "Fail":
                    ours = {"ErrorMessage": step.arguments.get("ErrorMessage")}
                    return self._compare(service, ours, service.metadata.get("Fail", {}))
                case "Lambda" | "Callback":
                    return self._answered(step, service)
            return self._job(step, service)
        except (UnresolvedError, ConditionError, StepFailure) as error:
            reason = f"Airflow would fail: {error}"
            return Outcome((Difference("$", f"status {service.status}", reason),))

    def _condition(self, step: Step, service: ServiceStep) -> Outcome:
        assert step.branches is not None
        outcome = evaluate_all(step.branches.conditions, self._ours.scope(service))
        found = tuple(differences({"Outcome": service.outcome}, {"Outcome": outcome}))
        return Outcome(found, result={"Outcome": outcome})

    def _answered(self, step: Step, service: ServiceStep) -> Outcome:
        """A Lambda or Callback step: the service shows who is asked and what was answered, not what was asked."""
        member, key = ("Arn", "FunctionArn") if step.type == "Lambda" else ("SqsQueueUrl", "SqsQueueUrl")
        metadata = service.metadata.get(step.type, {})
        outcome = self._compare(service, {key: step.settings.get(key)}, {key: metadata.get(member)})
        given = {one["Name"]: one["Value"] for one in metadata.get("OutputParameters", [])}
        try:
            outputs: Json = typed_outputs(output_parameters(step), given, "the service", self._is_secret)
        except OutputError:
            # A step that failed has none.
            return Outcome(outcome.differences, unseen=("Arguments",))
        return Outcome(outcome.differences, result={"OutputParameters": outputs}, unseen=("Arguments",))

    def _job(self, step: Step, service: ServiceStep) -> Outcome:
        kind = self._ours.step_type(step).used_with(step.arguments).kind
        if service.job is None or kind is None or kind.describe_params:
            return Outcome(reason=f"the service does not show what a step of type {step.type} was sent")
        # A version of a model package has no name but its ARN.
        name = service.job if step.type == "RegisterModel" else service.job.rpartition("/")[2]
        try:
            described = operation(self._client(kind.service), kind.describe)(**kind.asked_by(name))
        except (ClientError, BotoCoreError) as error:
            if is_transient(error):
                raise
            return Outcome(reason=f"{kind.describe} of {name}: {CallError.of(error)}")
        # An ARN has the name in lower case.
        own_name = name if name == service.job else str(described.get(kind.name_field, name))
        life = self._ours.job_of(step, service, own_name)
        life.resolve()
        request = life.run.request
        end = life.adapter.result if service.status == SUCCEEDED else life.adapter.failed_result
        result = to_result(end(described))
        if service.is_cached:
            return Outcome(reason="its result is from the cache: the job is that of another execution", result=result)
        found = self._masked(lambda left, right: compared(kind, left, right), to_result(described), request)
        return Outcome(found, result=result, unseen=tuple(undescribed(kind, request)))

    def _compare(self, service: ServiceStep, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Outcome:
        scope = self._ours.scope(service)
        texts = {name: to_text(resolve(value, scope)) for name, value in ours.items()}
        return Outcome(self._masked(differences, dict(theirs), texts))

    def _masked(self, compare: Callable[[Any, Any], Any], left: Any, right: Any) -> tuple[Difference, ...]:
        """The differences, as they may be shown: of two secrets only that they differ."""
        shown = {one.path: one for one in compare(mask(left, self._is_secret), mask(right, self._is_secret))}
        return tuple(shown.get(one.path) or Difference(one.path, MASKED, MASKED) for one in compare(left, right))
