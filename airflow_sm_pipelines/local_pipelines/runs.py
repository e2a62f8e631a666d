"""The executions of the local endpoint: what the API asks of Airflow's runs, over runs without a deployment."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow_sm_pipelines.api.runs import Change, NewRun, RefusedError, Run, RunFilter, Task
from airflow_sm_pipelines.definition.parameters import SOURCE_RUN
from airflow_sm_pipelines.expressions.identity import execution_id
from airflow_sm_pipelines.local_pipelines.execution import Begun, Execution
from airflow_sm_pipelines.local_pipelines.homes import Homes
from airflow_sm_pipelines.place import Place
from airflow_sm_pipelines.running.definition_run import run_definition, run_id_of
from airflow_sm_pipelines.wire.errors import ApiError

MAX_AT_ONCE = 8
"""Each takes two processes of Airflow."""

FILE = "pipeline.json"
NO_RETRY = (
    "The local endpoint does not retry executions: start one anew. Results of the step cache are taken again, and a"
    " SelectiveExecutionConfig runs chosen steps on the results of an execution."
)


class LocalRuns:
    """Runs in processes of their own, which call the endpoint.

    :param endpoint: its URL
    :param root: a folder for the homes of the runs
    :param document: the describe-pipeline document of a pipeline's current version, by the pipeline's name
    :param arguments: further arguments of :func:`run_definition`, the same for every run
    """

    def __init__(
        self,
        endpoint: str,
        root: Path,
        document: Callable[[str], Mapping[str, Any]],
        arguments: Mapping[str, Any],
    ) -> None:
        self._endpoint = endpoint
        self._homes = Homes(root)
        self._document = document
        self._arguments = arguments
        self._lock = threading.Lock()
        # By Dag and by each id that an execution has: its own, and that of the call which started it.
        self._executions: list[tuple[str, str, Execution]] = []
        self._by_id: dict[tuple[str, str], Execution] = {}
        self._last_time = datetime.now(UTC)
        self._closed = False

    # Reading ------------------------------------------------------------------------------------------------

    def taken_by(self, dag_id: str) -> str | None:  # noqa: ARG002 # as it is called
        """Nothing else makes Dags here."""
        return None

    def find(self, dag_id: str, execution_id: str) -> Run | None:
        with self._lock:
            found = self._by_id.get((dag_id, execution_id))
        return None if found is None else found.run()

    def started(self, dag_id: str, run_id: str) -> Run | None:
        return self.find(dag_id, execution_id(Place(dag_id), run_id))

    def page(self, dag_id: str, which: RunFilter) -> list[Run]:
        def key(run: Run) -> Any:
            return run.number if which.order_by == "number" else run.execution_id

        runs = sorted(self._runs_of(dag_id), key=key, reverse=which.descending)
        return [
            run
            for run in runs
            if (which.created_after is None or run.created_at > which.created_after)
            and (which.created_before is None or run.created_at < which.created_before)
            and (which.after is None or (key(run) < which.after if which.descending else key(run) > which.after))
        ][: which.limit]

    def tasks(self, run: Run) -> list[Task]:
        found = self._execution(run)
        return [] if found is None else found.tasks()

    def latest(self, dag_ids: Sequence[str]) -> dict[str, datetime]:
        return {dag_id: runs[-1].created_at for dag_id in dag_ids if (runs := self._runs_of(dag_id))}

    def latest_of_versions(self, dag_id: str, numbers: Collection[int]) -> dict[int, str]:
        found = {}
        for run in self._runs_of(dag_id):
            if (number := run.given.pipeline_version_id) is not None and number in numbers:
                found[number] = run.execution_id
        return found

    def has_unfinished(self, dag_id: str) -> bool:
        return any(not each.has_ended for each in self._executions_of(dag_id))

    # Changing -----------------------------------------------------------------------------------------------

    def start(self, new: NewRun) -> tuple[Run, bool]:
        """Every version can be started as soon as it is stored.

        :raises RefusedError: where the endpoint is about to end
        :raises ApiError: ResourceLimitExceeded
        """
        place = Place(new.dag_id)
        asked = (new.dag_id, execution_id(place, new.run_id))
        with self._lock:
            if (present := self._by_id.get(asked)) is not None:
                return present.run(), False
            if self._closed:
                raise RefusedError("The endpoint is about to end.")
            if sum(not each.has_ended for _, _, each in self._executions) >= MAX_AT_ONCE:
                raise ApiError(
                    "ResourceLimitExceeded", f"{MAX_AT_ONCE} executions run at once here: wait until one has ended."
                )
            # Two runs have no id in common.
            self._last_time = max(datetime.now(UTC), self._last_time + timedelta(microseconds=1))
            run_id = run_id_of(self._last_time)
            begun = Begun(
                dag_id=new.dag_id,
                run_id=run_id,
                execution_id=execution_id(place, run_id),
                number=len(self._executions) + 1,
                created_at=self._last_time,
                user=new.user,
                conf=new.conf,
            )
            made = Execution(begun, self._begin(new, self._last_time))
            self._executions.append((new.dag_id, run_id, made))
            self._by_id[asked] = self._by_id[new.dag_id, begun.execution_id] = made
        made.listen()
        return made.run(), True

    def _begin(self, new: NewRun, at: datetime) -> Any:
        home = self._homes.new(self._home_before(new))
        path = home / FILE
        path.write_text(json.dumps(self._document(new.dag_id)))
        return run_definition(path, conf=new.conf, endpoint=self._endpoint, home=home, run_after=at, **self._arguments)

    def _home_before(self, new: NewRun) -> Path | None:
        """That of the source of a selective execution, else of the pipeline's last run, else of any, that has ended."""
        ended = [(dag_id, run_id, each.home) for dag_id, run_id, each in self._executions if each.has_ended]
        source = new.conf.get(SOURCE_RUN)
        ranked = sorted(ended, key=lambda each: (each[1] == source, each[0] == new.dag_id))
        return ranked[-1][2] if ranked else None

    def stop(self, run: Run, change: Change) -> None:
        found = self._execution(run)
        if found is not None:
            found.stop(change)

    def retry(self, run: Run, change: Change, tasks: Sequence[tuple[str, int]]) -> None:  # noqa: ARG002
        """:raises ApiError: always"""
        raise ApiError("ValidationException", NO_RETRY)

    def change(self, run: Run, change: Change) -> None:
        found = self._execution(run)
        if found is not None:
            found.change(change)

    def close(self) -> None:
        """Stop what runs, wait until it has ended, and remove the homes."""
        with self._lock:
            self._closed = True
            executions = [each for _, _, each in self._executions]
        for each in executions:
            each.stop()
        for each in executions:
            each.wait()
        self._homes.remove()

    # ----------------------------------------------------------------------------------------------------------

    def _executions_of(self, dag_id: str) -> list[Execution]:
        with self._lock:
            return [each for of, _, each in self._executions if of == dag_id]

    def _runs_of(self, dag_id: str) -> list[Run]:
        return [each.run() for each in self._executions_of(dag_id)]

    def _execution(self, run: Run) -> Execution | None:
        with self._lock:
            return self._by_id.get((run.dag_id, run.execution_id))
