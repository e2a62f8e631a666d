"""The tail of a job's log: what ends it, and what makes it late."""

from __future__ import annotations

import logging

import pytest
from botocore.exceptions import ReadTimeoutError

from airflow_sm_pipelines.aws.access import AwsAccess
from airflow_sm_pipelines.jobs.job_log import MAX_UNANSWERED_LOOKS, JobLog, Line, LogPlace, LogTail

NO_ANSWER = ReadTimeoutError(endpoint_url="http://logs")


class Log(JobLog):
    """A stream with a line for each look that is answered."""

    def __init__(self, *looks: bool) -> None:
        super().__init__(AwsAccess("aws_default", "us-east-1", None, None), LogPlace("group", "job"))
        self._looks = iter(looks)
        self._seen = 0

    def streams(self) -> list[str]:
        if not next(self._looks):
            raise NO_ANSWER
        self._seen += 1
        return ["job"]

    def lines_after(self, stream: str, token: str | None) -> tuple[list[Line], str | None]:
        return [Line(self._seen, stream, f"line {self._seen}")], token


def look(caplog: pytest.LogCaptureFixture, *looks: bool) -> list[str]:
    """What is told when the looks are answered or not."""
    caplog.set_level(logging.INFO)
    tail = LogTail(Log(*looks))
    for _ in looks:
        tail()
    return caplog.messages


def test_a_look_without_an_answer_makes_the_log_late(caplog: pytest.LogCaptureFixture) -> None:
    first, late, second, third = look(caplog, True, False, True, False, False, True)
    assert (first, second, third) == ("line 1", "line 2", "line 3")
    assert late.startswith("The job's log comes late: ")


def test_a_service_that_never_answers_is_asked_no_more(caplog: pytest.LogCaptureFixture) -> None:
    late, ended = look(caplog, *[False] * MAX_UNANSWERED_LOOKS, True)
    assert late.startswith("The job's log comes late: ")
    assert ended.startswith("The job's log is not shown here: ")
