"""The last task of a pipeline with run conditions: it is no step, and reports how the run ends (semantics 5.2).

Airflow judges a run by its last tasks. Where a step that handles a failure is the last, the run would end as a success.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from msgspec.structs import replace

from airflow_sm_pipelines.expressions.end_note import COMPLETED_WITH_FAILURES, END_KEY, EndNote
from airflow_sm_pipelines.graph.run_conditions import UpstreamState
from airflow_sm_pipelines.graph.run_outcome import StepFault, faults_of
from airflow_sm_pipelines.operators.run_conditions import RunStates

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_sm_pipelines.graph import Graph
    from airflow_sm_pipelines.place import Place

_MAX_REASON_LENGTH = 1024
_WITHOUT_END = (UpstreamState.NOT_BEGUN, UpstreamState.UNKNOWN)


class RunOutcomeOperator(BaseOperator):
    """Fails with the steps that failed, their states and reasons, and leaves these for the callbacks of the Dag.

    :param graph: the steps, and which of them run upon the failure of which
    :param place: where their tasks stand
    :param accepts_handled: whether a failure is none that a step ran upon
    """

    def __init__(self, *, graph: Graph, place: Place, accepts_handled: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.graph = graph
        self.place = place
        self.accepts_handled = accepts_handled

    @property
    def _subject(self) -> str:
        return "The run" if self.place.group_id is None else f"The pipeline of the task group {self.place.group_id}"

    def task_of(self, step: str) -> str:
        """The id of the task that has the result of a step."""
        return self.place.task(self.graph.task_of(step))

    def execute(self, context: Context) -> None:
        """:raises AirflowFailException: with all that has failed"""
        states = RunStates(context, self.task_of)
        ended = states.of(step.name for step in self.graph.steps)
        if self.place.group_id is not None and set(ended.values()) == {UpstreamState.SKIPPED}:
            # It was skipped with all that waits for what was before it, and so is what comes after it.
            raise AirflowSkipException("No step of the pipeline has run: all were skipped")
        found = faults_of(self.graph, ended)
        notes = {fault.step: states.note(fault.step) for fault in found if fault.state not in _WITHOUT_END}
        # In the body of a ForEach step, those of the same item have handled its failures.
        inside = {step: note.handled_by for step, note in notes.items() if note is not None}
        faults = [replace(one, handled_by=(*one.handled_by, *inside.get(one.step, ()))) for one in found]
        lines = [_line_of(fault, notes.get(fault.step)) for fault in faults]
        counted = [fault for fault in faults if not (self.accepts_handled and fault.handled_by)]
        if not faults:
            self.log.info("No step of the run has failed")
        elif counted:
            handled = any(fault.handled_by for fault in faults)
            what = f"{self._subject} {COMPLETED_WITH_FAILURES}" if handled else f"{self._subject} has failed"
            if self.place.group_id is not None and all(fault.state is UpstreamState.NOT_BEGUN for fault in faults):
                what = f"{self._subject} did not begin, since a task before it has not succeeded"
            message = "\n".join((f"{what}:", *lines))
            # What did not run has no task that failed.
            failed = tuple(self.task_of(one.step) for one in faults if one.state not in _WITHOUT_END)
            note = EndNote("Failed", message, headline=" ".join(message.split()), failed_tasks=failed)
            context["ti"].xcom_push(key=END_KEY, value=note.to_json())
            raise AirflowFailException(message)
        else:
            self.log.warning(
                "%s completed with failures, and steps ran upon all of them:\n%s", self._subject, "\n".join(lines)
            )


def _line_of(fault: StepFault, note: EndNote | None) -> str:
    if fault.state in _WITHOUT_END:
        return f"- {fault.step} {fault.state.value}"
    reason = note.reason if note is not None else "it was killed, timed out or marked as failed"
    text = reason[:_MAX_REASON_LENGTH].replace("\n", "\n  ")
    upon = f" {', '.join(fault.handled_by)} ran upon it." if fault.handled_by else ""
    state = UpstreamState.FAILED if fault.state.end is None else fault.state
    return f"- {fault.step} ended as {state.value}.{upon} {text}"
