"""Results with their secrets: masked in ``return_value``, where Airflow shows them, and sealed beside it.

The sealed copy is an XCom: the tasks that need it are others than the one that has it, also in later runs (selective
execution), and the task state store is each task's own. It is sealed with Airflow's Fernet key, as connections are.
Where Airflow has no such key, the result of a job is not stored: it is read again with the job's Describe call, and so
is one of an older version of this package, or of another key. What no call can give again is stored in the clear then,
as all is that a deployment without a key encrypts.

Long texts that the Describe call gives again are cut in both: who needs one makes that call.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from airflow_sm_pipelines.aws.failures import StepFailure
from airflow_sm_pipelines.callbacks.encryption import UnsealError, can_seal, seal, unseal
from airflow_sm_pipelines.definition.evaluation_errors import UnresolvedError
from airflow_sm_pipelines.definition.secrets import MASKED, has_mask, texts
from airflow_sm_pipelines.expressions.end_note import END_KEY, EndNote
from airflow_sm_pipelines.expressions.long_texts import NO_BOUND, SETTING, TextBound
from airflow_sm_pipelines.expressions.results import to_result
from airflow_sm_pipelines.expressions.scope import JOB_KEY
from airflow_sm_pipelines.jobs.job import describe_job, is_described
from airflow_sm_pipelines.jobs.step_secrets import Published, StepSecrets
from airflow_sm_pipelines.operators.masking import shown_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.aws.access import AwsAccess
    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.jobs.step_run import TaskOutput
    from airflow_sm_pipelines.operators.masking import Masking
    from airflow_sm_pipelines.step_types.step_type import StepType

log = logging.getLogger(__name__)

SEALED_KEY = "sagemaker_sealed"
"""The XCom key of a result with its secrets, sealed, where ``return_value`` has some of it masked."""

SEALED_MEMBER = "sealed"


class SealedSecrets(StepSecrets):
    """Masks what is shown, and seals what is needed again."""

    def __init__(self, masking: Masking, output: TaskOutput) -> None:
        self._masking = masking
        self._output = output

    @override
    def hide(self, text: str) -> str:
        return shown_text(text)

    @override
    def is_secret(self, name: str, /) -> bool:
        return self._masking.is_secret(name)

    @override
    def learn(self, value: Any) -> None:
        self._masking.learn(value)

    @override
    def publish(self, result: Mapping[str, Any], *, readable_again: bool, bound: TextBound = NO_BOUND) -> Published:
        shown, text = self._seal(result, bound, readable_again=readable_again)
        return Published(shown, text)

    @override
    def republish(self, published: Published) -> None:
        if published.sealed is not None:
            self._output.push(SEALED_KEY, published.sealed)

    def give(self, result: Any) -> Any:
        """:meth:`publish` for a result of any form: what ``return_value`` shows of it."""
        return self._seal(result, NO_BOUND, readable_again=False)[0]

    def _seal(self, result: Any, bound: TextBound, *, readable_again: bool) -> tuple[Any, str | None]:
        self._masking.learn(result)
        masked = self._masking.value(result)
        # What is left of a text shows no part of a secret that goes on behind it.
        shown = bound.of(masked)
        if masked == result or (readable_again and not can_seal()):
            return shown, None
        text = seal(json.dumps(bound.of(result)))
        self._output.push(SEALED_KEY, text)
        return shown, text

    @override
    def to_store(self, value: Any) -> Any:
        """The names of the outermost members are this package's own, and name no secrets."""
        members = value.values() if isinstance(value, dict) else [value]
        if all(self._masking.value(member) == member for member in members):
            return value
        return {SEALED_MEMBER: seal(json.dumps(value))}

    @override
    def from_store(self, stored: Any) -> Any:
        if not (isinstance(stored, dict) and stored.keys() == {SEALED_MEMBER}):
            return stored
        try:
            return json.loads(unseal(stored[SEALED_MEMBER]))
        except UnsealError as error:
            log.warning("What an earlier try has kept cannot be read: %s", error)
            return None


class RealResults:
    """The results of a run's tasks as they are, for what ``return_value`` has masked."""

    def __init__(self, ti: Any, access: AwsAccess, step_types: Mapping[str, StepType]) -> None:
        self._ti = ti
        self._access = access
        self._step_types = step_types

    def of(self, task_id: str, masked: Json, map_index: int | None = None) -> Json:
        """A task's whole result, given what its ``return_value`` shows of it.

        :raises UnresolvedError: where it is masked, and cannot be read
        :raises StepFailure: where its job is gone, or AWS cannot say
        """
        if not has_mask(masked):
            return masked
        stored = self._pull(task_id, SEALED_KEY, map_index)
        if isinstance(stored, str):
            try:
                result: Json = json.loads(unseal(stored))
            except UnsealError as error:
                return self._described(task_id, masked, map_index, str(error))
            return result
        # Nothing is sealed: an older version masked the results of jobs alone, and the text may be the step's own.
        return self._described(task_id, masked, map_index, None) if MASKED in texts(masked) else masked

    def whole(self, task_id: str, shown: Json, map_index: int | None = None) -> Json:
        """A task's whole result, given what XCom has of it, where a text of that was cut.

        :raises UnresolvedError: where nothing describes it
        :raises StepFailure: where its job is gone, or AWS cannot say
        """
        job = self._pull(task_id, JOB_KEY, map_index)
        if not (isinstance(job, dict) and is_described(job, self._step_types) and isinstance(shown, dict)):
            message = f"has a text of which XCom holds the beginning alone: set {SETTING} to 0, and run the step again."
            raise UnresolvedError(f"Steps.{task_id}", message)
        try:
            return {**shown, **to_result(describe_job(self._access, job, self._step_types))}
        except StepFailure as failure:
            raise failure.in_words(f"{failure} XCom holds the beginning of the value alone ({SETTING}).") from failure

    def of_failed(self, task_id: str, map_index: int | None = None) -> Json:
        """What a step that failed without a result has left: the description of its job as it is now, or None.

        It was killed, say, or its time was over.

        :raises UnresolvedError: with the reason of the failure, where it ran no job
        :raises StepFailure: where its job is gone, or AWS cannot say
        """
        job = self._pull(task_id, JOB_KEY, map_index)
        if isinstance(job, dict) and is_described(job, self._step_types):
            return to_result(describe_job(self._access, job, self._step_types))
        note = EndNote.from_json(self._pull(task_id, END_KEY, map_index))
        if note is not None:
            raise UnresolvedError(f"Steps.{task_id}", f"is undefined: the step has failed without a job. {note.reason}")
        return None

    def _described(self, task_id: str, masked: Json, map_index: int | None, fault: str | None) -> Json:
        job = self._pull(task_id, JOB_KEY, map_index)
        if isinstance(job, dict) and is_described(job, self._step_types) and isinstance(masked, dict):
            # What a step adds to the response of its job is as it is shown.
            return {**masked, **to_result(describe_job(self._access, job, self._step_types))}
        if fault is None:
            return masked
        raise UnresolvedError(f"Steps.{task_id}", f"is masked, and its sealed value cannot be read. {fault}")

    def _pull(self, task_id: str, key: str, map_index: int | None) -> Any:
        chosen = {} if map_index is None else {"map_indexes": map_index}
        return self._ti.xcom_pull(task_ids=task_id, key=key, **chosen)
