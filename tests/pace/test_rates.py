"""The setting ``pace``."""

from __future__ import annotations

import pytest

from airflow_sm_pipelines.pace.rates import read_rates
from airflow_sm_pipelines.settings import SettingError, setting

NAME = "AIRFLOW__SAGEMAKER_PIPELINES__PACE"


def test_rates_are_calls_a_second() -> None:
    assert read_rates(["CreateTrainingJob=1", "CreateTransformJob = 0.5"]) == {
        "CreateTrainingJob": 1.0,
        "CreateTransformJob": 0.5,
    }
    assert read_rates([]) == {}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("CreateTrainingJob", "'CreateTrainingJob' is no rate such as CreateTrainingJob=1"),
        ("sagemaker:CreateTrainingJob=1", "is no rate such as"),
        ("CreateTrainingJob=fast", "'fast' is no number of calls a second"),
        ("CreateTrainingJob=0", "is not between 0.001 and 1000 calls a second"),
        ("CreateTrainingJob=nan", "is not between 0.001 and 1000 calls a second"),
    ],
)
def test_what_is_no_rate_is_told(entry: str, message: str) -> None:
    with pytest.raises(ValueError, match="CreateTrainingJob") as caught:
        read_rates([entry])
    assert message in str(caught.value)


def test_an_api_has_one_rate() -> None:
    with pytest.raises(ValueError, match="CreateTrainingJob has two rates"):
        read_rates(["CreateTrainingJob=1", "CreateTrainingJob=2"])


def test_a_misspelt_api_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "CreateTrainingJobs=1")
    with pytest.raises(
        SettingError, match=r"pace: CreateTrainingJobs is no call of a step\. Did you mean CreateTrainingJob"
    ):
        setting("pace")
    monkeypatch.setenv(NAME, "StartJobRun=2")
    assert setting("pace") == ("StartJobRun=2",)


def test_by_default_two_apis_have_a_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME)
    assert read_rates(setting("pace")) == {"CreateProcessingJob": 1.0, "CreateTrainingJob": 1.0}
