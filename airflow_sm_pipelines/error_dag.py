"""The Dag that stands for a broken definition.

Airflow 3.3 takes all Dags of a dags file for stale when that file reports an import error, so a broken definition
must not be one: it becomes a Dag that says what is wrong. A pipeline on a schedule must not fall silent either: the Dag
keeps what was given for it, so that its next run fails, and who is notified of every failure is notified of that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator
from airflow.sdk.exceptions import AirflowFailException
from typing_extensions import override

from airflow_sm_pipelines.arguments import REFUSED_OF_DAG, REFUSED_OF_TASKS, names_of
from airflow_sm_pipelines.cache.store import cache_asset
from airflow_sm_pipelines.definition.findings import counted
from airflow_sm_pipelines.definition.paths import shorten
from airflow_sm_pipelines.definition.text import storable
from airflow_sm_pipelines.expressions.end_note import END_KEY, EndNote
from airflow_sm_pipelines.markdown import bullets, documentation, escaped
from airflow_sm_pipelines.naming import PIPELINE_TAG
from airflow_sm_pipelines.operators.failure_report import MACROS
from airflow_sm_pipelines.place import Place
from airflow_sm_pipelines.stored_dag import faults_of_dag, faults_of_tasks, refuse_unstorable

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_sm_pipelines.definition.findings import DefinitionError

log = logging.getLogger(__name__)

ERROR_TAG = "definition-error"
TASK_ID = "definition_error"
MAX_SHOWN_LENGTH = 300
NOTHING: Mapping[str, Any] = {}
# What describes the definition, or its parameters.
_OWN = frozenset({"dag_id", "description", "doc_md", "dag_display_name", "params", "tags", "default_args"})
# What could keep the one task from failing at once, or is of its own here.
_OF_STEPS = frozenset(
    {
        "depends_on_past",
        "ignore_first_depends_on_past",
        "inlets",
        "pool",
        "pool_slots",
        "post_execute",
        "pre_execute",
        "retries",
        "retry_delay",
        "wait_for_downstream",
        "wait_for_past_depends_before_skipping",
    }
)


class DefinitionErrorOperator(BaseOperator):
    """Fails with the findings of a definition."""

    def __init__(self, *, findings: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.findings = findings

    @override
    def execute(self, context: Context) -> None:
        # For failure_of: Airflow gives the callback of the Dag no reason.
        note = EndNote("Failed", self.findings, headline=" ".join(self.findings.split()))
        context["ti"].xcom_push(key=END_KEY, value=note.to_json())
        raise AirflowFailException(self.findings)


def error_dag(
    dag_id: str, file: str, error: DefinitionError, given: Mapping[str, Any] = NOTHING, lead: str | None = None
) -> DAG:
    """A Dag of the definition's id, whose name, documentation and only task show the findings.

    :param given: the arguments of the pipeline's Dag. Schedule, dates, owner, tags, callbacks and the like are kept
    :param lead: the documentation's first sentence, where it is not one definition that is wrong
    """
    dag = DAG.__new__(DAG)
    become_error_dag(dag, dag_id, file, error, given, lead)
    return dag


def become_error_dag(
    dag: DAG, dag_id: str, file: str, error: DefinitionError, given: Mapping[str, Any], lead: str | None = None
) -> None:
    """Make a new Dag that of :func:`error_dag`.

    The name of a file may hold what Airflow cannot store; the findings of an error never do.
    """
    name, summary = storable(file), f"cannot be used: {counted(error.findings)}"
    lead = lead or f"The file {escaped(name)} is a pipeline definition that cannot be used."
    first = f". {shorten(str(error.findings[0]), MAX_SHOWN_LENGTH)}" if error.findings else ""
    given_tags = given.get("tags")
    tags = [tag for tag in given_tags if isinstance(tag, str)] if isinstance(given_tags, list | tuple | set) else []
    about = {
        "description": f"{shorten(name, 500)} {summary}{first}",
        "dag_display_name": f"{shorten(str(given.get('dag_display_name') or dag_id), 500)} (definition error)",
        "doc_md": documentation([lead, *bullets(error.findings)]),
    }
    wanted = {
        **{key: value for key, value in given.items() if key in names_of(DAG) - _OWN and key not in REFUSED_OF_DAG},
        "tags": sorted({*tags, PIPELINE_TAG, ERROR_TAG}),
    }

    def make(arguments: dict[str, Any]) -> None:
        kept = DAG(dag_id, **arguments)
        kept.validate()
        refuse_unstorable(name, faults_of_dag(kept))

    kept = _accepted(wanted, make)
    taken = accepted_of_task(given.get("default_args"))
    macros = {**MACROS, **(kept.get("user_defined_macros") or {})}
    DAG.__init__(
        dag,
        dag_id,
        **{"tags": [PIPELINE_TAG, ERROR_TAG], **kept, **about, "default_args": taken, "user_defined_macros": macros},
    )
    DefinitionErrorOperator(
        task_id=TASK_ID,
        task_display_name=f"{shorten(name, MAX_SHOWN_LENGTH)} {summary}",
        dag=dag,
        findings=str(error),
        retries=0,
        doc_md=dag.doc_md,
        # Airflow empties the state of an asset that no Dag names: a slip in the file costs no cached results.
        inlets=[cache_asset(Place(dag_id))],
    )


def accepted_of_task(default_args: object) -> dict[str, Any]:
    """The default_args that the task keeps: who is notified of its failure, and what Airflow takes of the rest."""
    of_tasks = {
        key: value
        for key, value in (default_args if isinstance(default_args, Mapping) else NOTHING).items()
        if key in names_of(BaseOperator) and key not in _OF_STEPS and key not in REFUSED_OF_TASKS
    }

    def make(arguments: dict[str, Any]) -> object:
        # In a Dag of its own: that of a `with` around this would take it.
        scratch = DAG(TASK_ID, schedule=None)
        task = DefinitionErrorOperator(
            dag=scratch, task_group=scratch.task_group, task_id=TASK_ID, findings="", **arguments
        )
        refuse_unstorable(TASK_ID, faults_of_tasks([task]))
        return task

    return _accepted(of_tasks, make)


def _accepted(given: Mapping[str, Any], make: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """What Airflow takes of some arguments: one of them may be what is wrong with the Dag."""
    try:
        make(dict(given))
    except Exception as refused:
        log.debug("Airflow refuses the arguments of the Dag of a broken definition", exc_info=refused)
    else:
        return dict(given)
    kept: dict[str, Any] = {}
    for name, value in given.items():
        try:
            make({**kept, name: value})
        except Exception as refused:  # noqa: BLE001 # whatever Airflow says of it
            log.warning("The Dag of a broken definition goes without %s, which Airflow refuses: %s", name, refused)
        else:
            kept[name] = value
    return kept
