"""The endpoint's own HTTP interface below ``/_local/``; JSON in, JSON out.

``GET health``, ``GET requests?service=&action=``, ``GET jobs?kind=``, ``GET paused``; ``POST faults`` with a fault or
an array of them, ``POST resume`` with ``{"action": "*"}``, ``POST scenario`` with a scenario, ``POST advance`` with
``{"seconds": 60}``, ``POST reset`` with nothing or ``{"scenario": {...}}``. What cannot be used is answered with 400
and ``{"error": "..."}``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.local.engine import Engine
from airflow_sm_pipelines.local.json_text import JsonTextError, read_json
from airflow_sm_pipelines.local.limits import MAX_SECONDS
from airflow_sm_pipelines.local.reader import Node, ScenarioError
from airflow_sm_pipelines.local.wire import HttpAnswer, json_answer

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

PREFIX = "/_local/"
Route = Callable[[Engine, Mapping[str, str], Any], dict[str, Any]]


def answer(engine: Engine, request: Request, body: bytes) -> HttpAnswer:
    """Answer a request for a path below :data:`PREFIX`."""
    route = ROUTES.get((request.method, request.path.removeprefix(PREFIX)))
    if route is None:
        return refusal(f"no {request.method} {request.path} here", 404)
    try:
        return _json(route(engine, request.args, read_json(body or b"null")), 200)
    except (ScenarioError, JsonTextError) as error:
        return refusal(str(error), 400)


def refusal(message: str, status: int) -> HttpAnswer:
    """An answer that says why nothing was done."""
    return _json({"error": message}, status)


def _json(value: Any, status: int) -> HttpAnswer:
    return json_answer(value, status, "application/json")


def _requests(engine: Engine, query: Mapping[str, str], _: Any) -> dict[str, Any]:
    found = engine.requests(query.get("service"), query.get("action"))
    return {"requests": [entry.to_json() for entry in found]}


def _jobs(engine: Engine, query: Mapping[str, str], _: Any) -> dict[str, Any]:
    return {"jobs": [job.to_json() for job in engine.jobs(query.get("kind"))]}


def _faults(engine: Engine, _: Mapping[str, str], body: Any) -> dict[str, Any]:
    for fault in Node(body).items() if isinstance(body, list) else [Node(body)]:
        engine.add_raw_fault(fault)
    return {}


def _paused(engine: Engine, _query: Mapping[str, str], _: Any) -> dict[str, Any]:
    return {"paused": [call.to_json() for call in engine.paused()]}


def _resume(engine: Engine, _: Mapping[str, str], body: Any) -> dict[str, Any]:
    action = Node(body).only(("action",)).get("action")
    engine.resume("*" if action is None else action.name())
    return {}


def _scenario(engine: Engine, _: Mapping[str, str], body: Any) -> dict[str, Any]:
    _without_code(Node(body))
    engine.load_scenario(body)
    return {}


def _advance(engine: Engine, _: Mapping[str, str], body: Any) -> dict[str, Any]:
    seconds = Node(body).only(("seconds",)).get("seconds")
    if seconds is None:
        raise Node(body).fail("needs seconds")
    engine.advance(seconds.number(0, MAX_SECONDS))
    return {}


def _reset(engine: Engine, _: Mapping[str, str], body: Any) -> dict[str, Any]:
    scenario = None if body is None else Node(body).only(("scenario",)).get("scenario")
    if scenario is not None and scenario.value is not None:
        _without_code(scenario)
    engine.reset(None if scenario is None else scenario.value)
    return {}


def _without_code(scenario: Node) -> None:
    """Refuse the key by which code of this machine would run: whoever reaches the endpoint could name any file."""
    if "runner" in scenario.members():
        raise scenario.members()["runner"].fail("is taken from the scenario that the endpoint starts with only")


ROUTES: Mapping[tuple[str, str], Route] = {
    ("GET", "health"): lambda engine, _query, _body: engine.health(),
    ("GET", "requests"): _requests,
    ("GET", "jobs"): _jobs,
    ("GET", "paused"): _paused,
    ("POST", "faults"): _faults,
    ("POST", "resume"): _resume,
    ("POST", "scenario"): _scenario,
    ("POST", "advance"): _advance,
    ("POST", "reset"): _reset,
}
