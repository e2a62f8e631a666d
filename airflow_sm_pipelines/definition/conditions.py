"""The conditions of a Condition step, in every spelling that SDKs and the published schema write."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.model import Compare, Comparison, In, Not, Or
from airflow_sm_pipelines.definition.paths import describe
from airflow_sm_pipelines.definition.synonyms import meant_condition
from airflow_sm_pipelines.definition.values import is_expression, read_value

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.definition.model import Condition
    from airflow_sm_pipelines.definition.paths import JsonPath
    from airflow_sm_pipelines.definition.scope import Scope
    from airflow_sm_pipelines.definition.syntax import Json

_COMPARISONS = {comparison.value: comparison for comparison in Comparison}
CONDITION_TYPES = (*_COMPARISONS, "In", "NotIn", "Not", "Or")
_COMPARE_KEYS = frozenset({"Type", "LeftValue", "RightValue"})
_IN_KEYS = frozenset({"Type", "QueryValue", "Values"})
_OLD_IN_KEYS = frozenset({"Type", "Value", "In"})
_OR_KEYS = frozenset({"Type", "Conditions"})
_ALL_KEYS = _COMPARE_KEYS | _IN_KEYS | _OLD_IN_KEYS | _OR_KEYS | {"Condition", "Expression"}
_SIDES = MappingProxyType({"left": "LeftValue", "right": "RightValue"})


def read_conditions(scope: Scope, value: Json, path: JsonPath) -> tuple[Condition, ...]:
    """An array of conditions; those that cannot be read are findings and left out."""
    members = scope.array(value, path, "an array of conditions") or ()
    read = [read_condition(scope, member, (path, index)) for index, member in enumerate(members)]
    return tuple(condition for condition in read if condition is not None)


def read_condition(scope: Scope, value: Json, path: JsonPath) -> Condition | None:
    """One condition of any of the types."""
    if scope.object(value, path, "a condition") is None:
        return None
    assert isinstance(value, dict)
    value = scope.respelled(value, _ALL_KEYS, ("Type",), path, "a condition")
    kind = scope.required_text(value, "Type", path, "a condition")
    if kind is None:
        _read_unknown(scope, value, path)
        return None
    if kind in _COMPARISONS:
        return _read_compare(scope, value, _COMPARISONS[kind], path)
    match kind:
        case "In" | "NotIn":
            membership = _read_in(scope, value, kind, path)
            return Not(membership) if kind == "NotIn" and membership is not None else membership
        case "Not":
            return _read_not(scope, value, path)
        case "Or":
            scope.check_keys(value, _OR_KEYS, path, "an Or condition")
            if not scope.require(value, "Conditions", path, "an Or condition"):
                _read_unknown(scope, value, path)
                return None
            return Or(read_conditions(scope, value["Conditions"], (path, "Conditions")))
    scope.choice(kind, CONDITION_TYPES, (path, "Type"), "condition type", meant_condition(kind, CONDITION_TYPES))
    _read_unknown(scope, value, path)
    return None


def _read_unknown(scope: Scope, value: dict[str, Json], path: JsonPath) -> None:
    """What stands in a condition that cannot be read itself, for its findings."""
    for key, member in value.items():
        if key == "Conditions":
            read_conditions(scope, member, (path, key))
        elif key in ("Condition", "Expression") and isinstance(member, dict) and not is_expression(member):
            read_condition(scope, member, (path, key))
        elif key != "Type":
            read_value(scope, member, (path, key))


def _read_compare(scope: Scope, value: dict[str, Json], comparison: Comparison, path: JsonPath) -> Compare | None:
    what = f"a condition of type {comparison.value}"
    value = scope.respelled(value, _COMPARE_KEYS, ("LeftValue", "RightValue"), path, what, _SIDES)
    scope.check_keys(value, _COMPARE_KEYS, path, what)
    sides = [scope.require(value, key, path, what) for key in ("LeftValue", "RightValue")]
    if not all(sides):
        _read_unknown(scope, value, path)
        return None
    left = _read_operand(scope, value["LeftValue"], (path, "LeftValue"))
    return Compare(comparison, left, _read_operand(scope, value["RightValue"], (path, "RightValue")))


def _read_in(scope: Scope, value: dict[str, Json], kind: str, path: JsonPath) -> In | None:
    old = "QueryValue" not in value and "Values" not in value and not _OLD_IN_KEYS.isdisjoint(value.keys() - {"Type"})
    query_key, values_key = ("Value", "In") if old else ("QueryValue", "Values")
    what = f"a condition of type {kind}"
    value = scope.respelled(value, _IN_KEYS, () if old else ("QueryValue", "Values"), path, what)
    scope.check_keys(value, _OLD_IN_KEYS if old else _IN_KEYS, path, what)
    keys = [scope.require(value, key, path, what) for key in (query_key, values_key)]
    if not all(keys):
        _read_unknown(scope, value, path)
        return None
    query = _read_operand(scope, value[query_key], (path, query_key))
    place: JsonPath = (path, values_key)
    members = scope.array(value[values_key], place, "an array of values") or ()
    return In(query, tuple(_read_operand(scope, member, (place, index)) for index, member in enumerate(members)))


def _read_not(scope: Scope, value: dict[str, Json], path: JsonPath) -> Not | None:
    key = "Expression" if "Expression" in value and "Condition" not in value else "Condition"
    scope.check_keys(value, {"Type", key}, path, "a Not condition")
    if not scope.require(value, key, path, "a Not condition"):
        _read_unknown(scope, value, path)
        return None
    condition = read_condition(scope, value[key], (path, key))
    return None if condition is None else Not(condition)


def _read_operand(scope: Scope, value: Json, path: JsonPath) -> Value:
    read = read_value(scope, value, path)
    if value is None or isinstance(read, dict | tuple):
        scope.error(
            f"a condition compares texts, numbers, booleans and expressions, found {describe(value)}",
            path,
            code="wrong-type",
        )
    return read
