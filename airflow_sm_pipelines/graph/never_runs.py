"""Steps that can never run: those that need both branches of a Condition, or two ends of one step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.paths import listed
from airflow_sm_pipelines.graph.model import StepEnd
from airflow_sm_pipelines.graph.run_conditions import SUCCEEDED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.definition.findings import FindingCollector
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.graph.model import BranchMembership
    from airflow_sm_pipelines.graph.run_conditions import Reasons

_ENDS = tuple(StepEnd)


def warn_of_what_never_runs(
    order: list[str],
    steps: Mapping[str, Step],
    branch_of: Mapping[str, BranchMembership],
    reasons: Reasons,
    accepted: Mapping[tuple[str, str], frozenset[StepEnd]],
    collector: FindingCollector,
) -> None:
    """A warning for each step that can never run; of a chain only for the first.

    Whatever a step waits for must have run, with any Trigger: so what that one needed, the step needs too.

    :param accepted: the ends upon which one step runs after another, where that is not success alone
    """
    if not branch_of and not accepted:
        return
    conditions = [*dict.fromkeys(membership.condition for membership in branch_of.values())]
    watched = [*dict.fromkeys(needed for _, needed in accepted)]
    # What cannot be is a number with two bits for each Condition, one for each branch, and three for each step that a
    # Trigger names, one for each end. A set for each step would grow with the square.
    bit_of = {condition: 2 * position for position, condition in enumerate(conditions)}
    width = 2 * len(conditions)
    end_bit_of = {step: width + 3 * position for position, step in enumerate(watched)}
    first_of_two = (4 ** len(conditions) - 1) // 3
    first_of_three = (8 ** len(watched) - 1) // 7 << width
    excluded: dict[str, int] = {}
    for name in order:
        own = branch_of.get(name)
        cannot = 0 if own is None else 1 << bit_of[own.condition] + own.taken
        for upstream in reasons[name]:
            cannot |= excluded[upstream]
            if upstream in end_bit_of:
                ends = accepted.get((name, upstream), SUCCEEDED)
                cannot |= sum(1 << end_bit_of[upstream] + i for i, end in enumerate(_ENDS) if end not in ends)
        both = cannot & cannot >> 1 & first_of_two
        if both:
            names = sorted(condition for condition in conditions if both >> bit_of[condition] & 1)
            message = f"the step can never run: it needs both branches of {listed(names)}, and only one is taken"
            collector.warning(message, steps[name].path, step=name, code="never-runs")
            cannot &= ~(both | both << 1)
        no_end = cannot & cannot >> 1 & cannot >> 2 & first_of_three
        if no_end:
            names = sorted(step for step in watched if no_end >> end_bit_of[step] & 1)
            message = (
                f"the step can never run: what it waits for, and what that has waited for, asks for more than one end"
                f" of {listed(names)}; all entries of DependsOn have to hold"
            )
            collector.warning(message, steps[name].path, step=name, code="never-runs")
            cannot &= ~(no_end | no_end << 1 | no_end << 2)
        excluded[name] = cannot
