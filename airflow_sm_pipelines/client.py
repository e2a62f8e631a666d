"""A ``sagemaker`` client whose pipelines run in Airflow: for boto3, and for the SageMaker SDK by its session.

    from airflow_sm_pipelines.client import pipelines_session

    session = pipelines_session("https://airflow.example.com/sagemaker-api/v1", "AFSM…", "…")
    Pipeline("abalone", steps=[…], sagemaker_session=session).upsert(role)

The client is one of boto3's. Hooks of botocore's own event system give each call of an operation on pipelines another
URL and signature before it is sent; everything else goes to AWS, with the user's own credentials. So paginators,
waiters, exceptions, ``meta`` and retries are botocore's, and it is one object to who holds it: between two clients
somebody would have to choose, and a paginator or a waiter keeps the client that it was made by.

This file needs boto3 alone: beside the SDK the package can be installed with pip's option ``--no-deps``.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    import boto3
    from botocore.credentials import ReadOnlyCredentials

URL = "AIRFLOW_PIPELINES_URL"
ACCESS_KEY_ID = "AIRFLOW_PIPELINES_ACCESS_KEY_ID"
SECRET_ACCESS_KEY = "AIRFLOW_PIPELINES_SECRET_ACCESS_KEY"  # noqa: S105 # the name of a variable
REGION = "AIRFLOW_PIPELINES_REGION"
PROFILE = "AIRFLOW_PIPELINES_PROFILE"

TAG_OPERATIONS = {"AddTags", "DeleteTags", "ListTags"}
MARK = "airflow_sm_pipelines"
"""What a call for Airflow has in botocore's context of the call, which all hooks are given."""

# The SDK's session of pipelines, in 3.x and in 2.x: it notes what a step is to run, where the plain one runs it.
SESSIONS = (
    ("sagemaker.core.workflow.pipeline_context", "PipelineSession"),
    ("sagemaker.workflow.pipeline_context", "PipelineSession"),
)


class PipelinesClientError(ValueError):
    """What the client lacks; the message says where it is looked for."""


class Door(NamedTuple):
    """Where Airflow takes the calls, and with which access key they are signed for which region."""

    url: str
    access_key_id: str
    secret_access_key: str
    region: str | None

    def __repr__(self) -> str:
        return f"Door({self.url!r}, {self.access_key_id!r}, region={self.region!r})"


def pipelines_client(
    url: str | None = None,
    access_key_id: str | None = None,
    secret_access_key: str | None = None,
    *,
    region_name: str | None = None,
    pipelines_region: str | None = None,
    profile: str | None = None,
    boto_session: boto3.Session | None = None,
    **client_arguments: Any,
) -> Any:
    """A boto3 client of ``sagemaker`` that sends operations on pipelines to Airflow and all others to AWS.

    Operations on pipelines are those with ``Pipeline`` in their name, and those on tags where the ARN is a pipeline's.

    What is not given is read from the environment (``AIRFLOW_PIPELINES_URL``, ``…_ACCESS_KEY_ID``,
    ``…_SECRET_ACCESS_KEY``, ``…_REGION``), and then from a profile of AWS's own files (``AIRFLOW_PIPELINES_PROFILE``):
    its endpoint_url, aws_access_key_id, aws_secret_access_key and region.

    :param url: where Airflow takes the calls: ``https://airflow.example.com/sagemaker-api/v1``
    :param access_key_id: what ``airflow sm-pipelines access-keys create`` has printed
    :param secret_access_key: its secret
    :param region_name: the region of AWS; without it the session's
    :param pipelines_region: the region of the Airflow deployment, where it is another one
    :param profile: a profile for Airflow. That of AWS is the ``boto_session``'s
    :param boto_session: whose credentials the calls to AWS have; by default boto3's default session
    :param client_arguments: further arguments of ``boto3.Session.client``: ``config``, ``verify`` (for both), …
    :raises PipelinesClientError: for a URL, key or region that is nowhere
    """
    import boto3

    door = _door(url, access_key_id, secret_access_key, pipelines_region, profile)
    session = boto_session or boto3.DEFAULT_SESSION or boto3.Session()
    region_name = region_name or session.region_name
    if region_name is None:
        raise PipelinesClientError("no region: give region_name, or set AWS_DEFAULT_REGION")
    client = session.client("sagemaker", region_name=region_name, **client_arguments)
    _Redirection(door, door.region or region_name).register(client.meta.events)
    return client


def pipelines_session(
    url: str | None = None,
    access_key_id: str | None = None,
    secret_access_key: str | None = None,
    *,
    region_name: str | None = None,
    pipelines_region: str | None = None,
    profile: str | None = None,
    boto_session: boto3.Session | None = None,
    session_class: Any = None,
    session_arguments: Mapping[str, Any] | None = None,
    **client_arguments: Any,
) -> Any:
    """A session of the SageMaker SDK, 2.x or 3.x, with :func:`pipelines_client` as its client of ``sagemaker``.

    The other arguments are those of :func:`pipelines_client`.

    :param session_class: the SDK's class of the session; by default its PipelineSession
    :param session_arguments: further arguments of that class, such as ``default_bucket``
    :raises PipelinesClientError: as that does, and where the SDK is not installed
    """
    import boto3

    session_class = session_class or _session_class()
    boto_session = boto_session or boto3.Session(region_name=region_name)
    client = pipelines_client(
        url,
        access_key_id,
        secret_access_key,
        region_name=region_name,
        pipelines_region=pipelines_region,
        profile=profile,
        boto_session=boto_session,
        **client_arguments,
    )
    return session_class(boto_session=boto_session, sagemaker_client=client, **(session_arguments or {}))


