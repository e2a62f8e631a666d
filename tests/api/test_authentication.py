"""Signatures of requests: what botocore signs is taken, and nothing else is, whatever the request looks like."""

from __future__ import annotations

import hashlib
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.utils import normalize_url_path
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from airflow_sm_pipelines.api.authentication import WRONG, AccessKey, SignatureAuthenticator
from airflow_sm_pipelines.api.caller import Caller, SignedRequest
from airflow_sm_pipelines.api.who_may import RatedAuthenticator
from airflow_sm_pipelines.server.refusal_rate import RefusalRate
from airflow_sm_pipelines.wire.errors import ApiError

KEY_ID, SECRET, OTHER_SECRET = "AFSMABCDEFGHIJKLMNOP", "s3cret-of-the-test", "another-secret-of-it"
REGION = "eu-west-1"
BODY = b'{"PipelineName": "abalone"}'
CALLER = Caller(KEY_ID, "ann", ("*",), frozenset({"read"}))


class Keys:
    """One key; it remembers which ids were asked for."""

    def __init__(self, key: AccessKey) -> None:
        self.key = key
        self.asked: list[str] = []

    def find(self, access_key_id: str) -> AccessKey | None:
        self.asked.append(access_key_id)
        return self.key if access_key_id == KEY_ID else None


def sent(
    secret: str = SECRET,
    key_id: str = KEY_ID,
    region: str = REGION,
    service: str = "sagemaker",
    body: bytes = BODY,
    path: str = "/sagemaker/",
    query: str = "",
    token: str | None = None,
    headers: dict[str, str] | None = None,
) -> SignedRequest:
    """A request as botocore signs it, and as a server would read it."""
    url = f"https://airflow.example:8080{path}{'?' if query else ''}{query}"
    target = {"X-Amz-Target": "SageMaker.DescribePipeline", "Content-Type": "application/x-amz-json-1.1"}
    made = AWSRequest("POST", url, {"Host": "airflow.example:8080", **target, **(headers or {})}, body)
    SigV4Auth(Credentials(key_id, secret, token), service, region).add_auth(made)
    return SignedRequest("POST", path, query, {name.lower(): value for name, value in made.headers.items()}, body)


def door(
    keys: Keys | None = None, now: timedelta = timedelta(0), expires: datetime | None = None
) -> SignatureAuthenticator:
    clock = (lambda: datetime.now(UTC) + now) if now else None
    return SignatureAuthenticator(
        keys or Keys(AccessKey(SECRET, expires, CALLER)), REGION, nobodys_secret="nobody", clock=clock
    )


def refusal(request: SignedRequest, **how: Any) -> tuple[str, str]:
    with pytest.raises(ApiError) as refused:
        door(**how).authenticate(request)
    return refused.value.code, refused.value.message


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"body": b""},
        {"body": "ü\N{SNOWMAN}".encode()},
        {"path": "/"},
        {"path": "/a%20b/../c//d%2Fe/"},
        {"query": "b=2&a=1&a=0&c"},
        {"headers": {"X-Amz-Content-SHA256": hashlib.sha256(BODY).hexdigest()}},
        {"headers": {"User-Agent": "Boto3/1.43", "X-Note": "  two   blanks "}},
    ],
)
def test_what_botocore_signs_is_taken(how: dict[str, Any]) -> None:
    assert door().authenticate(sent(**how)) == CALLER


def test_what_a_proxy_adds_need_not_be_signed() -> None:
    request = sent()
    more = {"x-forwarded-for": "10.0.0.1", "x-amzn-trace-id": "Root=1", "via": "1.1 proxy", "x-amz-cf-id": "x"}
    assert door().authenticate(replace(request, headers={**request.headers, **more})) == CALLER


def test_a_request_may_be_five_minutes_old_or_early() -> None:
    request = sent()
    for minutes in (4.9, -4.9):
        assert door(now=timedelta(minutes=minutes)).authenticate(request) == CALLER
    code, told = refusal(request, now=timedelta(minutes=5.1))
    assert code == "InvalidSignatureException"
    assert told.startswith(f"Signature expired: {request.headers['x-amz-date']} is now earlier than ")
    assert told.endswith(" - 5 min.)")
    code, told = refusal(request, now=timedelta(minutes=-5.1))
    assert code == "InvalidSignatureException"
    assert told.startswith(f"Signature not yet current: {request.headers['x-amz-date']} is still later than ")
    assert told.endswith(" + 5 min.)")


def test_an_unknown_key_and_a_wrong_secret_get_one_answer() -> None:
    wrong = ("InvalidSignatureException", WRONG)
    assert refusal(sent(key_id="AFSMZZZZZZZZZZZZZZZZ")) == wrong
    assert refusal(sent(secret=OTHER_SECRET)) == wrong
    assert refusal(sent(key_id="AFSMZZZZZZZZZZZZZZZZ", secret=OTHER_SECRET)) == wrong
    # Not even the secret that unknown keys are compared with opens anything.
    assert refusal(sent(key_id="AFSMZZZZZZZZZZZZZZZZ", secret="nobody")) == wrong


