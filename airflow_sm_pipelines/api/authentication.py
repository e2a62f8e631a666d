"""Who has sent a request: the access key that it names, if the request is signed with that key's secret."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from airflow_sm_pipelines.api.signature import TIME, computed, read_signature, scope_faults
from airflow_sm_pipelines.wire.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_sm_pipelines.api.caller import Caller, SignedRequest
    from airflow_sm_pipelines.api.signature import Signature

SERVICE = "sagemaker"
AROUND_DATE = timedelta(minutes=5)
WRONG = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key"
    " and signing method. Consult the service documentation for details."
)


class AccessKey(Struct, frozen=True):
    """An access key: its secret, until when it is good, and who calls with it."""

    secret: str
    expires: datetime | None
    caller: Caller

    def __repr__(self) -> str:
        # Whatever logs it, the secret stays here.
        return f"AccessKey({self.caller.access_key_id!r})"


class AccessKeys(Protocol):
    """Where access keys are looked up."""

    def find(self, access_key_id: str) -> AccessKey | None:
        """The key of that id, which is any text that a request has; None without one, after the same work."""
        ...


class SignatureAuthenticator:
    """Takes requests that are signed with an access key for this region, up to five minutes from their date.

    An unknown key and a wrong secret get the same answer after the same work: the signature is computed with a secret
    that nobody has. Only who has its secret learns whether a key has expired.
    """

    def __init__(
        self, keys: AccessKeys, region: str, nobodys_secret: str, clock: Callable[[], datetime] | None = None
    ) -> None:
        self._keys = keys
        self._region = region
        self._nobodys_secret = nobodys_secret
        self._clock = clock or _now

    def authenticate(self, request: SignedRequest) -> Caller:
        """The caller whose access key has signed the request.

        :raises ApiError: with AWS's codes: MissingAuthenticationTokenException, IncompleteSignatureException,
            InvalidSignatureException (a wrong key too), UnrecognizedClientException (a session token),
            ExpiredTokenException
        """
        signature = read_signature(request)
        self._check_date(signature)
        if faults := scope_faults(signature, self._region, SERVICE):
            raise ApiError("InvalidSignatureException", faults)
        key = self._keys.find(signature.access_key_id)
        expected = computed(request, signature, self._nobodys_secret if key is None else key.secret)
        given = signature.value.encode("utf-8", "surrogatepass")
        if not hmac.compare_digest((expected or "").encode(), given) or expected is None or key is None:
            raise ApiError("InvalidSignatureException", WRONG)
        if key.expires is not None and key.expires <= self._clock():
            raise ApiError("ExpiredTokenException", "The security token included in the request is expired")
        return key.caller

    def _check_date(self, signature: Signature) -> None:
        now, signed_at = self._clock(), signature.signed_at
        if signed_at < now - AROUND_DATE:
            message = f"Signature expired: {signature.time} is now earlier than {_text(now - AROUND_DATE)}"
            raise ApiError("InvalidSignatureException", f"{message} ({_text(now)} - 5 min.)")
        if signed_at > now + AROUND_DATE:
            message = f"Signature not yet current: {signature.time} is still later than {_text(now + AROUND_DATE)}"
            raise ApiError("InvalidSignatureException", f"{message} ({_text(now)} + 5 min.)")


def _now() -> datetime:
    return datetime.now(UTC)


def _text(time: datetime) -> str:
    return time.strftime(TIME)
