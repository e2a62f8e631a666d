"""AWS Signature Version 4 of a request: what its Authorization header says, and which signature a secret gives.

The signature itself is computed by botocore's own signer, from the headers that the request says are signed.
"""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from airflow_sm_pipelines.wire.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.api.caller import SignedRequest

ALGORITHM = "AWS4-HMAC-SHA256"
PARAMETERS = ("Credential", "Signature", "SignedHeaders")
TERMINATOR = "aws4_request"
TIME = "%Y%m%dT%H%M%SZ"
TIME_PATTERN = re.compile(r"[0-9]{8}T[0-9]{6}Z")
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
# What a header's value, or a path and query, may hold that is signed: botocore's signer breaks over some of the rest.
VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
METHOD = re.compile(r"[A-Za-z]+")
PATH = re.compile(r"/[\x21\x22\x24-\x3e\x40-\x7e]*")
QUERY = re.compile(r"[\x21\x22\x24-\x7e]*")
IN_QUERY = re.compile(r"(?:^|&)X-Amz-(?:Algorithm|Signature|Credential)=", re.IGNORECASE)
# The host is signed as a header; this one stands in the URL that botocore's request has.
ANY_HOST = "https://signed.invalid"
MAX_QUOTED_LENGTH = 100


class Signature(Struct, frozen=True):
    """What an Authorization header says, and when the request says it was signed (``time`` as it stood there)."""

    access_key_id: str
    date: str
    region: str
    service: str
    terminator: str
    signed_headers: tuple[str, ...]
    value: str
    time: str

    @property
    def signed_at(self) -> datetime:
        return datetime.strptime(self.time, TIME).replace(tzinfo=UTC)


def read_signature(request: SignedRequest) -> Signature:
    """The signature that a request has in its header.

    :raises ApiError: MissingAuthenticationTokenException, IncompleteSignatureException, InvalidSignatureException, or
        UnrecognizedClientException for a session token, in AWS's words where AWS has the same refusal
    """
    header = request.headers.get("authorization")
    if IN_QUERY.search(request.query):
        raise ApiError(
            "InvalidSignatureException",
            "A signature in the query string (a presigned URL) is not taken here: sign the Authorization header.",
        )
    if header is None or not header.startswith("AWS4-"):
        raise ApiError("MissingAuthenticationTokenException", "Missing Authentication Token")
    if "x-amz-security-token" in request.headers:
        raise ApiError(
            "UnrecognizedClientException",
            "The security token included in the request is invalid. An access key of Airflow has no session token:"
            " the client has one of other credentials (AWS_SESSION_TOKEN, say).",
        )
    algorithm, _, rest = header.partition(" ")
    parameters = _parameters(header, rest)
    time = _time(request.headers, header, parameters)
    if algorithm != ALGORITHM:
        message = f"Unsupported AWS 'algorithm': {_quoted(algorithm)} (only {ALGORITHM} for now). "
        raise ApiError("IncompleteSignatureException", message)
    parts = parameters["Credential"].split("/")
    if len(parts) != 5:
        raise ApiError(
            "IncompleteSignatureException",
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got "
            f"{_quoted(parameters['Credential'])}",
        )
    signed = tuple(name.lower() for name in parameters["SignedHeaders"].split(";"))
    _check_signed(request.headers, signed)
    access_key_id, date, region, service, terminator = parts
    return Signature(access_key_id, date, region, service, terminator, signed, value=parameters["Signature"], time=time)


