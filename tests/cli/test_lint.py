"""``sm-pipelines lint``: what it says of files and folders, in each format, and its exit status."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_sm_pipelines.cli.main import main
from airflow_sm_pipelines.cli.snippets import WIDTH, snippet
from tests.corpus import documents, invalid_documents, runnable_names
from tests.corpus import root as corpus
from tests.definition.build import document, get, step, training

GOOD = document(training("A"))
BROKEN = document(training("A"), training("B", RoleArn=get("Steps.A.RoleArm")), step("C", "Trainig"))
WARNED = document({**training("A"), "RoleArm": "r"})
REPOSITORY = Path(__file__).parent.parent.parent


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, value: Any, indent: int | None = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value, indent=indent), encoding="utf-8")


def test_clean_files_and_what_is_no_definition(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "a" / "good.json", GOOD)
    write(folder / "a" / "evaluation.json", {"mse": 1})
    write(folder / "a" / "notes.txt", "{")
    assert main(["lint", "a"]) == 0
    expected = "1 definition checked (1 file skipped: no definition): 0 errors, 0 warnings\n"
    assert capsys.readouterr().out == expected
    assert main(["lint", "a/evaluation.json"]) == 0


def test_findings_as_text(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "broken.json", BROKEN, indent=None)
    assert main(["lint", "broken.json"]) == 1
    out = capsys.readouterr().out
    source = json.dumps(BROKEN)
    column = source.index('{"Get"') + 1
    lines = out.splitlines()
    assert lines[0] == (
        f"broken.json:1:{column}: error: Steps.A has no 'RoleArm': its properties are those of DescribeTrainingJob"
    )
    marked = lines[2][lines[3].index("^") : lines[3].rindex("^") + 1]
    assert marked == '{"Get": "Steps.A.RoleArm"}'
    assert lines[4:6] == ["  = at $.Steps[1].Arguments.RoleArn (step 'B')", "  = did you mean 'Steps.A.RoleArn'?"]
    column = source.index('"Trainig"') + 1
    assert f"broken.json:1:{column}: error: unknown step type 'Trainig'" in out
    assert lines[-1] == "1 definition checked: 2 errors, 0 warnings"


def test_findings_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "broken.json", BROKEN)
    write(folder / "other.json", {"x": 1})
    assert main(["lint", "--format", "json", "."]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["definitions"], told["skipped"], told["errors"], told["warnings"]) == (1, ["other.json"], 2, 0)
    first = told["findings"][0]
    assert first == {
        "file": "broken.json",
        "line": first["line"],
        "column": first["column"],
        "severity": "error",
        "code": first["code"],
        "message": "Steps.A has no 'RoleArm': its properties are those of DescribeTrainingJob",
        "path": "$.Steps[1].Arguments.RoleArn",
        "step": "B",
        "suggestion": "Steps.A.RoleArn",
    }
    assert (folder / "broken.json").read_text().splitlines()[first["line"] - 1][first["column"] - 1] == "{"


def test_findings_as_annotations_of_github(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "a,b:c%.json", document(step("A", "Training\n::x")))
    assert main(["lint", "--format", "github", "a,b:c%.json"]) == 1
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("::error file=a%2Cb%3Ac%25.json,line=6,col=12,title=")
    assert "unknown step type 'Training\\n::x'" in first


def test_text_of_a_file_cannot_command_the_terminal(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "a.json", '{"Steps": [{"Name": "A\x1b[2J", "Type": "Fail"}]}')
    assert main(["lint", "a.json"]) == 1
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize(("options", "status"), [([], 0), (["--strict"], 1), (["--unsupported-keys", "error"], 1)])
def test_warnings(folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], status: int) -> None:
    write(folder / "warned.json", WARNED)
    assert main(["lint", *options, "warned.json"]) == status
    assert "unknown key 'RoleArm'" in capsys.readouterr().out


def test_a_severity_that_is_none_is_wrong_usage(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "a.json", GOOD)
    assert main(["lint", "--values", "off", "a.json"]) == 2
    assert "--values: 'off' is neither error nor warn" in capsys.readouterr().err


def test_unknown_types_as_placeholders(folder: Path) -> None:
    write(folder / "a.json", document(step("A", "Athena")))
    assert main(["lint", "a.json"]) == 1
    assert main(["lint", "--unsupported-steps", "placeholder", "a.json"]) == 0


def test_what_is_no_json_is_a_finding(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "a.json", '{"Steps": [\n  {"Name": "A",}\n]}')
    assert main(["lint", "a.json"]) == 1
    assert capsys.readouterr().out.startswith("a.json:2:15: error: the document is not JSON: ")


def test_two_files_with_one_dag_id(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "a.json", GOOD)
    write(folder / "b.json", {"PipelineName": "a", "PipelineDefinition": json.dumps(GOOD)})
    write(folder / "c" / "a.json", BROKEN)
    assert main(["lint", ".", "a.json"]) == 1
    out = capsys.readouterr().out
    assert "b.json:1:1: error: a.json and b.json both ask for the dag id 'a'" in out
    assert "c/a.json:1:1: error: a.json and c/a.json both ask for the dag id 'a'" in out
    assert "3 definitions checked: 4 errors" in out


def test_wrong_usage_and_files_that_cannot_be_read(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["lint", "missing.json"]) == 2
    assert capsys.readouterr().err == "sm-pipelines lint: there is no file or folder 'missing.json'\n"
    for arguments in ([], ["lint"], ["lint", "--format", "xml", "."], ["nothing"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
    capsys.readouterr()
    write(folder / "a.json", BROKEN)
    write(folder / "locked.json", GOOD)
    open_ = Path.open

    def refuse(path: Path, *mode: Any, **options: Any) -> Any:
        if path.name == "locked.json":
            raise PermissionError(13, "Permission denied")
        return open_(path, *mode, **options)

    monkeypatch.setattr(Path, "open", refuse)
    assert main(["lint", "."]) == 2
    captured = capsys.readouterr()
    assert captured.err == "sm-pipelines lint: locked.json cannot be read: Permission denied\n"
    assert "1 definition checked: 2 errors" in captured.out


def test_a_long_line_is_shown_around_the_place() -> None:
    source = f'{{"a": "{"x" * 500}", "Get": "Steps.A", "b": "{"y" * 500}"}}'
    column = source.index('"Steps.A"') + 1
    _, shown, carets = snippet([source], 1, column)
    assert shown[carets.index("^") : carets.rindex("^") + 1] == '"Steps.A"'
    assert len(shown) <= WIDTH + 10
    assert shown.startswith("1 | …")
    assert shown.endswith("…")


def test_wide_characters_and_tabs_keep_the_caret_in_place() -> None:
    _, shown, carets = snippet(['\t"日本": 12'], 1, 8)
    assert shown == '1 |  "日本": 12'
    assert carets == "  |          ^^"
    assert list(snippet(["a"], 3, 1)) == []


def test_a_short_value_is_shown_whole() -> None:
    assert list(snippet(['"x": {', '  "Get": "a"', "}"], 1, 6))[3:] == ['2 |   "Get": "a"', "3 | }"]


def test_the_corpus(capsys: pytest.CaptureFixture[str]) -> None:
    documents()
    assert main(["lint", "--format", "json", str(corpus())]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["definitions"] == len(documents())
    refused = {
        Path(finding["file"]).relative_to(corpus()).as_posix()
        for finding in told["findings"]
        if finding["severity"] == "error" and "ask for the dag id" not in finding["message"]
    }
    assert set(invalid_documents()) <= refused <= set(documents()) - set(runnable_names())
    assert all(finding["line"] and finding["column"] for finding in told["findings"])
    if "SM_PIPELINES_CORPUS" not in os.environ:
        counts = Counter(
            (finding["severity"], finding["code"])
            for finding in told["findings"]
            if finding["code"].startswith("value-")
        )
        assert counts == told_by_the_page()


def told_by_the_page() -> Counter[tuple[str, str]]:
    """The findings by severity and code that docs/values-over-the-corpus.md counts."""
    rows = re.findall(
        r"^\| (\w+) \| `([\w-]+)` \|(?: [^|]* \|){2} (\d+) \|",
        (REPOSITORY / "docs" / "values-over-the-corpus.md").read_text(),
        re.MULTILINE,
    )
    counts: Counter[tuple[str, str]] = Counter()
    for severity, code, number in rows:
        counts[severity, code] += int(number)
    return counts


def test_the_console_script_imports_neither_airflow_nor_aws(tmp_path: Path) -> None:
    """One command after the other, in one process."""
    write(tmp_path / "a.json", WARNED)
    program = """
