"""Which service, action and parameters an HTTP request is about, and how that service says an error."""

from __future__ import annotations

import json
import re
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from xml.sax.saxutils import escape

from airflow_sm_pipelines.local.errors import ErrorShape
from airflow_sm_pipelines.local.json_text import JsonTextError, read_json
from airflow_sm_pipelines.local.routes import rest_call

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

Protocol = Literal["json", "query", "cbor", "rest-json", "s3"]

# boto3's service names where the signing name is another one
SERVICES = {"elasticmapreduce": "emr", "monitoring": "cloudwatch", "states": "stepfunctions", "email": "ses"}
CBOR_PATH = re.compile(r"/service/[^/]+/operation/(\w+)$")
SCOPE = re.compile(r"Credential=[^/,]+/\d{8}/([^/]+)/([^/]+)/aws4_request")


@dataclass(frozen=True)
class Call:
    """An AWS call: boto3's service name, the action ("" when it is not known), the parameters as sent."""

    service: str
    action: str
    parameters: dict[str, Any]
    region: str
    protocol: Protocol
    malformed: str | None = None
    """Why the body cannot be read, where it cannot."""


@dataclass(frozen=True)
class SignedScope:
    """What a request's signature says of it, checked or not: boto3's service name, the region."""

    service: str
    region: str


def read_scope(request: Request) -> SignedScope:
    """The service and region that a request is signed for; an unsigned one has no service ("")."""
    found = SCOPE.search(request.headers.get("Authorization", "")) or SCOPE.search(
        "Credential=" + request.args.get("X-Amz-Credential", "")
    )
    region, service = found.groups() if found else ("us-east-1", "")
    return SignedScope(SERVICES.get(service, service), region)


def is_for_s3(request: Request) -> bool:
    """Whether S3 is asked. Unsigned requests are taken for S3's, as moto does, unless they may name an action."""
    return read_protocol(request) == "s3"


def read_protocol(request: Request) -> Protocol:
    """The protocol of a request, known by its headers and path alone."""
    if request.headers.get("X-Amz-Target"):
        return "json"
    if request.headers.get("Smithy-Protocol") == "rpc-v2-cbor":
        return "cbor"
    service = read_scope(request).service
    form = request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
    if form and service != "s3":  # an object may have any content type
        return "query"
    return "s3" if service in ("", "s3") else "rest-json"


def read_call(request: Request, body: bytes) -> Call:
    """Say what a request asks for."""
    scope, protocol = read_scope(request), read_protocol(request)
    service, region = scope.service, scope.region
    if protocol == "json":
        return _json_call(service, region, request.headers["X-Amz-Target"].rpartition(".")[2], body)
    if protocol == "cbor":
        found = CBOR_PATH.search(request.path)
        return Call(service, found[1] if found else "", {}, region, "cbor")
    if protocol == "query":
        form = dict(urllib.parse.parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        if "Action" in form:
            named = {key: value for key, value in form.items() if key not in ("Action", "Version")}
            return Call(service or "sts", form["Action"], named, region, "query")
    if service == "sagemaker":  # the control plane always names a target: this is the data plane
        service = "sagemaker-runtime"
    service = service or "s3"
    action, parameters = rest_call(service, request, body)
    if "X-Amz-Log-Type" in request.headers:
        parameters = {**parameters, "LogType": request.headers["X-Amz-Log-Type"]}
    return Call(service, action, parameters, region, "s3" if service == "s3" else "rest-json")


def _json_call(service: str, region: str, action: str, body: bytes) -> Call:
    try:
        value = read_json(body or b"{}")
    except JsonTextError as error:
        return Call(service, action, {}, region, "json", str(error))
    if not isinstance(value, dict):
        return Call(service, action, {}, region, "json", "not a JSON object")
    return Call(service, action, value, region, "json")


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
    """An error in the form the service's protocol has for it.

    moto's own serializers are of no use here: they take a service's errors by the module of moto that defines them,
    warn about every code that is not in the service's model, such as those that a fault makes up, and know no CBOR.
    """
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
