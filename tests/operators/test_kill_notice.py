"""What a task that is being killed asks and tells: whatever comes of it, the kill goes on."""

from __future__ import annotations

from typing import Any, cast

import pytest

from airflow_sm_pipelines.jobs.kill_verdict import UNKNOWN
from airflow_sm_pipelines.operators.kill_notice import record_before_exit, state_in_time


class Lost:
    """A task whose server does not answer."""

    map_index = None

    @property
    def task_id(self) -> str:
        raise ConnectionError("the supervisor is gone")


def test_a_server_that_is_gone_leaves_the_state_unknown(caplog: pytest.LogCaptureFixture) -> None:
    assert state_in_time(cast("Any", {"ti": Lost()})) == UNKNOWN
    assert "the supervisor is gone" in caplog.text


def test_a_record_that_cannot_be_written_is_left(caplog: pytest.LogCaptureFixture) -> None:
    def write() -> None:
        raise ConnectionError("the supervisor is gone")

    with caplog.at_level("INFO"):
        record_before_exit(write)
    assert "the supervisor is gone" in caplog.text
