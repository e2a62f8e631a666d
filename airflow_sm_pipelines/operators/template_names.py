"""What the templates of a run's parameters can name: plain values of the run, and functions that are written here.

No object of Airflow is handed over: its methods are not known here, and some of them read files or run code.
"""

from __future__ import annotations

import json
import random
import time
import uuid
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.definition.evaluation_errors import UnresolvedError
from airflow_sm_pipelines.definition.secrets import texts
from airflow_sm_pipelines.expressions.json_text import read_json
from airflow_sm_pipelines.expressions.parameters import coerce, is_secret_parameter
from airflow_sm_pipelines.expressions.plain_values import Function, Names, NotPlainError, Reader, macro_fault
from airflow_sm_pipelines.expressions.template_words import RUN
from airflow_sm_pipelines.expressions.templates import NAMES, PARAMS
from airflow_sm_pipelines.operators.failure_report import MACROS
from airflow_sm_pipelines.operators.masking import learn
from airflow_sm_pipelines.operators.past_runs import PastRuns

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from airflow.sdk import Context

    from airflow_sm_pipelines.definition.secret_names import IsSecret
    from airflow_sm_pipelines.expressions.pipeline import PipelineContext
    from airflow_sm_pipelines.expressions.stringify import Json

_LATER = frozenset({"prev_data_interval_start_success", "prev_data_interval_end_success"}) | {
    "prev_start_date_success",
    "prev_end_date_success",
}


class NotThereError(LookupError):
    """There is no such variable or XCom."""


class TemplateNames:
    """The names of one run.

    :param context: of any task of the run
    """

    def __init__(self, context: Context, pipeline: PipelineContext, is_secret: IsSecret) -> None:
        self._context: Any = context
        self._pipeline = pipeline
        self._is_secret = is_secret
        macros = context["dag"].user_defined_macros or {}
        self._macros: dict[str, Any] = {name: macro for name, macro in macros.items() if name not in MACROS}
        self._made: Mapping[str, Callable[[], Any]] = {
            PARAMS: self._params,
            "dag_run": lambda: run_view("dag_run", context["dag_run"]),
            "macros": lambda: OF_DATES_AND_TEXTS,
            "var": self._variables,
            "xcom_pull": lambda: Function("xcom_pull", partial(_xcom_pull, context)),
            "triggering_asset_events": self._events,
        }

    def has(self, name: str) -> bool:
        """Whether the run has something of a name."""
        return name in self._macros or name in self._made or name in self._context

    def of(self, names: Collection[str]) -> dict[str, Any]:
        """Those of the names that there are."""
        return {name: self._value(name) for name in names if self.has(name) and name in NAMES | self._macros.keys()}

    def _value(self, name: str) -> Any:
        if name in self._macros:
            return _macro(name, self._macros[name])
        if name in self._made:
            return self._made[name]()
        value = self._context[name]
        # Airflow asks for these when they are first looked at.
        return getattr(value, "__wrapped__", value) if name in _LATER else value

    def _params(self) -> dict[str, Any]:
        """The values that the run has: those of the pipeline's parameters as steps read them."""
        given = dict(self._context["params"])
        if self._pipeline.place.group_id is not None:
            # In a task group, all Params are the Dag's own.
            return given
        return {
            name: self._parameter(name, value) if name in self._pipeline.parameters else value
            for name, value in given.items()
            if name not in self._pipeline.templates
        }

    def _parameter(self, name: str, given: Json) -> Json:
        parameter = self._pipeline.parameters[name]
        is_secret = is_secret_parameter(parameter, self._is_secret)
        if given is None and is_secret:
            # Its Param does not show the default (params.py).
            given = parameter.default
        try:
            value = coerce(parameter, given, self._is_secret)
        except UnresolvedError:
            # The step that reads it says so.
            value = given
        if is_secret:
            learn(texts(value))
        return value

    def _variables(self) -> Names:
        accessors: Any = self._context["var"]
        return Names("var", {kind: _reader(f"var.{kind}", accessors[kind]) for kind in ("value", "json")})

    def _events(self) -> dict[str, list[Names]]:
        """The events by the URIs of their assets, and by the names of aliases."""
        found: dict[str, list[Names]] = {}
        for asset, events in self._context["triggering_asset_events"].items():
            key = getattr(asset, "uri", None) or asset.name
            found.setdefault(key, []).extend(_event_view(event) for event in events)
        return found


