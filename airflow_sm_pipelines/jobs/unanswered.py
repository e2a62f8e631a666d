"""Calls that begin something and get no answer at all from AWS (semantics 7.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError

from airflow_sm_pipelines.aws.failures import CallError, JobUnreachable, is_connection_error
from airflow_sm_pipelines.jobs.poll_schedule import PollPace

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_sm_pipelines.jobs.step_run import StepRun

T = TypeVar("T")

UNANSWERED_SECONDS = 300.0
"""How long a worker is held by a call that stays unanswered, before the try is given up and a later one makes it."""
FIRST_PAUSE_SECONDS = 1.0


def until_answered(
    run: StepRun,
    problem: str,
    send: Callable[[], T],
    look: Callable[[], T | None] = lambda: None,
    is_unanswered: Callable[[Exception], bool] = is_connection_error,
) -> T:
    """What a call that begins something gives; while there is no answer, it is looked for and sent again.

    Nothing is known of a call without an answer, so no retry policy is asked: what the call was to begin is looked for
    by its name, and where nothing is there, the call is made again under that name. What AWS answers is for the caller,
    a refusal too.

    :param problem: what could not be done, for the log and the message of a failure
    :param look: what has come of an earlier call, or None
    :param is_unanswered: which errors of botocore mean that there is no answer
    :raises JobUnreachable: where there is none for five minutes
    """
    pace = PollPace(min(FIRST_PAUSE_SECONDS, run.settings.poll_interval), run.settings.poll_interval_max)
    unanswered, until = 0, run.clock.monotonic() + UNANSWERED_SECONDS
    while True:
        try:
            return send()
        except BotoCoreError as error:
            if not is_unanswered(error):
                raise
            said, pause = CallError.of(error), pace.after(unanswered)
            unanswered += 1
            if run.clock.monotonic() + pause > until:
                minutes = f"{UNANSWERED_SECONDS / 60:g} min"
                raise JobUnreachable(
                    f"Step {run.task.task_id!r}: {problem} for {minutes}, and a later try looks for it: {said}"
                ) from error
            run.log.warning("For now %s, and it is looked for in %g s: %s", problem, pause, said)
        run.clock.sleep(pause)
        run.check_alive()
        if (found := look()) is not None:
            return found
