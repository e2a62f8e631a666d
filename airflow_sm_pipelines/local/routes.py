"""Names the action of a REST request and its parameters: S3, Lambda, EMR Serverless, ...

moto's router finds the operation in botocore's model of the service. The parameters are kept as they were sent, for
the request log and for the checks of :mod:`airflow_sm_pipelines.local.validation`: moto's parsers turn them into Python
values, and drop what the model does not know.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from airflow_sm_pipelines.local.json_text import JsonTextError, read_json

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

WHOLE_NUMBER = re.compile(r"-?[0-9]{1,19}")


def rest_call(service: str, request: Request, body: bytes) -> tuple[str, dict[str, Any]]:
    """Action and parameters of a REST request; ("", what is known) when no action of the service fits.

    A body that is one parameter as a whole, such as the Payload of Lambda's Invoke, is read as JSON where it can be.
    S3's bodies are no parameters.
    """
    found = _operation(service, request)
    sent = _json_object(body) if service != "s3" and body[:1] == b"{" else {}
    if found is None:
        return "", {**sent, **request.args.to_dict()}
    operation, in_path = found
    shape = operation.input_shape
    if shape is None:
        return operation.name, sent | in_path
    payload = shape.serialization.get("payload")
    if payload and service != "s3" and shape.members[payload].type_name == "blob":
        sent = {payload: _json_or_text(body)} if body else {}
    return operation.name, sent | _in_query(shape, request) | in_path


def _operation(service: str, request: Request) -> tuple[Any, dict[str, Any]] | None:
    """botocore's operation and what its path names."""
    from botocore.exceptions import UnknownServiceError
    from moto.core.routing import get_service_router
    from werkzeug.exceptions import NotFound

    try:
        operation, in_path = get_service_router(service).match(cast("Any", request))
    except (NotFound, NotImplementedError, UnknownServiceError):
        return None
    return operation, in_path


def _in_query(shape: Any, request: Request) -> dict[str, Any]:
    """The members of a request's shape that stand in its query string, in the JSON type of their own shapes."""
    names = {
        member.serialization["name"]: (name, member.type_name)
        for name, member in shape.members.items()
        if member.serialization.get("location") == "querystring" and "name" in member.serialization
    }
    return {
        names[key][0]: values if names[key][1] == "list" else _typed(values[0], names[key][1])
        for key, values in request.args.lists()
        if key in names
    }


def _typed(value: str, kind: str) -> Any:
    if kind in ("integer", "long") and WHOLE_NUMBER.fullmatch(value):
        return int(value)
    return value == "true" if kind == "boolean" and value in ("true", "false") else value


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = read_json(body)
    except JsonTextError:
        return {}
    return value if isinstance(value, dict) else {}


def _json_or_text(body: bytes) -> Any:
    try:
        return read_json(body)
    except JsonTextError:
        return body.decode("utf-8", "replace")
