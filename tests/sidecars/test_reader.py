"""What a file of settings may say: each value in the type of its setting, and every slip with its place and a hint."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_sm_pipelines.options import SIDECAR_MAY
from airflow_sm_pipelines.sidecars.fields import OF_DAG, OF_STEPS, TEMPLATES
from airflow_sm_pipelines.sidecars.layers import Layer, Merged
from airflow_sm_pipelines.sidecars.names import owner_of
from airflow_sm_pipelines.sidecars.reader import read_file, read_settings_text
from airflow_sm_pipelines.sidecars.schedule_kind import AssetSchedule
from airflow_sm_pipelines.sidecars.yaml_tree import MAX_BYTES, MAX_DEPTH


def read(text: str | bytes, *allows: str) -> Layer:
    data = text if isinstance(text, bytes) else text.encode()
    return read_settings_text(data, "a.airflow.yaml", allows)


def value(text: str, *allows: str) -> Any:
    layer = read(text, *allows)
    assert layer.findings == ()
    return Merged.of([layer]).arguments


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("schedule: 0 6 * * *", {"schedule": "0 6 * * *"}),
        ("schedule: '@daily'", {"schedule": "@daily"}),
        ("schedule:", {"schedule": None}),
        (
            "schedule: {assets: [s3://bucket/data, forecast]}",
            {"schedule": AssetSchedule(("s3://bucket/data", "forecast"))},
        ),
        ("schedule: {any_asset: [a]}", {"schedule": AssetSchedule(("a",), is_any=True)}),
        ("start_date: 2026-01-05", {"start_date": datetime(2026, 1, 5)}),
        ("catchup: true", {"catchup": True}),
        # Texts that YAML 1.1 would make booleans, numbers, dates and null of.
        (
            "tags: [on, no, 1.10, 2026-01-05, 0o17, 1_000, 'null', 12:30:00]",
            {"tags": ["on", "no", "1.10", "2026-01-05", "0o17", "1_000", "null", "12:30:00"]},
        ),
        (
            "parameters: {A: 1.10, B: true, C: '', D: 'x'}",
            {"parameters": {"A": "1.10", "B": "true", "C": "", "D": "x"}},
        ),
        ("owner: 007\ncache: false\nassets: all", {"default_args": {"owner": "007"}, "cache": False, "assets": "all"}),
        ("", {}),
        ("# nothing yet\n", {}),
    ],
)
def test_values_have_the_types_of_their_settings(text: str, arguments: dict[str, Any]) -> None:
    assert value(text) == arguments


def test_a_date_may_have_a_time_zone() -> None:
    found = value("start_date: 2026-07-01 Europe/Berlin")["start_date"]
    assert (found.isoformat(), found.tzinfo.name) == ("2026-07-01T00:00:00+02:00", "Europe/Berlin")


def test_settings_of_steps() -> None:
    layer = read("steps:\n  Train*: {pool: gpus, queue: gpu, priority_weight: -3, execution_timeout: 1d2h, retries: 0}")
    (entry,) = layer.steps
    assert entry.pattern == "Train*"
    assert (entry.origin.line, entry.values["queue"].origin.column) == (2, 24)
    assert {name: given.value for name, given in entry.values.items()} == {
        "pool": "gpus",
        "queue": "gpu",
        "priority_weight": -3,
        "execution_timeout": timedelta(days=1, hours=2),
        "retries": 0,
    }


@pytest.mark.parametrize(
    ("text", "path", "line", "says", "meant"),
    [
        ("schedul: x", "$.schedul", 1, "is no setting", "schedule"),
        ("start_date: 2026-01-05\nschedule: '@dayly'", "$.schedule", 2, "expected a cron", "@daily"),
        ("schedule: 0 25 * * *", "$.schedule", 1, "expected a cron", None),
        ("schedule: {asets: [a]}", "$.schedule", 1, "has no 'asets'", "assets"),
        ("catchup: yes", "$.catchup", 1, "expected true or false", "true"),
        ("catchup: 'true'", "$.catchup", 1, "expected true or false", "true"),
        ("tags: a", "$.tags", 1, "expected a list", None),
        ("owner:", "$.owner", 1, "found nothing", None),
        ("assets: model", "$.assets", 1, "expected one of", "models"),
        ("schedule: 0 0 30 2 *", "$.schedule", 1, "never comes", None),
        ("schedule: 0 0 1 1 * 0 2020", "$.schedule", 1, "comes to an end", None),
        ("schedule: R R * * *", "$.schedule", 1, "at random", None),
        ("schedule: R(0-10) 1 * * *", "$.schedule", 1, "at random", None),
        (f"schedule: {'1-2,' * 55}1 1-2 1-2 1-2 1-2", "$.schedule", 1, "in words it is longer", None),
        ("start_date: 9999-12-31 America/New_York", "$.start_date", 1, "in the years from 1970 to 2199", None),
        ("start_date: 0001-01-01T00:00+14:00", "$.start_date", 1, "in the years", None),
        ("owner: " + "x" * 501, "$.owner", 1, "at most 500 characters, found 501", None),
        (f"tags: [a, {'x' * 101}]", "$.tags", 1, "at most 100", None),
        (f"steps: {{A: {{pool: {'x' * 257}}}}}", "$.steps.A.pool", 1, "at most 256", None),
        (f"steps: {{A: {{queue: {'x' * 257}}}}}", "$.steps.A.queue", 1, "at most 256", None),
        (f"schedule: {{assets: ['s3://{'x' * 1500}']}}", "$.schedule", 1, "at most 1500", None),
        ("start_date: yesterday", "$.start_date", 1, "expected a date", None),
        ("start_date: 2026-01-05 Europe/Berli", "$.start_date", 1, "expected a date", None),
        ("parameters: {A: [1]}", "$.parameters", 1, "expected a value, found a list", None),
        ("parameters:\n  Date: '{{ ds }}'", "$.parameters.Date", 2, "may not set a template", None),
        ("pool: gpus", "$.pool", 1, "give it to steps", None),
        ("steps: {A: gpus}", "$.steps.A", 1, "expected the settings of 'A'", None),
        ("steps: {A: {quue: gpu}}", "$.steps.A.quue", 1, "is no setting of a step", "queue"),
        ("steps: {A: {retries: -1}}", "$.steps.A.retries", 1, "from 0 to 1000", None),
        ("steps: {A: {execution_timeout: soon}}", "$.steps.A.execution_timeout", 1, "a time such as", None),
        ("steps: {A: {execution_timeout: 1e400}}", "$.steps.A.execution_timeout", 1, "a time such as", None),
        ("steps: {A: {schedule: x}}", "$.steps.A.schedule", 1, "not of a step", None),
        ("- a", "$", 1, "settings by their names, found a list", None),
        # What a file may not be at all.
        ("a: &x b\nc: *x", "$.a", 1, "an anchor", None),
        ("<<: *x", "$['<<']", 1, "an alias", None),
        ("a: !!python/object:os.system x", "$.a", 1, "the tag", None),
        ("catchup: true\ncatchup: false", "$.catchup", 2, "stands twice", None),
        ("a: 1\n---\nb: 2", "$", 2, "a second document", None),
        ("a: [1", "$", 2, "is not YAML", None),
        ("? [a]\n: b", "$", 1, "a key that is no text", None),
        ('owner: "\\0"', "$.owner", 1, "U+0000", None),
        ("a: " + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), None, 1, "levels", None),
        ("#" * (MAX_BYTES + 1), "$", 1, "larger than", None),
        (b"owner: \xff", "$", 1, "not UTF-8", None),
    ],
)
def test_each_slip_is_a_finding(text: str | bytes, path: str | None, line: int, says: str, meant: str | None) -> None:
    (finding,) = read(text).findings
    assert says in finding.message
    assert (finding.line, finding.suggestion, finding.file) == (line, meant, "a.airflow.yaml")
    assert path in (None, finding.path)
    assert str(finding).startswith("a.airflow.yaml: ")


def test_all_slips_are_told_at_once() -> None:
    assert len(read("schedul: x\ncatchup: 1\nsteps: {A: {pol: x}}").findings) == 3


RESTRICTED = {
    "dag_id": "x",
    "aws_conn_id": "x",
    "region_name": "eu-west-1",
    "role_arn": "x",
    "roles": "{a: b}",
    "on_failure_callback": "a.b",
    "on_success_callback": "a.b",
    "executor_config": "{a: 1}",
    "replace": "[{at: $.Steps, from: a, to: b}]",
}


def test_what_reaches_further_needs_the_deployments_word() -> None:
    restricted = {
        name: setting.allowed_by for name, setting in [*OF_DAG.items(), *OF_STEPS.items()] if setting.allowed_by
    }
    assert {*restricted.values(), TEMPLATES} == set(SIDECAR_MAY)
    for name, allowed_by in restricted.items():
        own = RESTRICTED.get(name, "a.b")
        text = f"{name}: {own}" if name in OF_DAG else f"steps: {{A: {{{name}: {own}}}}}"
        (finding,) = read(text, *(set(SIDECAR_MAY) - {allowed_by})).findings
        assert (finding.code, f"does not name {allowed_by}" in finding.message) == ("not-allowed", True)
        assert read(text, str(allowed_by)).findings == ()


def test_a_dag_id_is_one_of_airflow() -> None:
    (finding,) = read("dag_id: my pipeline", "dag_id").findings
    assert ("expected a dag id" in finding.message, finding.suggestion) == (True, "my-pipeline")


@pytest.mark.parametrize("cron", ["0 0 29 2 *", "0 6 * * mon-thu", "0 0 L * *", "0 0 * * fri#5", "* * * * * 30"])
def test_schedules_that_come_are_taken(cron: str) -> None:
    assert value(f"schedule: '{cron}'") == {"schedule": cron}


def test_a_dag_id_is_of_one_dag(tmp_path: Path) -> None:
    (tmp_path / "_defaults.airflow.yaml").write_text("owner: a\ndag_id: x\n")
    (finding,) = read_file(tmp_path / "_defaults.airflow.yaml", "_defaults.airflow.yaml", ("dag_id",)).findings
    assert ("that of one Dag" in finding.message, finding.line, finding.path) == (True, 2, "$.dag_id")


def test_values_for_an_executor_are_those_of_json() -> None:
    layer = read("steps: {A: {executor_config: {a: 1, b: [true, x, '1'], c: null}}}", "executor_config")
    assert layer.steps[0].values["executor_config"].value == {"a": 1, "b": [True, "x", "1"], "c": None}


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.airflow.yaml")
    (tmp_path / "folder.airflow.yaml").mkdir()
    for name in ("gone", "pipe", "folder"):
        (finding,) = read_file(tmp_path / f"{name}.airflow.yaml", f"{name}.airflow.yaml", ()).findings
        assert finding.code == "unreadable-file"


def test_a_link_stays_in_the_folder_and_a_file_that_is_none_of_settings_is_not_shown(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "pipelines", tmp_path / "passwd"
    (root / "..data").mkdir(parents=True)
    (root / "..data" / "a.airflow.yaml").write_text("owner: mounted")
    elsewhere.write_text("root:x:0:0\nhunter2")
    # As Kubernetes mounts a ConfigMap, and as a bundle is at its current version.
    (root / "a.airflow.yaml").symlink_to("..data/a.airflow.yaml")
    (tmp_path / "current").symlink_to(root)
    (root / "b.airflow.yaml").symlink_to(elsewhere)
    (root / "c.airflow.yaml").symlink_to("c.airflow.yaml")
    for base in (root, tmp_path / "current"):
        assert read_file(base / "a.airflow.yaml", "a.airflow.yaml", (), root=base).findings == ()
    for name in "bc":
        (finding,) = read_file(root / f"{name}.airflow.yaml", f"{name}.airflow.yaml", (), root=root).findings
        assert finding.code == "unreadable-file"
    assert "hunter2" not in str(read(elsewhere.read_bytes()).findings)


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode), st.from_regex(rb"(steps|[a-z]+): .*")))
def test_no_content_is_anything_but_findings_or_settings(content: bytes) -> None:
    layer = read(content, *SIDECAR_MAY)
    assert all(finding.line for finding in layer.findings)


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("a.airflow.yaml", ("a", None)),
        ("a.prod.airflow.yaml", ("a", "prod")),
        # The definition a.v2.json has settings and instances of its own.
        ("a.v2.airflow.yaml", ("a.v2", None)),
        ("a.v2.prod.airflow.yaml", ("a.v2", "prod")),
        ("a.v3.prod.airflow.yaml", ("a", "v3.prod")),
        ("b.airflow.yaml", None),
    ],
)
def test_which_definition_a_file_is_for(name: str, owner: Any) -> None:
    assert owner_of(name, {"a", "a.v2"}) == owner