def run_view(label: str, run: Any) -> Names:
    """What a template has of a run."""
    return Names(label, {name: getattr(run, name, None) for name in RUN})


def _event_view(event: Any) -> Names:
    of_source = ("source_dag_id", "source_task_id", "source_run_id", "source_map_index")
    members = {name: getattr(event, name, None) for name in ("timestamp", "extra", "partition_key", *of_source)}
    asset = Names("asset", {name: getattr(event.asset, name, None) for name in ("name", "uri")})
    return Names("the event", {**members, "asset": asset}, {"source_dag_run": partial(_source_run, event)})


def _source_run(event: Any) -> Names | None:
    run = event.source_dag_run
    return None if run is None else run_view("source_dag_run", run)


def _macro(name: str, macro: Any) -> Any:
    if (fault := macro_fault(macro)) is not None:
        raise NotPlainError(f"{name} {fault}")
    return Function(name, macro) if callable(macro) else macro


def _reader(label: str, accessor: Any) -> Reader:
    missing = object()

    def read(name: str) -> Any:
        value = accessor.get(name, missing)
        if value is missing:
            raise NotThereError(f"there is no variable {name!r}")
        return value

    def get(name: str, default: Any = None) -> Any:
        return accessor.get(name, default)

    return Reader(label, read, Function(f"{label}.get", get))


def _xcom_pull(
    context: Context,
    task_ids: str,
    dag_id: str,
    key: str = "return_value",
    run_id: str | None = None,
    map_index: int | None = None,
) -> Any:
    """The XCom of another Dag's task: of the run that is named, else of the latest one in which the task succeeded and
    whose run_after is not after this run's.
    """
    ti: Any = context["ti"]
    if dag_id == ti.dag_id:
        message = "xcom_pull is for the tasks of other Dags: steps refer to each other in the definition"
        raise NotThereError(f"{message}, and a task group is given the output of a task as the value of a parameter")
    chosen = {} if map_index is None else {"map_indexes": map_index}
    runs: Iterable[str] = () if run_id is None else (run_id,)
    if run_id is None:
        runs = PastRuns(context, str, dag_id).succeeded_until(context["dag_run"].run_after, task_ids)
    for run in runs:
        found = ti.xcom_pull(dag_id=dag_id, task_ids=task_ids, key=key, run_id=run, **chosen)
        if found is not None:
            return found
    of_run = "" if run_id is None else f" in the run {run_id!r}"
    raise NotThereError(f"the task {task_ids!r} of the Dag {dag_id!r} has no XCom {key!r}{of_run}")


def _ds_add(ds: str, days: int) -> str:
    return (date.fromisoformat(str(ds)) + timedelta(days=days)).isoformat()


def _ds_format(ds: str, input_format: str, output_format: str) -> str:
    return datetime.strptime(str(ds), input_format).strftime(output_format)  # noqa: DTZ007 # a text becomes a text


def _dumps(value: Any, *, sort_keys: bool = False) -> str:
    return json.dumps(value, sort_keys=sort_keys)


def _functions(label: str, **functions: Callable[..., Any]) -> dict[str, Function]:
    return {name: Function(f"{label}.{name}", function) for name, function in functions.items()}


_MOMENTS = ("combine", "fromisoformat", "fromtimestamp", "now", "strptime", "today")
OF_DATES_AND_TEXTS = Names(
    "macros",
    {
        **_functions("macros", ds_add=_ds_add, ds_format=_ds_format, random=random.random, timedelta=timedelta),
        "datetime": Names(
            "macros.datetime",
            _functions("macros.datetime", **{name: getattr(datetime, name) for name in _MOMENTS}),
            call=datetime,
        ),
        "json": Names("macros.json", _functions("macros.json", dumps=_dumps, loads=read_json)),
        "time": Names("macros.time", _functions("macros.time", time=time.time)),
        "uuid": Names("macros.uuid", _functions("macros.uuid", uuid1=uuid.uuid1, uuid4=uuid.uuid4)),
    },
)
"""What templates have as ``macros``."""
