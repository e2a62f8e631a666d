"""Whether what a template comes to follows from the run alone, and is the same whenever it is rendered.

Such a template needs no place where its value is kept: each step renders it, and all of them have the same. Anything
that is not known to be so here is taken for what may change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.expressions.template_words import FILTERS, FUNCTIONS

if TYPE_CHECKING:
    from jinja2.nodes import Expr, Node

FACTS = frozenset(
    {
        "dag_run",
        "data_interval_end",
        "data_interval_start",
        "ds",
        "ds_nodash",
        "logical_date",
        "macros",
        "params",
        "partition_date",
        "partition_key",
        "run_id",
        "ts",
        "ts_nodash",
        "ts_nodash_with_tz",
    }
)
"""What a template can name that is the run's own, though not all of ``dag_run`` and ``macros`` stays what it is."""
_OF_RUN = frozenset(
    {
        "conf",
        "dag_id",
        "data_interval_end",
        "data_interval_start",
        "logical_date",
        "partition_date",
        "partition_key",
        "run_after",
        "run_id",
        "run_type",
    }
)
_OF_MACROS = frozenset({"datetime", "ds_add", "ds_format", "json", "timedelta"})
# Attributes and methods of texts, numbers, dates and objects that look at no clock and throw no dice.
_SAME_WORDS = (
    "astimezone capitalize combine count date day day_of_week day_of_year days days_in_month dumps end_of "
    "endswith find first_of float_timestamp format fromisoformat get hour in_days in_hours in_minutes "
    "in_seconds in_timezone in_tz in_weeks index int_timestamp isalnum isalpha isdigit isocalendar isoformat "
    "isoweekday items join keys last last_of ljust loads lower lstrip microsecond minute month naive next "
    "nth_of partition previous quarter removeprefix removesuffix replace rfind rjust rpartition rsplit rstrip "
    "second seconds split splitlines start_of startswith strftime strip strptime subtract add swapcase time "
    "timestamp title to_date_string to_datetime_string to_iso8601_string to_time_string total_seconds upper "
    "value values week_of_month week_of_year weekday year zfill"
)
_SAME = frozenset(_SAME_WORDS.split())
# These take names of attributes or filters as texts, or throw dice.
_FILTERS_THAT_MAY_CHANGE = frozenset({"map", "random", "reject", "rejectattr", "select", "selectattr"})


def airflow_filters() -> frozenset[str]:
    """The filters that Airflow adds to Jinja's."""
    return frozenset({"ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz"})


def is_fixed(tree: Any, macros: frozenset[str] = frozenset(), filters: frozenset[str] = frozenset()) -> bool:
    """Whether all that a template does comes to the same throughout a run. ``tree`` is a text where it has none.

    ``macros`` and ``filters`` are names to which the Dag gives a meaning of its own, of which nothing is known.
    """
    from jinja2 import meta, nodes

    if isinstance(tree, str) or not meta.find_undeclared_variables(tree) <= (FACTS | FUNCTIONS) - macros:
        return False
    known = (FILTERS | airflow_filters()) - _FILTERS_THAT_MAY_CHANGE - filters
    if any(each.name not in known for each in tree.find_all(nodes.Filter)):
        return False
    if any(True for _ in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends))):
        return False
    return all(_is_same(node) for node in tree.find_all((nodes.Getattr, nodes.Getitem))) and _roots_are_read(tree)


def _is_same(node: Any) -> bool:
    """Whether one attribute or item is the same throughout a run."""
    from jinja2 import nodes

    root, first = _root(node)
    if root == "params":
        return True
    attribute = node.attr if isinstance(node, nodes.Getattr) else getattr(node.arg, "value", None)
    if isinstance(node, nodes.Getitem) and not isinstance(attribute, str):
        # A slice or a number; what is only known in the run may be the name of anything.
        return isinstance(node.arg, nodes.Slice) or isinstance(attribute, int)
    if root == "dag_run" and first is not node:
        taken = first.attr if isinstance(first, nodes.Getattr) else None
        return taken == "conf" or attribute in _SAME
    if first is node and root in ("dag_run", "macros"):
        return attribute in (_OF_RUN if root == "dag_run" else _OF_MACROS)
    return attribute in _SAME


def _root(node: Expr) -> tuple[str | None, Any]:
    """The name with which a chain of attributes begins, and the first of them."""
    from jinja2 import nodes

    first: Any = node
    inner: Any = node
    while isinstance(inner, nodes.Getattr | nodes.Getitem | nodes.Call):
        if not isinstance(inner, nodes.Call):
            first = inner
        inner = inner.node
    return (inner.name, first) if isinstance(inner, nodes.Name) else (None, first)


def _roots_are_read(tree: Node) -> bool:
    """Whether the run and the macros stand nowhere by themselves: set to another name, they are no longer known."""
    from jinja2 import nodes

    chains: Any = tree.find_all((nodes.Getattr, nodes.Getitem))
    read = {id(node.node) for node in chains if isinstance(node.node, nodes.Name)}
    return all(id(name) in read for name in tree.find_all(nodes.Name) if name.name in ("dag_run", "macros"))
