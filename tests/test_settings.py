"""Settings: each counts or is refused with a reason."""

from __future__ import annotations

import logging
from typing import Any, get_args

import pytest

from airflow_sm_pipelines.definition.scope import UnsupportedKeys, UnsupportedSteps
from airflow_sm_pipelines.naming import DagIds
from airflow_sm_pipelines.options import OPTIONS
from airflow_sm_pipelines.settings import HandledFailures, SettingError, check_name, read_settings, setting
from tests.documentation.blocks import block_of

pytestmark = pytest.mark.airflow


def give(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"AIRFLOW__SAGEMAKER_PIPELINES__{name.upper()}", value)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("poll_interval", "7.5", 7.5),
        ("poll_interval", "7 # seconds", 7.0),
        ("poll_interval", "", 30.0),
        ("deferrable", "f", False),
        ("aws_conn_id", "", None),
        ("extra_job_tags", '{"team": "a"}', {"team": "a"}),
        ("aws_retry_mode", "", "standard"),
        ("cache_entries", "1", 1),
        ("max_xcom_text_length", "0", 0),
        ("max_xcom_text_length", "1024", 1024),
    ],
)
def test_a_value_counts(monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: Any) -> None:
    give(monkeypatch, name, text)
    assert setting(name) == value


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("poll_interval", "soon", "is no float"),
        ("poll_interval", "nan", "at least 0.001"),
        ("poll_interval", "-1", "at least 0.001"),
        ("cache_entries", "0", "at least 1"),
        ("cache_entries", "1.5", "is no integer"),
        ("max_xcom_text_length", "-1", "at least 0"),
        ("max_xcom_text_length", "100", "is neither 0 nor a number of at least 1024"),
        ("deferrable", "maybe", "neither True nor False"),
        ("extra_job_tags", "[]", "no JSON object"),
        ("extra_job_tags", '{"a": 1}', "no JSON object"),
        ("assets", "some", "none of none, models, outputs, all"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, why: str
) -> None:
    give(monkeypatch, name, text)
    with pytest.raises(SettingError, match=f"sagemaker_pipelines. {name} = .*{why}"):
        read_settings()


def test_an_option_that_does_not_exist_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, "pol_interval", "5")
    with pytest.raises(SettingError, match=r"pol_interval is no option of this version\. Did you mean poll_interval"):
        read_settings()


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_each_option_is_known_by_its_name_and_as_that_of_a_secrets_backend(name: str) -> None:
    for written in (name, name.upper(), f"{name}_secret", f"{name}_cmd"):
        check_name(written)


def test_an_old_name_is_read_with_a_warning(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    give(monkeypatch, "unowned_jobs_interval", "5")
    with caplog.at_level(logging.WARNING, logger="airflow_sm_pipelines.settings"):
        assert setting("orphan_jobs_interval") == 5.0
    assert "unowned_jobs_interval is now called orphan_jobs_interval" in caplog.text
    read_settings()


def test_the_log_says_what_the_page_on_versions_shows(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    give(monkeypatch, "stopping_slack", "60")
    assert setting("max_runtime_grace") == 60
    assert block_of("docs/versioning.md", "[sagemaker_pipelines]").text.strip() in caplog.messages


def test_the_new_name_wins_over_the_old(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, "unowned_jobs_interval", "5")
    give(monkeypatch, "orphan_jobs_interval", "6")
    assert setting("orphan_jobs_interval") == 6.0


def test_every_default_can_be_used() -> None:
    assert {name for name, option in OPTIONS.items() if option.default is not None and setting(name) is None} == set()


def test_what_is_not_set_is_empty() -> None:
    assert read_settings().extra_job_tags == {}
    assert read_settings().role_arn is None


def test_the_choices_of_the_options_are_those_that_the_code_is_typed_with() -> None:
    typed = {
        "unsupported_steps": UnsupportedSteps,
        "unsupported_keys": UnsupportedKeys,
        "handled_failures": HandledFailures,
        "dag_ids": DagIds,
    }
    assert {name: OPTIONS[name].choices for name in typed} == {name: get_args(each) for name, each in typed.items()}
