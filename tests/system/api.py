"""Airflow's public REST API, as the system tests need it."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

ENDED = ("success", "failed")


class AirflowApi:
    """Airflow's public REST API with the simple auth manager, as an administrator."""

    def __init__(self, base_url: str, *, username: str | None = None, password: str | None = None) -> None:
        """Log in: without a user name only where ``[core] simple_auth_manager_all_admins`` is on."""
        self._client = httpx.Client(base_url=base_url, timeout=120)
        if username is None:
            answer = self._client.get("/auth/token")
        else:
            answer = self._client.post("/auth/token", json={"username": username, "password": password})
        answer.raise_for_status()
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """The JSON of an answer below ``/api/v2``, or None; AssertionError with the server's words for an error."""
        answer = self._client.request(method, f"/api/v2{path}", **arguments)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def dag_ids(self) -> set[str]:
        """The Dags that the Dag processor has listed, stale ones left out."""
        answer = self.call("GET", "/dags", params={"limit": 100, "exclude_stale": True})
        return {dag["dag_id"] for dag in answer["dags"]}

    def import_errors(self) -> list[dict[str, Any]]:
        """What the UI shows as Dag import errors."""
        errors: list[dict[str, Any]] = self.call("GET", "/importErrors")["import_errors"]
        return errors

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None) -> str:
        """Unpause the Dag and start a run with these parameters; the run's id."""
        self.call("PATCH", f"/dags/{dag_id}", json={"is_paused": False})
        run = self.call("POST", f"/dags/{dag_id}/dagRuns", json={"logical_date": None, "conf": dict(conf or {})})
        run_id: str = run["dag_run_id"]
        return run_id

    def run_state(self, dag_id: str, run_id: str) -> str:
        """State of a Dag run."""
        state: str = self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}")["state"]
        return state

    def ended(self, dag_id: str, run_id: str) -> str | None:
        """State of a Dag run that has ended, else None: a check for :func:`wait_until`."""
        state = self.run_state(dag_id, run_id)
        return state if state in ENDED else None

    def task_states(self, dag_id: str, run_id: str) -> dict[str, str | None]:
        """State of each task of a Dag run."""
        answer = self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", params={"limit": 100})
        return {task["task_id"]: task["state"] for task in answer["task_instances"]}

    def task_log(self, dag_id: str, run_id: str, task_id: str, attempt: int = 1) -> str:
        """A task's log as text."""
        return "\n".join(str(line.get("event", line)) for line in self.task_log_lines(dag_id, run_id, task_id, attempt))

    def task_log_lines(self, dag_id: str, run_id: str, task_id: str, attempt: int = 1) -> list[dict[str, Any]]:
        """The lines of a task's log with their fields."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{attempt}"
        answer = self.call("GET", path, params={"full_content": True}, headers={"Accept": "application/json"})
        return [line for line in answer["content"] if isinstance(line, dict)]

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        """An XCom value of a task."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        return self.call("GET", path, params={"deserialize": True})["value"]

    def task(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """A task instance of a Dag run: its ``state``, ``try_number``, ``pid`` and so on."""
        task: dict[str, Any] = self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}")
        return task

    def set_task_state(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        """Mark a task instance, as a user does in the UI."""
        self.call("PATCH", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}", json={"new_state": state})

    def clear_task(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Clear a task instance whatever its state, as a user does in the UI: it runs again."""
        what = {"dry_run": False, "only_failed": False, "dag_run_id": run_id, "task_ids": [task_id]}
        self.call("POST", f"/dags/{dag_id}/clearTaskInstances", json=what)

    def healthy(self) -> bool:
        """Whether scheduler, triggerer and Dag processor all report to be alive."""
        health = self.call("GET", "/monitor/health")
        return all(health[name]["status"] == "healthy" for name in ("scheduler", "triggerer", "dag_processor"))


def is_answering(base_url: str) -> bool:
    """Whether Airflow's API server is there."""
    try:
        return httpx.get(f"{base_url}/api/v2/version", timeout=30).is_success
    except httpx.TransportError:
        return False
