"""What the command line prints has no literal secret of a definition."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_sm_pipelines.cli.main import main
from airflow_sm_pipelines.definition.secret_names import AIRFLOWS_NAMES
from airflow_sm_pipelines.report.hidden_source import hidden_source
from tests.runs.harness import condition, equals, get, pipeline, training

SECRET = "hunter2-literal"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A definition with secrets wherever it can have one."""
    environment = {"DB_PASSWORD": SECRET, "TOKENIZER": "bert", "TOKEN": get("Parameters.ApiToken")}
    fail = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": f"not {SECRET}"}}
    path = tmp_path / "pipeline.json"
    definition = pipeline(
        training("Train", Arguments={"Environment": environment, "HyperParameters": {"token": "t" * 9}}),
        condition("Choose", [equals(get("Parameters.ApiToken"), SECRET)], [fail], []),
        Parameters=[{"Name": "ApiToken", "Type": "String", "DefaultValue": SECRET}],
    )
    path.write_text(json.dumps(definition, indent=1))
    return path


@pytest.mark.parametrize(
    "command",
    [
        ["explain"],
        ["explain", "--format", "json"],
        ["explain", "--step", "Train"],
        ["show"],
        ["show", "--format", "json"],
        ["iam"],
        ["lint"],
        ["lint", "--format", "json"],
        ["list"],
    ],
    ids=" ".join,
)
def test_no_command_prints_a_secret(command: list[str], file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([command[0], str(file.parent if command == ["list"] else file), *command[1:]])
    written = capsys.readouterr()
    assert written.out
    assert SECRET not in written.out + written.err
    if command == ["explain"]:
        assert 'Environment.DB_PASSWORD = "***"' in written.out
        assert 'Environment.TOKENIZER = "bert"' in written.out
        assert "Environment.TOKEN = {Parameters.ApiToken}" in written.out


def test_the_line_of_a_finding_is_shown_with_stars(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = file.read_text().replace('"TOKENIZER"', '"TOKENIZER": 1, "TOKENIZER"')
    file.write_text(text.replace('"DB_PASSWORD": "hunter2-literal",\n', '"DB_PASSWORD": "hunter2-literal", '))
    main(["lint", str(file)])
    written = capsys.readouterr().out
    assert f'"DB_PASSWORD": "{"*" * len(SECRET)}"' in written
    assert SECRET not in written


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"password": "abc", "x": "y"', '{"password": "***", "x": "y"'),
        ('{"password": "a\\"b", "x"', '{"password": "****", "x"'),
        (r'{"PipelineDefinition": "{\"token\": \"abc\"}"}', r'{"PipelineDefinition": "{\"token\": \"***\"}"}'),
        ('{"tokenizer": "abc", "max_tokens": "12"}',) * 2,
        ('{"Name": "DbPassword", "DefaultValue": "abcde"}', '{"Name": "DbPassword", "DefaultValue": "*****"}'),
    ],
)
def test_a_text_that_need_not_be_json_is_masked_line_by_line(text: str, shown: str) -> None:
    assert hidden_source(text, AIRFLOWS_NAMES) == shown
