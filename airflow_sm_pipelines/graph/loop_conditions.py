"""Run conditions that steps of a ForEach body have upon steps outside of it (semantics 5.1).

A loop begins as one: what its body waits for, it waits for. So a Trigger in its body holds for all of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.model import Trigger
from airflow_sm_pipelines.graph.model import ENDS_OF, ReasonKind
from airflow_sm_pipelines.graph.run_conditions import SUCCEEDED, accepted_by

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_sm_pipelines.definition.findings import FindingCollector
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.graph.model import Reason, StepEnd


def check_other_conditions(
    loop: Step,
    own: Mapping[str, list[Reason]],
    bodies: Sequence[Mapping[str, list[Reason]]],
    collector: FindingCollector,
) -> None:
    """A finding for each step upon whose end only a part of the loop runs.

    :param own: why the loop itself waits for other steps: its items, its DependsOn
    :param bodies: the same of each step of its body
    """
    for target in dict.fromkeys(name for part in (own, *bodies) for name in part):
        parts = [part[target] for part in (own, *bodies) if target in part]
        ends = {_ends(part) for part in parts}
        some_wait = len(parts) < len(bodies) + (target in own)
        if target in own and _has_entry(own[target]):
            # The loop's own entry takes the place of what its body refers to.
            ends = {_ends(part) for part in parts if _has_entry(part)}
            some_wait = False
        if ends == {SUCCEEDED} or (len(ends) == 1 and not (some_wait and ends != {ENDS_OF[Trigger.ANY]})):
            continue
        place = next(reason.path for part in parts for reason in part if reason.trigger is not Trigger.COMPLETED)
        collector.error(
            f"the ForEach step {loop.name!r} begins as one, and not all of it waits for the same end of the step"
            f" {target!r}; put the Trigger into the DependsOn of the ForEach step, or take what runs upon that"
            " end out of it",
            place,
            step=loop.name,
            code="loop-conditions-differ",
        )


def _ends(reasons: Sequence[Reason]) -> frozenset[StepEnd]:
    has_condition = any(reason.trigger is not Trigger.COMPLETED for reason in reasons)
    return accepted_by(reasons) if has_condition else SUCCEEDED


def _has_entry(reasons: Sequence[Reason]) -> bool:
    """Whether a DependsOn has an entry among these reasons."""
    return any(reason.kind is ReasonKind.DEPENDS_ON for reason in reasons)
