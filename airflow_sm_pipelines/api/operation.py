"""What an operation of the API is, and what it works with."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from airflow_sm_pipelines.api.arns import Arns
from airflow_sm_pipelines.api.caller import Action, Caller
from airflow_sm_pipelines.api.definitions import Linter
from airflow_sm_pipelines.api.runs import Runs
from airflow_sm_pipelines.callbacks.requests import Answering
from airflow_sm_pipelines.definition.secret_names import IsSecret
from airflow_sm_pipelines.store.model import Stored
from airflow_sm_pipelines.store.pipelines import NoSuchPipelineError, PipelineStore
from airflow_sm_pipelines.wire.errors import ApiError


class Ports(Struct, frozen=True, kw_only=True):
    """What the operations work with.

    :param account: the account in ARNs; None for that of the pipeline's role
    :param lint: judges what is about to be stored
    :param is_secret: which names are those of secrets
    :param read_s3: the text of a definition in S3, by bucket, key and version
    :param answer: leaves an answer for a Callback step, where the second argument lets it do so for the pipeline
    :param shared_pools: whether the limits of pipelines are over all their runs, so that a run can have none of its own
    """

    store: PipelineStore
    runs: Runs
    region: str
    account: str | None
    lint: Linter
    is_secret: IsSecret
    read_s3: Callable[[str, str, str | None], str]
    answer: Callable[[Answering, Callable[[str], bool]], str]
    shared_pools: bool = False
    clock: Callable[[], float] = time.time


class Call(Struct, frozen=True):
    """One call: its caller, and its request, which is valid by the API's model."""

    operation: str
    caller: Caller
    request: Mapping[str, Any]
    ports: Ports

    def arns(self, role_arn: str | None) -> Arns:
        """The ARNs of a pipeline with this role."""
        return arns_of(self.ports, role_arn)

    def pipeline(self, name: str) -> Stored:
        """A pipeline.

        :raises ApiError: ResourceNotFound
        """
        try:
            return self.ports.store.get(name)
        except NoSuchPipelineError:
            raise ApiError("ResourceNotFound", f"Pipeline {name!r} does not exist.") from None


class Operation(Struct, frozen=True):
    """An operation: what it does, and what must be allowed on which pipeline.

    ``subject`` gives the name of the pipeline that a request is about, None where it is about none or about all: then
    ``run`` looks at the caller itself.
    """

    action: Action
    run: Callable[[Call], dict[str, Any]]
    subject: Callable[[Mapping[str, Any]], str] | None = None


NO_ACCOUNT = "000000000000"


def arns_of(ports: Ports, role_arn: str | None) -> Arns:
    """The account of ARNs is that of the settings, else that of the pipeline's role, else zeros."""
    of_role = role_arn.split(":")[4] if role_arn and role_arn.count(":") >= 5 else None
    return Arns(ports.region, ports.account or of_role or NO_ACCOUNT)


def user_context(user: str | None) -> dict[str, Any] | None:
    """Who has done something: the name of the Airflow user."""
    return None if user is None else {"UserProfileName": user}


def given(**members: Any) -> dict[str, Any]:
    """The members of a response that have a value."""
    return {name: value for name, value in members.items() if value is not None}