def test_an_expired_key_is_told_only_to_who_has_its_secret() -> None:
    ended = datetime.now(UTC) - timedelta(seconds=1)
    assert refusal(sent(), expires=ended) == (
        "ExpiredTokenException",
        "The security token included in the request is expired",
    )
    assert refusal(sent(secret=OTHER_SECRET), expires=ended) == ("InvalidSignatureException", WRONG)
    assert door(expires=datetime.now(UTC) + timedelta(hours=1)).authenticate(sent()) == CALLER


def test_a_scope_of_elsewhere_is_refused_in_the_words_of_aws() -> None:
    assert refusal(sent(region="us-east-1")) == (
        "InvalidSignatureException",
        "Credential should be scoped to a valid region, not 'us-east-1'. ",
    )
    assert refusal(sent(service="s3")) == (
        "InvalidSignatureException",
        "Credential should be scoped to correct service: 'sagemaker'. ",
    )
    request = sent()
    header = request.headers["authorization"].replace("aws4_request", "aws5_request")
    assert "valid terminator" in refusal(altered(request, authorization=header))[1]
    date = request.headers["x-amz-date"][:8]
    header = request.headers["authorization"].replace(date, "20010101", 1)
    assert "Date in Credential scope does not match YYYYMMDD" in refusal(altered(request, authorization=header))[1]


