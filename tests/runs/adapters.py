"""Steps that run with another adapter than their type's, as a step type of one's own can have it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.bases.xcom import BaseXCom
from msgspec.structs import replace

from airflow_sm_pipelines.callbacks.lifecycle import CallbackLifecycle, CallbackRun, MessageWait
from airflow_sm_pipelines.operators.callback import CallbackStepOperator
from airflow_sm_pipelines.step_types import STEP_TYPES, register_step_type
from airflow_sm_pipelines.step_types.adapter import JobAdapter

interposed_types: set[str] = set()
"""The step types that have another adapter until the test has ended."""


def interpose(step_type: str, method: str, other: Callable[..., Any]) -> None:
    """Let ``other`` take the place of a method of a type's adapter; it is given the method, and then its arguments."""
    known = STEP_TYPES[step_type]
    own = known.adapter or JobAdapter
    original = getattr(own, method)

    def interposed(adapter: JobAdapter, *arguments: Any) -> Any:
        return other(lambda: original(adapter, *arguments), adapter)

    adapter = type(f"Interposed{own.__name__}", (own,), {method: interposed})
    register_step_type(replace(known, adapter=adapter), replace=True)
    interposed_types.add(step_type)


def lose_the_first_try(
    step_type: str = "Training",
    method: str = "confirm",
    meanwhile: Callable[[JobAdapter], object] = lambda adapter: None,
) -> None:
    """Let the first try of the next job die after a method of its adapter.

    By default that is between the Create call and the waiting; ``meanwhile`` is done before.
    """
    came: list[JobAdapter] = []

    def die_once(original: Callable[[], Any], adapter: JobAdapter) -> Any:
        result = original()
        came.append(adapter)
        if len(came) == 1:
            meanwhile(adapter)
            raise OSError("this try is lost")
        return result

    interpose(step_type, method, die_once)


def lose_the_first_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Airflow be out of reach when the first result of a task is to be pushed, and the next try start at once."""
    push = BaseXCom.set.__func__  # type: ignore[attr-defined] # of the class method
    lost: list[str] = []

    def set_(cls: type[BaseXCom], key: str, *arguments: Any, **named: Any) -> None:
        if key == "return_value" and not lost:
            lost.append(key)
            raise OSError("Airflow is away")
        push(cls, key, *arguments, **named)

    monkeypatch.setattr(BaseXCom, "set", classmethod(set_))


def lose_the_first_callback_try(
    monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[CallbackRun], object] = lambda run: None
) -> None:
    """Let the first try of a Callback step die as it begins to wait, and the next one start at once."""
    came: list[CallbackRun] = []

    def die_once(run: CallbackRun) -> None:
        came.append(run)
        if len(came) == 1:
            meanwhile(run)
            raise OSError("this try is lost")

    before_the_callback_waits(monkeypatch, die_once)


def before_the_callback_waits(monkeypatch: pytest.MonkeyPatch, what: Callable[[CallbackRun], object]) -> None:
    """Do something whenever a try of a Callback step begins to wait, in its worker or in a trigger."""
    defer, wait = CallbackStepOperator.defer, CallbackLifecycle.wait

    def deferring(operator: CallbackStepOperator, **arguments: Any) -> None:
        what(operator.life.run)
        defer(operator, **arguments)

    def waiting(life: CallbackLifecycle, for_what: MessageWait) -> Any:
        what(life.run)
        return wait(life, for_what)

    monkeypatch.setattr(CallbackStepOperator, "defer", deferring)
    monkeypatch.setattr(CallbackLifecycle, "wait", waiting)
