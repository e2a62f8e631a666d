"""Who may call: signatures, the deployment's access keys and Airflow's auth manager, put together."""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING

from airflow_sm_pipelines.api.authentication import SignatureAuthenticator
from airflow_sm_pipelines.server.refusal_rate import RefusalRate
from airflow_sm_pipelines.settings import setting
from airflow_sm_pipelines.wire.errors import ApiError

if TYPE_CHECKING:
    from airflow_sm_pipelines.api.access_keys import StoredKey
    from airflow_sm_pipelines.api.caller import Authenticator, Caller, SignedRequest

log = logging.getLogger(__name__)


class RatedAuthenticator:
    """Gives the reason of a refusal up to a rate, and then only that there are too many. Who is known has no rate."""

    def __init__(self, authenticator: Authenticator, rate: RefusalRate) -> None:
        self._authenticator = authenticator
        self._rate = rate

    def authenticate(self, request: SignedRequest) -> Caller:
        """The caller.

        :raises ApiError: as the authenticator does, or ThrottlingException
        """
        try:
            return self._authenticator.authenticate(request)
        except ApiError as error:
            if not self._rate.allows():
                raise ApiError("ThrottlingException", "Rate exceeded", 429) from None
            log.info("A request to the SageMaker Pipelines API was refused: %s", error.code)
            raise


def deployment_authenticator(region: str) -> RatedAuthenticator:
    """What the API server of this deployment asks who has sent a request.

    :param region: the region that signatures are for
    """
    from airflow_sm_pipelines.api.access_keys import StoredAccessKeys

    rate = RefusalRate(setting("api_refusals_per_minute"), what="the SageMaker Pipelines API")
    keys = StoredAccessKeys(_caller)
    return RatedAuthenticator(SignatureAuthenticator(keys, region, secrets.token_urlsafe(30)), rate)


def _caller(key: StoredKey) -> Caller:
    from airflow.api_fastapi.app import get_auth_manager

    from airflow_sm_pipelines.api.airflow_users import caller_of

    return caller_of(key, get_auth_manager())
