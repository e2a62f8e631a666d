"""Parameters that a template gives their values: what is a template, what it may name, and whether it has to be kept.

Only text that the Dag is given in Airflow can be one, never a value of a run and never the definition. Jinja is
imported where a template is looked at: most pipelines have none.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from airflow_sm_pipelines.definition.frozen import FrozenDict
from airflow_sm_pipelines.definition.guessing import nearest
from airflow_sm_pipelines.expressions.fixed_templates import FACTS, airflow_filters, is_fixed
from airflow_sm_pipelines.expressions.plain_values import macro_fault
from airflow_sm_pipelines.expressions.template_words import FILTERS, FUNCTIONS, MAX_TEMPLATE, MEMBERS, STATEMENTS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from jinja2.nodes import Template

_MARKS = ("{{", "{%", "{#")
PARAMS = "params"
NAMES = FACTS | {
    "var",
    "xcom_pull",
    "triggering_asset_events",
    "prev_data_interval_start_success",
    "prev_data_interval_end_success",
    "prev_start_date_success",
    "prev_end_date_success",
}
"""What a template can name beside the Dag's own macros."""
OF_DATES = frozenset({"logical_date", "ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz"}) | {
    "data_interval_start",
    "data_interval_end",
}
"""What only a run with a logical date has."""
_NOT_HERE = {
    "ti": "it is rendered once for the run, by no step; the XCom of another Dag's task is xcom_pull(task_ids, dag_id)",
    "task": "it is rendered once for the run, by no step",
    "conn": "a connection has credentials, which would stand in the requests",
    "dag": "dag_run.dag_id is the Dag's id",
}
_NOT_HERE |= {"task_instance": _NOT_HERE["ti"], "task_instance_key_str": _NOT_HERE["task"]}
_OF_TASKS = frozenset({"ti", "task_instance"})
_IN_GROUP = "give the output of the task itself as the value, which also makes the pipeline wait for it"
_OTHER_FILES = frozenset({"Extends", "Import", "FromImport", "Include"})


class ParameterTemplate(Struct, frozen=True):
    """The template of a parameter.

    ``is_kept``: what it comes to may be another at another time (a variable, an XCom), so it is rendered once in a run
    and kept. Otherwise it follows from the run alone, and each step renders it.
    """

    name: str
    text: str
    is_kept: bool


def is_template(value: object) -> bool:
    """Whether a value that the Dag is given is a template."""
    return isinstance(value, str) and any(mark in value for mark in _MARKS)


def templates_of(
    texts: Mapping[str, str], macros: Collection[str] = (), filters: Collection[str] = ()
) -> dict[str, ParameterTemplate]:
    """The templates by the names of their parameters. One that cannot be read is kept: it fails the run.

    :param macros: names that the Dag gives a meaning of its own, which may be another each time
    :param filters: those of its filters
    """
    return {
        name: ParameterTemplate(name, text, not is_fixed(_read(text), frozenset(macros), frozenset(filters)))
        for name, text in texts.items()
    }


