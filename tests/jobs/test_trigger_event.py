"""What a trigger hands to Airflow can be stored."""

from __future__ import annotations

import pytest

from airflow_sm_pipelines.jobs.trigger_event import TriggerError, storable_event, storable_failure


def test_an_event() -> None:
    payload = {"end": "ended", "seen": "AlgorithmError: \0 \ud800 é", "job_name": "j"}
    assert storable_event(payload).payload == {
        "end": "ended",
        "seen": "AlgorithmError: \ufffd \ufffd é",
        "job_name": "j",
    }
    assert storable_event({"seen": "é"}).payload == {"seen": "é"}


def test_a_failure_with_text_that_cannot_be_stored_is_raised_without_it() -> None:
    with pytest.raises(TriggerError, match="OSError: gone \ufffd \ufffd") as caught, storable_failure():
        raise OSError("gone \0 \ud800")
    assert caught.value.__suppress_context__


def test_another_failure_is_raised_as_it_is() -> None:
    with pytest.raises(OSError, match="gone"), storable_failure():
        raise OSError("gone")