def altered(request: SignedRequest, **headers: str | None) -> SignedRequest:
    """The request with other headers, ``x_amz_date`` for x-amz-date; without those that are None."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    merged = {**request.headers, **given}
    return replace(request, headers={name: value for name, value in merged.items() if value is not None})


def test_what_is_incomplete_is_told_in_the_words_of_aws() -> None:
    request = sent()
    header = request.headers["authorization"]
    assert refusal(altered(request, authorization=None)) == (
        "MissingAuthenticationTokenException",
        "Missing Authentication Token",
    )
    for other in ("Bearer eyJhbGciOi", "Basic YTpi", "", "AWS4"):
        assert refusal(altered(request, authorization=other))[0] == "MissingAuthenticationTokenException"
    code, told = refusal(altered(request, authorization="AWS4-HMAC-SHA256 ", x_amz_date=None))
    assert code == "IncompleteSignatureException"
    for name in ("Credential", "Signature", "SignedHeaders"):
        assert f"Authorization header requires '{name}' parameter. " in told
    assert "requires existence of a 'X-Amz-Date' header" in told
    told = refusal(altered(request, authorization=header.replace("HMAC-SHA256", "ECDSA-P256-SHA256")))[1]
    assert told == "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256' (only AWS4-HMAC-SHA256 for now). "
    assert "ISO-8601 'basic format'" in refusal(altered(request, x_amz_date="2026-01-01T00:00:00Z"))[1]
    assert "ISO-8601 'basic format'" in refusal(altered(request, x_amz_date="20261341T000000Z"))[1]
    assert "missing equal-sign" in refusal(altered(request, authorization=f"{header}, {header}"))[1]
    assert "more than once" in refusal(altered(request, authorization=f"{header}, Signature=0"))[1]
    told = refusal(altered(request, authorization=header.replace("/sagemaker/", "/")))[1]
    assert told.startswith("Credential must have exactly 5 slash-delimited elements")


@pytest.mark.parametrize("name", ["host", "x-amz-date", "x-amz-target"])
def test_what_has_to_be_signed(name: str) -> None:
    request = sent()
    header = request.headers["authorization"].replace(f"{name};", "").replace(f";{name}", "")
    code, told = refusal(altered(request, authorization=header))
    assert code == "InvalidSignatureException"
    assert "must be a 'SignedHeader' in the AWS Authorization." in told


def test_session_tokens_and_presigned_queries_are_refused_with_the_reason() -> None:
    code, told = refusal(sent(token="token"))
    assert code == "UnrecognizedClientException"
    assert told.startswith("The security token included in the request is invalid.")
    assert "AWS_SESSION_TOKEN" in told
    made = AWSRequest("POST", "https://airflow.example/sagemaker/", {"Host": "airflow.example"})
    SigV4QueryAuth(Credentials(KEY_ID, SECRET), "sagemaker", REGION).add_auth(made)
    query = made.url.partition("?")[2]
    assert "presigned" in refusal(SignedRequest("POST", "/sagemaker/", query, {"host": "airflow.example"}, b""))[1]
    # A signature in the header does not make another in the query one that is looked away from.
    assert "presigned" in refusal(sent(query="X-Amz-Signature=0"))[1]


def test_another_body_under_the_same_signature_is_refused() -> None:
    hashed = {"X-Amz-Content-SHA256": hashlib.sha256(BODY).hexdigest()}
    for request in (sent(), sent(headers=hashed)):
        assert refusal(replace(request, body=BODY.replace(b"abalone", b"another"))) == (
            "InvalidSignatureException",
            WRONG,
        )
    for instead in ("UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "0" * 64, ""):
        assert refusal(sent(headers={"X-Amz-Content-SHA256": instead})) == ("InvalidSignatureException", WRONG)


@pytest.mark.parametrize("name", ["method", "path", "query"])
def test_another_request_line_under_the_same_signature_is_refused(name: str) -> None:
    other = {"method": "PUT", "path": "/sagemaker/x", "query": "a=1"}[name]
    assert refusal(replace(sent(), **{name: other})) == ("InvalidSignatureException", WRONG)


def test_refusals_have_a_rate_and_who_is_known_has_none(caplog: pytest.LogCaptureFixture) -> None:
    now = 1000.0
    rate = RefusalRate(2, lambda: now, what="the API")
    rated = RatedAuthenticator(door(), rate)
    codes = []
    for _ in range(4):
        with pytest.raises(ApiError) as refused:
            rated.authenticate(sent(secret=OTHER_SECRET))
        codes.append((refused.value.code, refused.value.status))
    assert codes == [("InvalidSignatureException", 400)] * 2 + [("ThrottlingException", 429)] * 2
    assert "requests to the API were refused for their rate" in caplog.text
    assert rated.authenticate(sent()) == CALLER
    now += 30
    with pytest.raises(ApiError, match="does not match"):
        rated.authenticate(sent(secret=OTHER_SECRET))


TEXTS = st.text(max_size=60)
NAMES = st.sampled_from(["host", "x-amz-date", "x-amz-target", "x-amz-content-sha256", "content-type", "x-other"])
PIECES = st.sampled_from(
    ["AWS4-HMAC-SHA256", "AWS4-", "Credential=", "SignedHeaders=", "Signature=", "host;x-amz-date", KEY_ID, "/", ",",
     " ", ";", "=", "aws4_request", "sagemaker", REGION, "20260101", "0" * 64, "\ud800", "\x00", "\n", "é"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    header=st.lists(st.one_of(PIECES, TEXTS), max_size=14).map("".join),
    headers=st.dictionaries(NAMES, TEXTS, max_size=4),
    method=st.one_of(st.sampled_from(["GET", "POST"]), TEXTS),
    path=st.one_of(st.sampled_from(["/", "//[", "/#", "/%", "?", ""]), TEXTS),
    query=TEXTS,
    body=st.binary(max_size=30),
)
def test_no_wild_request_is_taken_and_each_refusal_is_one_of_aws(
    header: str, headers: dict[str, str], method: str, path: str, query: str, body: bytes
) -> None:
    refusal(SignedRequest(method, path, query, {**headers, "authorization": header}, body))
    refusal(SignedRequest(method, path, query, {**sent().headers, **headers, "authorization": header}, body))


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_change_of_a_signed_request_is_taken(data: st.DataObject) -> None:
    """One place of a good request is changed: a signed header, the request line, the body, or the signature itself."""
    request = sent(body=b'{"PipelineName":"a","n":1}', query="a=1")
    signed = ["host", "x-amz-date", "x-amz-target", "content-type", "authorization"]
    place = data.draw(st.sampled_from(["body", "path", "query", "method", *signed]))
    before: Any = getattr(request, place) if place in ("body", "path", "query", "method") else request.headers[place]
    at = data.draw(st.integers(0, len(before) - 1))
    new: Any = data.draw(st.binary(max_size=2) if isinstance(before, bytes) else st.text(max_size=2))
    after = before[:at] + new + before[at + 1 :]
    if as_signed(place, after) == as_signed(place, before):
        return
    if place in signed:
        refusal(replace(request, headers={**request.headers, place: after}))
    else:
        refusal(replace(request, **{place: after}))


def as_signed(place: str, value: Any) -> Any:
    """A value as far as a signature counts it: blanks around and between do not, nor a path's dot segments."""
    if place == "authorization":
        # Between its parameters there may be blanks and commas, and the names of headers are so in any case.
        return sorted(filter(None, value.replace(",", " ").lower().split()))
    if place == "method":
        return value.upper()
    if place == "path":
        return normalize_url_path(value)
    return " ".join(value.split()) if isinstance(value, str) else value


def test_an_unknown_key_takes_the_work_of_a_wrong_one() -> None:
    """Each calls as many functions as the other: what is measured instead of a time, which differs from run to run."""
    wrong, unknown = sent(secret=OTHER_SECRET), sent(key_id="AFSMZZZZZZZZZZZZZZZZ")
    _, *calls = (functions_called(door(), request) for request in (wrong, wrong, unknown))
    assert calls[0] > 100
    assert calls[0] == calls[1]


def functions_called(authenticator: SignatureAuthenticator, request: SignedRequest) -> int:
    """How many functions it takes to refuse a request."""
    count = 0

    def tell(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(tell)
    try:
        authenticator.authenticate(request)
    except ApiError:
        return count
    finally:
        sys.setprofile(None)
    raise AssertionError("it was taken")
