"""The Dag that stands for a broken definition.

Airflow 3.3 takes all Dags of a dags file for stale when that file reports an import error, so a broken definition
must not be one: it becomes a Dag that says what is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator
from airflow.sdk.exceptions import AirflowFailException
from typing_extensions import override

from airflow_sm_pipelines.cache.store import cache_asset
from airflow_sm_pipelines.definition.findings import counted
from airflow_sm_pipelines.definition.paths import shorten
from airflow_sm_pipelines.definition.text import storable
from airflow_sm_pipelines.markdown import bullets, documentation, escaped

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_sm_pipelines.definition.findings import DefinitionError

ERROR_TAG = "definition-error"
TASK_ID = "definition_error"


class DefinitionErrorOperator(BaseOperator):
    """Fails with the findings of a definition."""

    def __init__(self, *, findings: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.findings = findings

    @override
    def execute(self, context: Context) -> None:
        raise AirflowFailException(self.findings)


def error_dag(dag_id: str, file: str, error: DefinitionError) -> DAG:
    """A Dag of the definition's id without a schedule, whose documentation and only task tell the findings.

    The name of a file may hold what Airflow cannot store; the findings of an error never do.
    """
    name = storable(file)
    dag = DAG(
        dag_id,
        description=f"{shorten(name, 500)} cannot be used: {counted(error.findings)}",
        dag_display_name=f"{dag_id} (definition error)",
        schedule=None,
        tags=[ERROR_TAG],
        doc_md=documentation(
            [f"The file {escaped(name)} is a pipeline definition that cannot be used.", *bullets(error.findings)]
        ),
    )
    DefinitionErrorOperator(
        task_id=TASK_ID,
        dag=dag,
        findings=str(error),
        retries=0,
        doc_md=dag.doc_md,
        # Airflow empties the state of an asset that no Dag names: a slip in the file costs no cached results.
        inlets=[cache_asset(dag_id)],
    )
    return dag
