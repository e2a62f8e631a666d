"""The link from a step whose result is an earlier one's to the run that this one comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf
from typing_extensions import override

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class CacheSourceLink(BaseOperatorLink):
    """The task in the Dag run whose result was reused; no link where the step's own job ran."""

    name = "Cache source run"

    @override
    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        # Airflow asks at the end of the task, in its process, and keeps the answer in XCom.
        run_id = getattr(operator, "cache_source_run", None)
        if run_id is None:
            return ""
        base = conf.get("api", "base_url", fallback="/").rstrip("/")
        return f"{base}/dags/{quote(ti_key.dag_id)}/runs/{quote(run_id)}/tasks/{quote(ti_key.task_id)}"
