"""What one try of a step's task finds out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.operators.copied_results import SelectionDecision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_sm_pipelines.aws.failures import StepFailure
    from airflow_sm_pipelines.graph.run_conditions import Unmet
    from airflow_sm_pipelines.jobs.step_run import StepRun


class StepTry:
    """What one try of a step's task finds out. It is made in the worker, so that the parse does not pay for it.

    ``decision`` is what the step does in its run, ``run_fault`` what is wrong with the run, ``unmet`` which of the
    step's run conditions do not hold.
    """

    def __init__(self, run: StepRun) -> None:
        self.run = run
        self.decision = SelectionDecision()
        self.run_fault: StepFailure | None = None
        self.unmet: Sequence[Unmet] = ()
