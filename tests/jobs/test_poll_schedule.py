from __future__ import annotations

import pytest

from airflow_sm_pipelines.jobs.poll_schedule import PollPace


@pytest.mark.parametrize(("errors", "pause"), [(0, 30), (1, 60), (2, 120), (4, 300), (100_000, 300)])
def test_pauses_double_with_the_errors_up_to_the_longest(errors: int, pause: float) -> None:
    assert PollPace(30, 300).after(errors) == pause


def test_the_interval_itself_may_be_the_longest() -> None:
    assert PollPace(600, 300).after(100_000) == 600