def split(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Values and templates apart."""
    values = {name: value for name, value in given.items() if not is_template(value)}
    return values, {name: value for name, value in given.items() if name not in values}


def known_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of the values before a run: None of one that a template gives."""
    return {name: None if is_template(value) else value for name, value in given.items()}


class Fault(Struct, frozen=True):
    """What is wrong with a template, and what was likely meant."""

    reason: str
    hint: str | None = None


def faults_of(
    texts: Mapping[str, str],
    *,
    macros: Mapping[str, Any] = FrozenDict(),
    filters: Collection[str] = (),
    in_group: bool = False,
) -> Iterator[tuple[str, Fault]]:
    """What is wrong with the templates of parameters, as far as it can be known without a run.

    :param macros: what the Dag adds to what templates know
    :param filters: the names of its filters
    :param in_group: whether the pipeline is a task group, so that the Params are the Dag's, and none of a parameter
    """
    for name, text in texts.items():
        for reason, hint in _faults_of(text, () if in_group else texts, macros, frozenset(filters), in_group=in_group):
            yield name, Fault(reason, hint)


def names_in(text: str) -> frozenset[str]:
    """What a template names that it does not set itself."""
    from jinja2 import meta

    tree = _read(text)
    return frozenset() if isinstance(tree, str) else frozenset(meta.find_undeclared_variables(tree))


def _faults_of(
    text: str, templates: Collection[str], macros: Mapping[str, Any], filters: frozenset[str], *, in_group: bool
) -> Iterator[tuple[str, str | None]]:
    from jinja2 import nodes

    if len(text) > MAX_TEMPLATE:
        yield f"has {len(text):,} characters, and at most {MAX_TEMPLATE:,} are read", None
        return
    tree = _read(text)
    if isinstance(tree, str):
        yield f"cannot be read: {tree}", None
        return
    yield from _faults_of_names(tree, text, macros, in_group=in_group)
    all_filters = FILTERS | airflow_filters() | filters
    for name in sorted({each.name for each in tree.find_all(nodes.Filter)} - all_filters):
        yield f"has the filter {name!r}, and there is no such filter", nearest(name, sorted(all_filters))
    kinds = {type(node).__name__ for node in tree.find_all(nodes.Node)} - STATEMENTS
    if any(node.recursive for node in tree.find_all(nodes.For)):
        kinds.add("recursive For")
    if kinds & _OTHER_FILES:
        yield "takes in another file, which it cannot", None
    elif kinds:
        yield f"has a {' and a '.join(sorted(kinds))}, and its statements can be only for, if, set and with", None
    for other in sorted(_params_in(tree) & set(templates)):
        yield f"reads params.{other}, to which a template gives its value too", None


def _faults_of_names(
    tree: Template, text: str, macros: Mapping[str, Any], *, in_group: bool
) -> Iterator[tuple[str, str | None]]:
    known = NAMES | macros.keys() | FUNCTIONS
    named = names_in(text)
    for name in sorted(named - known):
        if name in _OF_TASKS and in_group:
            yield f"names {name!r}, which it cannot: {_IN_GROUP}", None
        elif (reason := _NOT_HERE.get(name)) is not None:
            yield f"names {name!r}, which it cannot: {reason}", None
        else:
            yield f"names {name!r}, and there is no such thing", nearest(name, sorted(known))
    for name in sorted(named & macros.keys()):
        if (fault := macro_fault(macros[name])) is not None:
            yield f"names {name!r}, which {fault}", None
    for name, member in sorted(_members_in(tree)):
        if name not in macros and member not in MEMBERS[name]:
            yield f"names {name}.{member}, and there is no such thing", nearest(member, sorted(MEMBERS[name]))


def _params_in(tree: Template) -> set[str]:
    """The Params that a template reads by a name that stands in it."""
    from jinja2 import nodes

    found: set[str] = set()
    chains: Any = tree.find_all((nodes.Getattr, nodes.Getitem))
    for node in chains:
        if isinstance(node.node, nodes.Name) and node.node.name == PARAMS:
            found.add(node.attr if isinstance(node, nodes.Getattr) else str(getattr(node.arg, "value", None)))
    return found


def _members_in(tree: Template) -> set[tuple[str, str]]:
    """The members of what has only some that a template reads by a name, other than one that it sets itself."""
    from jinja2 import meta, nodes

    free = meta.find_undeclared_variables(tree)
    return {
        (node.node.name, node.attr)
        for node in tree.find_all(nodes.Getattr)
        if isinstance(node.node, nodes.Name) and node.node.name in free & MEMBERS.keys()
    }


class _AnyFilter(dict[str, Any]):
    def get(self, name: str, default: Any = str) -> Any:
        return super().get(name, default)


@lru_cache(maxsize=256)
def _read(text: str) -> Any:
    """The syntax tree of a template, or what keeps it from being read."""
    from jinja2 import TemplateSyntaxError
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment()
    # All names are looked at here: Jinja would pass over its own functions, and raise for filters of Airflow's.
    environment.globals.clear()
    environment.filters = _AnyFilter(environment.filters)
    try:
        return environment.parse(text)
    except TemplateSyntaxError as error:
        return error.message or "its syntax is wrong"
    except RecursionError:
        return "it is nested too deeply"
