"""A request of SageMaker's wire protocol (JSON 1.1) to a response: who asks, for what, is it valid, may they, do it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from airflow_sm_pipelines.api.caller import Authenticator, Caller, SignedRequest
from airflow_sm_pipelines.api.operation import Call, Ports
from airflow_sm_pipelines.api.operations import OPERATIONS
from airflow_sm_pipelines.definition.text import unstorable_in
from airflow_sm_pipelines.wire.errors import ApiError
from airflow_sm_pipelines.wire.service_model import check_request, known_actions

TARGET_PREFIX = "SageMaker."
_ARNS = ("PipelineExecutionArn", "ResourceArn")


class Audit(Protocol):
    """Keeps what was done, and what was refused to a caller who is known."""

    def __call__(self, caller: Caller, operation: str, dag_id: str | None, outcome: Mapping[str, str]) -> None:
        """``outcome`` has the code of an error, and the ARN of what the call was about."""
        ...


class Api:
    """The API.

    :param authenticator: finds who has sent a request
    :param ports: what the operations work with
    :param audit: gets every call that may change something
    """

    def __init__(self, authenticator: Authenticator, ports: Ports, audit: Audit) -> None:
        self._authenticator = authenticator
        self._ports = ports
        self._audit = audit

    def receive(self, request: SignedRequest) -> Callable[[], dict[str, Any]]:
        """What answers a request of a caller who is known: with the response's members. It raises ApiError as AWS
        answers, and NotParsedError where it is to be called again, later.

        The signature is judged here, once: it may end while a start waits.

        :raises ApiError: where the caller is not known
        """
        return partial(self._answer, self._authenticator.authenticate(request), request)

    def _answer(self, caller: Caller, request: SignedRequest) -> dict[str, Any]:
        name = _operation_name(request.headers.get("x-amz-target", ""))
        members = _members(request.body)
        check_request(name, members)
        given = {member: value for member, value in members.items() if value is not None}
        operation = OPERATIONS[name]
        asked = None if operation.subject is None else operation.subject(given)
        # The Dag is called as the pipeline was named, and an ARN has that in lower case.
        subject = None if asked is None else self._ports.store.name_of(asked)
        try:
            if subject is not None and not caller.allows(operation.action, subject):
                raise denied(caller, name, asked)
            response = operation.run(Call(name, caller, given, self._ports))
        except ApiError as error:
            self._record(caller, name, subject, {**_arns_in(given), "error": error.code})
            raise
        self._record(caller, name, subject, {**_arns_in(given), **_arns_in(response)})
        return response

    def _record(self, caller: Caller, name: str, subject: str | None, outcome: Mapping[str, str]) -> None:
        if OPERATIONS[name].action != "read":
            self._audit(caller, name, subject, outcome)


def _arns_in(members: Mapping[str, Any]) -> dict[str, str]:
    return {name: members[name] for name in _ARNS if isinstance(members.get(name), str)}


def denied(caller: Caller, operation: str, subject: str | None) -> ApiError:
    """The error of a caller who may not do something."""
    on = "" if subject is None else f" on the pipeline {subject}"
    return ApiError(
        "AccessDeniedException",
        f"The access key {caller.access_key_id} of the user {caller.user} is not authorized to perform:"
        f" sagemaker:{operation}{on}",
    )


def _operation_name(target: str) -> str:
    name = target.removeprefix(TARGET_PREFIX)
    if target.startswith(TARGET_PREFIX) and name in OPERATIONS:
        return name
    if target.startswith(TARGET_PREFIX) and name in known_actions():
        raise ApiError(
            "UnknownOperationException",
            f"{name} is not served here: Airflow answers the operations on pipelines alone, and sends nothing on."
            " Send it to SageMaker itself (airflow_sm_pipelines.client does so).",
        )
    raise ApiError("UnknownOperationException", "The header X-Amz-Target names no operation of SageMaker.")


def _members(body: bytes) -> dict[str, Any]:
    try:
        members = json.loads(body.decode(), parse_constant=_no_number) if body else {}
    except RecursionError:
        raise ApiError("SerializationException", "The request is nested too deeply.") from None
    except ValueError:
        raise ApiError("SerializationException", "The request is no JSON that can be read.") from None
    if not isinstance(members, dict):
        raise ApiError("SerializationException", "The request is no JSON object.")
    if (found := unstorable_in(members)) is not None:
        raise ApiError("ValidationException", f"The request has {found} in a text, which cannot be stored.")
    return members


def _no_number(text: str) -> Mapping[str, Any]:
    raise ValueError(f"{text} is no JSON")