class _Redirection:
    """The hooks that send a call to Airflow: where it goes, that botocore does not sign it, and its signature."""

    def __init__(self, door: Door, region: str) -> None:
        from botocore.credentials import ReadOnlyCredentials

        self._url = f"{door.url.rstrip('/')}/"
        self._region = region
        self._credentials: ReadOnlyCredentials = ReadOnlyCredentials(door.access_key_id, door.secret_access_key, None)

    def register(self, events: Any) -> None:
        events.register("before-parameter-build.sagemaker", self._mark)
        events.register("before-call.sagemaker", self._readdress)
        events.register("choose-signer.sagemaker", self._leave_unsigned)
        events.register("before-sign.sagemaker", self._sign)

    def _mark(self, params: Mapping[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        if is_of_pipelines(model.name, params):
            context[MARK] = True

    def _readdress(self, params: dict[str, Any], context: Mapping[str, Any], **_: Any) -> None:
        if MARK in context:
            params["url"] = self._url

    def _leave_unsigned(self, context: Mapping[str, Any], **_: Any) -> Any:
        from botocore import UNSIGNED

        return UNSIGNED if MARK in context else None

    def _sign(self, request: Any, **_: Any) -> None:
        from botocore.auth import SigV4Auth

        if MARK in request.context:
            SigV4Auth(self._credentials, "sagemaker", self._region).add_auth(request)


def is_of_pipelines(operation: str, parameters: Mapping[str, Any]) -> bool:
    """Whether a call is for Airflow: an operation of a name with Pipeline, or one on the tags of a pipeline."""
    if operation in TAG_OPERATIONS:
        parts = str(parameters.get("ResourceArn", "")).split(":", 5)
        return len(parts) == 6 and parts[2] == "sagemaker" and parts[5].startswith("pipeline/")
    return "Pipeline" in operation


def _door(
    url: str | None, access_key_id: str | None, secret: str | None, region: str | None, profile: str | None
) -> Door:
    given = os.environ
    # A key and its secret come from one place: half of each is no key.
    if (access_key_id is None) != (secret is None):
        raise PipelinesClientError("an access key of Airflow is an access_key_id and a secret_access_key: give both")
    if access_key_id is None:
        access_key_id, secret = given.get(ACCESS_KEY_ID), given.get(SECRET_ACCESS_KEY)
        if bool(access_key_id) != bool(secret):
            raise PipelinesClientError(f"of {ACCESS_KEY_ID} and {SECRET_ACCESS_KEY} only one is set")
    url, region = url or given.get(URL), region or given.get(REGION)
    if profile := profile or given.get(PROFILE):
        of_profile = _of_profile(profile)
        url, region = url or of_profile.url, region or of_profile.region
        if not access_key_id:
            access_key_id, secret = of_profile.access_key_id, of_profile.secret_access_key
    if not url:
        raise PipelinesClientError(f"no URL of Airflow: give url, set {URL}, or endpoint_url in a profile ({PROFILE})")
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise PipelinesClientError(f"{url!r} is no URL such as https://airflow.example.com/sagemaker-api/v1")
    if not access_key_id or not secret:
        raise PipelinesClientError(
            f"no access key of Airflow: give access_key_id and secret_access_key, set {ACCESS_KEY_ID} and"
            f" {SECRET_ACCESS_KEY}, or a profile ({PROFILE}). Keys are made by: airflow sm-pipelines access-keys create"
        )
    return Door(url, access_key_id, secret, region)


def _of_profile(name: str) -> Door:
    from botocore.exceptions import ProfileNotFound
    from botocore.session import Session

    session = Session(profile=name)
    try:
        settings = session.get_scoped_config()
    except ProfileNotFound as error:
        raise PipelinesClientError(f"{error}; it is looked for in AWS's files of configuration") from None
    # Only what the profile itself says: keys that botocore finds elsewhere are those of AWS.
    return Door(
        settings.get("endpoint_url", ""),
        settings.get("aws_access_key_id", ""),
        settings.get("aws_secret_access_key", ""),
        settings.get("region"),
    )


def _session_class() -> Any:
    for module, name in SESSIONS:
        try:
            return getattr(import_module(module), name)
        except ModuleNotFoundError as error:
            # Only where the SDK itself is not there: that something which it needs is missing is for it to report.
            if not (error.name or "").startswith("sagemaker"):
                raise
    raise PipelinesClientError("the SageMaker SDK is not installed: pip install sagemaker (2.x or 3.x)")
