"""Fail: a step that fails with the definition's message (semantics 2.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from airflow_sm_pipelines.aws.failures import StepFailure
from airflow_sm_pipelines.expressions.stringify import to_text
from airflow_sm_pipelines.expressions.values import resolve_object
from airflow_sm_pipelines.operators.masking import shown_text
from airflow_sm_pipelines.operators.step import StepOperator
from airflow_sm_pipelines.step_types.fail import MAX_MESSAGE_LENGTH

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_sm_pipelines.expressions.scope import TaskScope
    from airflow_sm_pipelines.expressions.stringify import Json


class FailStepOperator(StepOperator):
    """A Fail step. Its resolved ErrorMessage, of at most 3072 characters, is what the task fails with."""

    _message = ""

    @override
    def resolve(self, context: Context, scope: TaskScope) -> Json:
        resolved = resolve_object(self.step.arguments, scope)
        # Masked before it is cut: the beginning of a secret is one too.
        self._message = shown_text(to_text(resolved.get("ErrorMessage", "")))
        if len(self._message) > MAX_MESSAGE_LENGTH:
            self.log.warning(
                "The ErrorMessage has %d characters and is cut to %d", len(self._message), MAX_MESSAGE_LENGTH
            )
            self._message = self._message[:MAX_MESSAGE_LENGTH]
        return resolved

    @override
    def run_step(self, context: Context) -> None:
        self.check_resolved(context)
        self.fail_attempt(context, StepFailure(self._message or f"Step {self.step.name!r} fails without a message."))
