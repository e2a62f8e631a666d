"""Which jobs may run on when nobody is left who could stop them."""

from __future__ import annotations

from airflow_sm_pipelines.running.events import Event, StepChanged, Stopping


class UnderWay:
    """The jobs that have begun and not ended, by the events of a run."""

    def __init__(self) -> None:
        self._of_steps: dict[tuple[str, int], str] = {}
        self._asked_to_stop: tuple[str, ...] | None = None

    def take(self, event: Event) -> None:
        """Take up what an event says."""
        if isinstance(event, StepChanged):
            self._of_steps.pop((event.task_id, event.map_index), None)
            if event.state == "running" and event.job:
                self._of_steps[event.task_id, event.map_index] = event.job
        elif isinstance(event, Stopping):
            # The tasks of a run that is stopped are reported as failed, whatever their jobs do.
            self._asked_to_stop = event.jobs

    @property
    def jobs(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self._of_steps.values()) if self._asked_to_stop is None else self._asked_to_stop