import sys
from airflow_sm_pipelines.cli.main import main

for command, target in (("lint", "a.json"), ("list", "."), ("show", "a.json"), ("explain", "a.json")):
    status = main([command, target])
    heavy = {name.split(".")[0] for name in sys.modules} & {"airflow", "boto3", "botocore", "moto", "pendulum"}
    if heavy or status:
        sys.exit(f"{command}: status {status}, imported {heavy}")
"""
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "a.json" in done.stdout


def test_a_reader_that_stops_reading_is_no_error(tmp_path: Path) -> None:
    """It has stopped before the first line, and there is more to say than Python keeps before it writes."""
    write(tmp_path / "a.json", document(*(step(f"S{index}", "Nothing") for index in range(100))))
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "airflow_sm_pipelines.cli.main", "lint", "a.json"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_pre_commit_hook_runs_the_console_script(tmp_path: Path) -> None:
    [hook] = yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text())
    script, *arguments = shlex.split(hook["entry"])
    installed = Path(sys.executable).parent / script
    assert installed.exists()
    write(tmp_path / "good.json", GOOD)
    write(tmp_path / "package.json", {"name": "x"})
    write(tmp_path / "broken.json", BROKEN)
    for names, status in ((["good.json", "package.json"], 0), (["broken.json"], 1)):
        done = subprocess.run([installed, *arguments, *names], cwd=tmp_path, capture_output=True, check=False)
        assert done.returncode == status


def resource(definition: Any, **properties: Any) -> dict[str, Any]:
    told = {**properties, "PipelineDefinition": {"PipelineDefinitionBody": json.dumps(definition)}}
    return {"Type": "AWS::SageMaker::Pipeline", "Properties": told}


def test_each_pipeline_of_a_template(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "a" / "stack.json", {"Resources": {"Good": resource(GOOD), "Bad": resource(BROKEN, RoleArn=3)}})
    write(folder / "a" / "other.json", {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    assert main(["lint", "--format", "json", "a"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["definitions"], told["skipped"]) == (2, ["a/other.json"])
    assert {finding["path"] for finding in told["findings"]} == {
        "$.Resources.Bad.Properties.RoleArn",
        "$.Steps[1].Arguments.RoleArn",
        "$.Steps[2].Type",
    }
    source = (folder / "a" / "stack.json").read_text().splitlines()
    [role] = [finding for finding in told["findings"] if finding["path"].endswith("Properties.RoleArn")]
    assert source[role["line"] - 1][role["column"] - 1 :].startswith("3")
    assert main(["show", "a/stack.json"]) == 2
    assert "several pipelines (Good, Bad): say which with --pipeline" in capsys.readouterr().err
    assert main(["show", "--pipeline", "Good", "a/stack.json"]) == 0
    assert capsys.readouterr().out.startswith("Good (1 steps)")
    assert main(["explain", "--pipeline", "Good", "a/stack.json"]) == 0
    assert "$.Resources.Good.Properties.PipelineName: absent, the dag id is" in capsys.readouterr().out
    assert main(["iam", "--pipeline", "Nope", "a/stack.json"]) == 2
    assert "it has Good, Bad" in capsys.readouterr().err
    assert main(["list", "a"]) == 0
    rows = capsys.readouterr().out.splitlines()[1:]
    assert [row.split()[:2] for row in rows] == [["Good", "stack.json"], ["Bad", "stack.json"]]


def test_a_folder_is_checked_without_hidden_files_copies_and_what_airflowignore_names(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder / "a" / "good.json", GOOD)
    write(folder / "a" / ".ipynb_checkpoints" / "good-checkpoint.json", BROKEN)
    write(folder / "a" / "old" / "bad.json", BROKEN)
    write(folder / "a" / ".airflowignore", "old\n")
    write(folder / "a" / "good (1).json", BROKEN)
    assert main(["lint", "a"]) == 0
    ignored = "3 ignored: a/.ipynb_checkpoints (hidden), a/good (1).json (a copy), a/old (.airflowignore)"
    assert capsys.readouterr().out == f"1 definition checked ({ignored}): 0 errors, 0 warnings\n"
    assert main(["lint", "--format", "json", "a"]) == 0
    assert sorted(json.loads(capsys.readouterr().out)["ignored"]) == [
        "a/.ipynb_checkpoints",
        "a/good (1).json",
        "a/old",
    ]
    assert main(["lint", "a/old/bad.json"]) == 1
    write(folder / "a" / ".airflowignore", "^o.d/")
    capsys.readouterr()
    monkeypatch.setenv("AIRFLOW__CORE__DAG_IGNORE_FILE_SYNTAX", "regexp")
    assert main(["list", "a"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    monkeypatch.setenv("AIRFLOW__CORE__DAG_IGNORE_FILE_SYNTAX", "git")
    assert main(["lint", "a"]) == 2


def test_the_text_that_query_prints(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = "hunter2-hunter2"
    broken = document({**training("A", Environment={"DB_PASSWORD": secret}), "Nope": 1}, step("C", "Trainig"))
    write(folder / "queried.json", json.dumps(json.dumps(broken, indent=1)))
    assert main(["lint", "queried.json"]) == 1
    out = capsys.readouterr().out
    assert "queried.json:1:" in out
    assert "did you mean 'Training'?" in out
    assert secret not in out