def _parameters(header: str, text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in filter(None, re.split(r"[,\s]+", text)):
        name, equals, value = pair.partition("=")
        if not equals:
            raise ApiError(
                "IncompleteSignatureException",
                f"{_quoted(pair)} not a valid key=value pair (missing equal-sign) in Authorization header"
                f" (hashed with SHA-256 and encoded with Base64): '{_hashed(header)}'.",
            )
        if name in found or name not in PARAMETERS:
            why = "more than once" if name in found else "which is no parameter of a signature"
            raise ApiError("IncompleteSignatureException", f"Authorization header has {_quoted(name)}, {why}.")
        found[name] = value
    return found


def _time(headers: Mapping[str, str], header: str, parameters: Mapping[str, str]) -> str:
    """The time of the signature, where all is there that AWS asks for at once."""
    missing = "".join(
        f"Authorization header requires '{name}' parameter. " for name in PARAMETERS if not parameters.get(name)
    )
    time = headers.get("x-amz-date")
    if time is None:
        missing += "Authorization header requires existence of a 'X-Amz-Date' header. "
    if missing or time is None:
        message = f"{missing}(Hashed with SHA-256 and encoded with Base64) Authorization={_hashed(header)}"
        raise ApiError("IncompleteSignatureException", message)
    try:
        if TIME_PATTERN.fullmatch(time):
            datetime.strptime(time, TIME).replace(tzinfo=UTC)
            return time
    except ValueError:
        pass
    message = f"Date must be in ISO-8601 'basic format'. Got {_quoted(time)}. See http://en.wikipedia.org/wiki/ISO_8601"
    raise ApiError("IncompleteSignatureException", message)


def _check_signed(headers: Mapping[str, str], signed: tuple[str, ...]) -> None:
    """What names the receiver, the operation, the time and the body has to be signed."""
    if "host" not in signed:
        message = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        raise ApiError("InvalidSignatureException", message)
    for name in ("X-Amz-Date", "X-Amz-Target", "X-Amz-Content-SHA256"):
        if name.lower() in headers and name.lower() not in signed:
            message = f"'{name}' must be a 'SignedHeader' in the AWS Authorization."
            raise ApiError("InvalidSignatureException", message)


def computed(request: SignedRequest, signature: Signature, secret: str) -> str | None:
    """The signature that this secret gives of the request, after the same work None where the request cannot have one.

    It cannot where a header that is said to be signed is not there, where the hash that it has of its body is another,
    or where it has characters that no signer takes.
    """
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    headers = {name: request.headers.get(name, "") for name in signature.signed_headers}
    body_hash = request.headers.get("x-amz-content-sha256")
    possible = all(
        (
            len(headers) == len(signature.signed_headers),
            all(name in request.headers for name in headers),
            all(HEADER_NAME.fullmatch(name) and VALUE.fullmatch(value) for name, value in headers.items()),
            METHOD.fullmatch(request.method),
            PATH.fullmatch(request.path),
            QUERY.fullmatch(request.query),
            body_hash is None or body_hash == hashlib.sha256(request.body).hexdigest(),
        )
    )
    if not possible:
        headers = {"host": "signed.invalid"}
    method, path, query = (request.method, request.path, request.query) if possible else ("POST", "/", "")
    made = AWSRequest(method, f"{ANY_HOST}{path}{'?' if query else ''}{query}", headers, request.body)
    made.context["timestamp"] = signature.time
    signer = SigV4Auth(Credentials(signature.access_key_id, secret), signature.service, signature.region)
    value: str = signer.signature(signer.string_to_sign(made, signer.canonical_request(made)), made)
    return value if possible else None


def scope_faults(signature: Signature, region: str, service: str) -> str:
    """What is wrong with the scope of the credential, as AWS says it; an empty text where nothing is."""
    faults = ""
    if signature.region != region:
        faults += f"Credential should be scoped to a valid region, not {_quoted(signature.region)}. "
    if signature.service != service:
        faults += f"Credential should be scoped to correct service: '{service}'. "
    if signature.terminator != TERMINATOR:
        was = _quoted(signature.terminator)
        faults += f"Credential should be scoped with a valid terminator: '{TERMINATOR}', not {was}. "
    if signature.date != signature.time[:8]:
        faults += (
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"{_quoted(signature.date)} != '{signature.time[:8]}', from '{signature.time}'. "
        )
    return faults


def _hashed(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()).decode()


def _quoted(text: str) -> str:
    """A part of a request in an answer to it: short, and in characters that are safe wherever it is shown."""
    return "'" + re.sub(r"[^\x20-\x7e]", "?", text)[:MAX_QUOTED_LENGTH] + "'"
