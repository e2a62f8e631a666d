"""Names the action of a REST request by botocore's service models: S3, Lambda, EMR Serverless, ..."""

from __future__ import annotations

import functools
import json
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Route:
    """How one action is recognised: method, path, and what has to be in the query string and headers."""

    action: str
    method: str
    path: re.Pattern[str]
    query: frozenset[tuple[str, str]]
    members: Mapping[str, str]
    types: Mapping[str, str]
    needs_query: frozenset[str]
    needs_headers: frozenset[str]
    payload: str | None

    def matches(self, path: str, query: Mapping[str, str], headers: frozenset[str]) -> re.Match[str] | None:
        """The match of the path if the request can be this action's."""
        if (
            all(query.get(key) == value for key, value in self.query)
            and self.needs_query <= query.keys()
            and self.needs_headers <= headers
        ):
            return self.path.fullmatch(path)
        return None

    @property
    def weight(self) -> tuple[int, int]:
        """More demanding routes come first."""
        return len(self.query) + len(self.needs_query) + len(self.needs_headers), len(self.path.pattern)


def rest_call(
    service: str, method: str, path: str, query: Mapping[str, str], headers: frozenset[str], body: bytes
) -> tuple[str, dict[str, Any]]:
    """Action and parameters of a REST request; ("", what can be told) when no action of the service fits.

    A body that is one parameter as a whole, such as the Payload of Lambda's Invoke, is read as JSON where it can be.
    """
    parameters: dict[str, Any] = _json_object(body) if body[:1] == b"{" and service != "s3" else {}
    for route in _routes(service):
        found = route.matches(path, query, headers) if route.method == method else None
        if found:
            from_query = {
                route.members[key]: _typed(value, route.types[key])
                for key, value in query.items()
                if key in route.members
            }
            parts = {key.strip("_"): urllib.parse.unquote(value) for key, value in found.groupdict().items()}
            if route.payload is not None and service != "s3":
                parameters = {route.payload: _json_or_text(body)} if body else {}
            return route.action, parameters | from_query | parts
    return "", {**parameters, **query}


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _json_or_text(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def _typed(value: str, kind: str) -> Any:
    """A parameter of the query string in the JSON type that its shape has; only the last of a list is known."""
    if kind in ("integer", "long") and value.lstrip("-").isdecimal():
        return int(value)
    if kind == "boolean" and value in ("true", "false"):
        return value == "true"
    return [value] if kind == "list" else value


@functools.cache
def _routes(service: str) -> tuple[Route, ...]:
    from botocore.exceptions import UnknownServiceError
    from botocore.loaders import Loader

    try:
        model = Loader().load_service_model(service, "service-2")
    except UnknownServiceError:
        return ()
    found = [_route(name, operation, model["shapes"]) for name, operation in model["operations"].items()]
    return tuple(sorted(found, key=lambda route: route.weight, reverse=True))


def _route(action: str, operation: Mapping[str, Any], shapes: Mapping[str, Any]) -> Route:
    path, _, literal = operation["http"]["requestUri"].partition("?")
    shape = shapes[operation["input"]["shape"]] if "input" in operation else {}
    members = shape.get("members", {})
    required = [members[name] for name in shape.get("required", ()) if name in members]
    return Route(
        action=action,
        method=operation["http"]["method"],
        path=re.compile(_pattern(path)),
        query=frozenset(urllib.parse.parse_qsl(literal, keep_blank_values=True)),
        members={m["locationName"]: name for name, m in members.items() if m.get("location") == "querystring"},
        types={
            m["locationName"]: shapes[m["shape"]]["type"]
            for m in members.values()
            if m.get("location") == "querystring"
        },
        needs_query=frozenset(m["locationName"] for m in required if m.get("location") == "querystring"),
        needs_headers=frozenset(m["locationName"].lower() for m in required if m.get("location") == "header"),
        payload=_blob(shape, shapes),
    )


def _blob(shape: Mapping[str, Any], shapes: Mapping[str, Any]) -> str | None:
    """The member that is the body of a request as it is, if there is one."""
    payload: str | None = shape.get("payload")
    if payload is None or shapes[shape["members"][payload]["shape"]]["type"] != "blob":
        return None
    return payload


def _pattern(uri: str) -> str:
    parts = re.split(r"\{(\w+\+?)\}", uri.rstrip("/"))
    return (
        "".join(
            re.escape(part)
            if index % 2 == 0
            else f"(?P<{part[:-1]}>.+)"
            if part.endswith("+")
            else f"(?P<{part}>[^/]+)"
            for index, part in enumerate(parts)
        )
        + "/?"
    )
