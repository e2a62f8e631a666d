"""``DependsOn``: what a step waits for, and upon which end of it the step runs (semantics 5.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.model import DependsOn, Trigger
from airflow_sm_pipelines.definition.paths import listed, shorten
from airflow_sm_pipelines.definition.values import is_expression

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.paths import JsonPath
    from airflow_sm_pipelines.definition.scope import Scope
    from airflow_sm_pipelines.definition.syntax import Json

WHAT = "an entry of DependsOn"
_KEYS = frozenset({"Step", "Trigger"})
_TRIGGERS = {trigger.value: trigger for trigger in Trigger}
# What the ends are called elsewhere: in statuses of the API, in other services, in Airflow's trigger rules.
_SYNONYMS = {
    "all": Trigger.ANY,
    "alldone": Trigger.ANY,
    "always": Trigger.ANY,
    "aborted": Trigger.STOPPED,
    "canceled": Trigger.STOPPED,
    "cancelled": Trigger.STOPPED,
    "complete": Trigger.COMPLETED,
    "completion": Trigger.COMPLETED,
    "done": Trigger.ANY,
    "ended": Trigger.ANY,
    "error": Trigger.FAILED,
    "fail": Trigger.FAILED,
    "failure": Trigger.FAILED,
    "finished": Trigger.ANY,
    "onerror": Trigger.FAILED,
    "onfailure": Trigger.FAILED,
    "onsuccess": Trigger.COMPLETED,
    "stop": Trigger.STOPPED,
    "succeeded": Trigger.COMPLETED,
    "success": Trigger.COMPLETED,
    "terminal": Trigger.ANY,
}


def read_depends_on(scope: Scope, value: Json, path: JsonPath) -> tuple[DependsOn, ...]:
    """The array at a step's ``DependsOn``; what is no entry is a finding and left out."""
    if value is None:
        return ()
    read = []
    for index, member in enumerate(scope.array(value, path, "an array of step names") or ()):
        if isinstance(member, str):
            read.append(DependsOn(member, index))
        elif isinstance(member, dict) and not is_expression(member):
            if (entry := _read_entry(scope, member, (path, index), index)) is not None:
                read.append(entry)
        else:
            scope.wrong_type("a step's name or an object with Step and Trigger", member, (path, index))
    return tuple(read)


def _read_entry(scope: Scope, value: dict[str, Json], path: JsonPath, index: int) -> DependsOn | None:
    scope.check_keys(value, _KEYS, path, WHAT)
    step = scope.required_text(value, "Step", path, WHAT)
    # What has no Trigger is refused rather than taken for Completed: a handler would run when nothing has failed.
    trigger = scope.required_text(value, "Trigger", path, WHAT)
    if not trigger:
        return DependsOn(step, index) if step else None
    if trigger not in _TRIGGERS:
        folded = "".join(letter for letter in trigger.casefold() if letter.isalpha())
        meant = _SYNONYMS.get(folded)
        near = scope.guess(trigger, _TRIGGERS) if meant is None else meant.value
        message = f"{shorten(trigger)!r} is no Trigger; expected one of {listed(_TRIGGERS)}"
        scope.error(message, (path, "Trigger"), near, code="unknown-choice")
    return DependsOn(step, index, _TRIGGERS.get(trigger, Trigger.COMPLETED)) if step else None
