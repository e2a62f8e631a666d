"""A step's result, and the request that the UI shows, in a form that Airflow can store."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from airflow_sm_pipelines.expressions.results import summarize, to_result


def test_what_aws_says_is_stored_whatever_it_is(caplog: pytest.LogCaptureFixture) -> None:
    response = {
        "FailureReason": "AlgorithmError: \0 \ud800 é",
        "FinalMetricDataList": [{"Value": float("nan")}, {"Value": float("inf")}, {"Value": -1.5}, {"Value": 1e22}],
        "Environment": {"K\0": "v\0"},
    }
    assert to_result(response) == {
        "FailureReason": "AlgorithmError: \ufffd \ufffd é",
        "FinalMetricDataList": [{"Value": "NaN"}, {"Value": "Infinity"}, {"Value": -1.5}, {"Value": "1e+22"}],
        "Environment": {"K\ufffd": "v\ufffd"},
    }
    [record] = caplog.records
    assert "U+FFFD stands for it" in record.getMessage()


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (2**63, str(2**63)),
        (int("7" * 40), "7" * 40),
        pytest.param(10**20_000, "(a number of 66439 bits)", id="20000 digits"),
        (True, True),
        ("a\0\ud800", "a\ufffd\ufffd"),
        (1.5, 1.5),
    ],
)
def test_the_shown_request_can_be_told_between_processes(number: Any, told: Any) -> None:
    request = summarize({"a": [number]}, 4096)
    assert request == {"a": [told]}
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(request)) == request
