"""Which service, action and parameters an HTTP request is about, and how that service says an error."""

from __future__ import annotations

import json
import re
import urllib.parse
from dataclasses import dataclass
from typing import Any, Literal
from xml.sax.saxutils import escape

from airflow_sm_pipelines.local.errors import ErrorShape
from airflow_sm_pipelines.local.routes import rest_call

Protocol = Literal["json", "query", "cbor", "rest-json", "s3"]

# boto3's service names where the signing name is another one
SERVICES = {"elasticmapreduce": "emr", "monitoring": "cloudwatch", "states": "stepfunctions", "email": "ses"}
CBOR_PATH = re.compile(r"/service/[^/]+/operation/(\w+)$")
SCOPE = re.compile(r"Credential=[^/,]+/\d{8}/([^/]+)/([^/]+)/aws4_request")


@dataclass(frozen=True)
class HttpRequest:
    """The parts of an HTTP request that matter here; header names in lower case, ``query`` undecoded."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Call:
    """An AWS call: boto3's service name, the action ("" when it cannot be told), the parameters as sent."""

    service: str
    action: str
    parameters: dict[str, Any]
    region: str
    protocol: Protocol


def read_call(request: HttpRequest) -> Call:
    """Tell what a request asks for. Unsigned requests are taken for S3, as moto does."""
    query = dict(urllib.parse.parse_qsl(request.query, keep_blank_values=True))
    scope = SCOPE.search(request.headers.get("authorization", "")) or SCOPE.search(
        "Credential=" + query.get("X-Amz-Credential", "")
    )
    region, service = scope.groups() if scope else ("us-east-1", "")
    service = SERVICES.get(service, service)
    target = request.headers.get("x-amz-target")
    if target:
        return Call(service, target.rpartition(".")[2], _json(request.body), region, "json")
    if cbor := CBOR_PATH.match(request.path):
        return Call(service, cbor[1], {}, region, "cbor")
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        form = dict(urllib.parse.parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        if "Action" in form:
            named = {key: value for key, value in form.items() if key not in ("Action", "Version")}
            return Call(service or "sts", form["Action"], named, region, "query")
    if service == "sagemaker":  # the control plane always names a target: this is the data plane
        service = "sagemaker-runtime"
    service = service or "s3"
    action, parameters = rest_call(
        service, request.method, request.path, query, frozenset(request.headers), request.body
    )
    if "x-amz-log-type" in request.headers:
        parameters = {**parameters, "LogType": request.headers["x-amz-log-type"]}
    return Call(service, action, parameters, region, "s3" if service == "s3" else "rest-json")


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


@dataclass(frozen=True)
class HttpAnswer:
    """An HTTP response to send."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    error_code: str | None = None


def json_answer(value: Any, status: int = 200, content_type: str = "application/x-amz-json-1.1") -> HttpAnswer:
    """A JSON response; timestamps go as epoch seconds."""
    return HttpAnswer(status, (("Content-Type", content_type),), json.dumps(value).encode())


def error_answer(error: ErrorShape, protocol: Protocol) -> HttpAnswer:
    """An error in the form the service's protocol has for it."""
    kind = ("Content-Type", "application/xml")
    if protocol == "s3":
        body = f"<Error><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message></Error>".encode()
    elif protocol == "query":
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{escape(error.code)}</Code>"
            f"<Message>{escape(error.message)}</Message></Error></ErrorResponse>"
        ).encode()
    elif protocol == "cbor":
        kind = ("Content-Type", "application/cbor")
        body = b"\xa2" + b"".join(map(_cbor_text, ("__type", error.code, "message", error.message)))
        return HttpAnswer(error.status, (kind, ("smithy-protocol", "rpc-v2-cbor")), body, error.code)
    else:
        kind = ("Content-Type", "application/x-amz-json-1.1" if protocol == "json" else "application/json")
        body = json.dumps({"__type": error.code, "message": error.message}).encode()
        return HttpAnswer(error.status, (kind, ("x-amzn-ErrorType", error.code)), body, error.code)
    return HttpAnswer(error.status, (kind,), body, error.code)


def error_code(status: int, headers: list[tuple[str, str]], body: bytes) -> str | None:
    """The error code in a response of moto's, for the request log; ``None`` for a success."""
    if status < 400:
        return None
    named = {key.lower(): value for key, value in headers}
    if found := named.get("x-amzn-errortype"):
        return found
    if coded := re.search(rb'"__type"\s*:\s*"(?:[^"#]*#)?([^"]+)"|<Code>([^<]+)</Code>', body):
        return (coded[1] or coded[2]).decode()
    return str(status)


def _cbor_text(text: str) -> bytes:
    data = text.encode()
    return b"\x79" + len(data).to_bytes(2, "big") + data
