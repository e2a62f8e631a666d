"""What an access key may do."""

from __future__ import annotations

import pytest

from airflow_sm_pipelines.api.caller import Action, Caller

KEY = Caller("AKIDEXAMPLE", "anna", patterns=("forecast-*", "Churn"), actions=frozenset({"read", "start"}))


@pytest.mark.parametrize(
    ("action", "name", "allowed"),
    [
        ("read", "forecast-daily", True),
        ("start", "Forecast-Daily", True),
        ("write", "forecast-daily", False),
        ("read", "churn", True),
        ("read", "churn2", False),
    ],
)
def test_a_key_is_for_its_actions_on_pipelines_of_its_patterns(action: Action, name: str, *, allowed: bool) -> None:
    assert KEY.allows(action, name) is allowed


def test_a_key_without_patterns_is_for_nothing() -> None:
    assert not Caller("AKIDEXAMPLE", "anna", actions=frozenset({"read"})).allows("read", "any")
