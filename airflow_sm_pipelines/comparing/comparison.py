"""An execution of the service beside Airflow: which steps either would run, and what each would send."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from airflow_sm_pipelines.comparing.ours import OurSteps
from airflow_sm_pipelines.comparing.steps import Outcome, StepComparison
from airflow_sm_pipelines.graph.model import StepEnd
from airflow_sm_pipelines.report.json_diff import ABSENT, Difference

if TYPE_CHECKING:
    from airflow_sm_pipelines.aws.access import AwsAccess
    from airflow_sm_pipelines.comparing.service import Execution, ServiceStep
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.definition.secret_names import IsSecret
    from airflow_sm_pipelines.graph import Graph, Plan
    from airflow_sm_pipelines.settings import Settings

_ENDS = {end.value: end for end in StepEnd}


class Verdict(Enum):
    """What came of one step."""

    EQUAL = "equal"
    DIFFERENT = "different"
    NOT_COMPARED = "not compared"
    NOT_RUN = "not run"


class ComparedStep(Struct, frozen=True):
    """One step: what the service says of it, whether Airflow would run it, and where they differ."""

    name: str
    type: str
    service: ServiceStep | None
    would_run: bool
    outcome: Outcome

    @property
    def verdict(self) -> Verdict:
        if self.outcome.differences:
            return Verdict.DIFFERENT
        if self.outcome.reason is not None:
            return Verdict.NOT_COMPARED
        return Verdict.EQUAL if self.service is not None else Verdict.NOT_RUN


def compare(
    plan: Plan,
    execution: Execution,
    settings: Settings,
    access: AwsAccess,
    client: Callable[[str], Any],
    is_secret: IsSecret,
) -> list[ComparedStep]:
    """Compare an execution, step by step, in the order in which they could run; then steps that only the service has.

    A job is taken to end as that of the service did.

    :param plan: the definition that Airflow would run
    :raises botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: where AWS cannot be asked
    """
    ours = OurSteps(plan, execution, settings, access)
    steps = StepComparison(ours, client, is_secret)
    found: list[ComparedStep] = []
    outcomes: dict[str, bool | None] = {}
    silent: set[str] = set()
    for step in plan.graph.steps:
        service = execution.steps.get(step.name)
        would_run = _would_run(step, plan.graph, execution.steps, outcomes)
        if service is None:
            outcome = _not_run(would_run, has_run_all=execution.has_run_all)
        elif not would_run:
            outcome = Outcome((Difference("$", f"status {service.status}", "Airflow would not run it"),))
        elif step.for_each is not None:
            outcome = Outcome(reason="what a loop runs for its items is not compared")
        elif hidden := sorted(need.step for need in plan.graph.needs_of(step.name) if need.step in silent):
            reason = f"it may refer to the result of {', '.join(hidden)}, which the service does not show"
            outcome = Outcome(reason=reason)
        else:
            outcome = steps.outcome(step, service)
        if isinstance(outcome.result, dict):
            ours.results[step.name] = outcome.result
        elif service is not None and outcome.reason is not None:
            silent.add(step.name)
        if step.branches is not None and service is not None:
            # Where ours is not known, what follows is judged by the service's.
            outcomes[step.name] = service.outcome if outcome.outcome is None else outcome.outcome
        found.append(ComparedStep(step.name, step.type, service, would_run, outcome))
    known = {step.name for step in plan.pipeline.all_steps}
    for name, service in execution.steps.items():
        if name not in known:
            only = Difference("$", f"status {service.status}", ABSENT)
            found.append(ComparedStep(name, next(iter(service.metadata), "?"), service, False, Outcome((only,))))
    return found


def _would_run(
    step: Step, graph: Graph, services: Mapping[str, ServiceStep], outcomes: Mapping[str, bool | None]
) -> bool:
    """Whether Airflow would run a step after those before it have ended as they did in the service."""
    branch = graph.branch_of.get(step.name)
    if branch is not None and outcomes.get(branch.condition) is not branch.taken:
        return False
    for need in graph.needs_of(step.name):
        service = services.get(need.step)
        if service is None or _ENDS.get(service.status) not in need.accepts:
            return False
    return True


def _not_run(would_run: bool, *, has_run_all: bool) -> Outcome:
    if would_run and has_run_all:
        return Outcome((Difference("$", ABSENT, "Airflow would run it"),))
    return Outcome()
