"""Where the tasks of a pipeline stand in Airflow: in a Dag of their own, or in a task group of some Dag."""

from __future__ import annotations

from msgspec import Struct


class Place(Struct, frozen=True):
    """The place of one pipeline. All that is the pipeline's own, and not its Dag's, follows from it: the ids of its
    tasks, its name, the execution id of a run, its step cache and its pools.

    ``group_id`` is the whole id of the task group, with those around it; None where the Dag is the pipeline's.
    """

    dag_id: str
    group_id: str | None = None

    @property
    def name(self) -> str:
        """What the pipeline is called."""
        return self.dag_id if self.group_id is None else f"{self.dag_id}.{self.group_id}"

    def task(self, own_id: str) -> str:
        """The id in the Dag of a task, or a group, that has an id of its own in the pipeline."""
        return own_id if self.group_id is None else f"{self.group_id}.{own_id}"
