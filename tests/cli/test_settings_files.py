"""``lint``, ``list`` and ``explain`` with files of settings beside definitions."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_sm_pipelines.cli.main import main
from airflow_sm_pipelines.sidecars.replacements import ReplaceError, replacements_of

REPOSITORY = Path(__file__).parent.parent.parent
PAGE = (REPOSITORY / "docs" / "sidecars.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipelines").mkdir()
    shutil.copy(REPOSITORY / "dags" / "pipelines" / "abalone.json", tmp_path / "pipelines")
    return tmp_path / "pipelines"


def lint(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    status = main(["lint", "--format", "json", *arguments])
    return status, json.loads(capsys.readouterr().out)


def test_what_is_wrong_has_its_place_in_the_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "_defaults.airflow.yaml").write_text("catchup: yes\n")
    (folder / "abalone.airflow.yaml").write_text("owner: me\nparameters:\n  ApiToken: s3cr3t\n  MseTreshold: 5\n")
    (folder / "abalone.prod.airflow.yaml").write_text("steps:\n  TrainAbalon: {pool: a}\n")
    (folder / "abalon.airflow.yaml").write_text("owner: me\n")
    status, told = lint(capsys, ".")
    found = {
        (each["file"], each["line"], each["column"], each["code"], each["suggestion"]) for each in told["findings"]
    }
    assert (status, found) == (
        1,
        {
            ("pipelines/_defaults.airflow.yaml", 1, 10, "sidecar-setting", "true"),
            ("pipelines/abalone.airflow.yaml", 3, 3, "unknown-parameter", None),
            ("pipelines/abalone.airflow.yaml", 4, 3, "unknown-parameter", "MseThreshold"),
            ("pipelines/abalone.prod.airflow.yaml", 2, 3, "unmatched-step", "TrainAbalone"),
            ("pipelines/abalon.airflow.yaml", 1, 1, "sidecar-unused", "abalone.airflow.yaml"),
        },
    )
    # What all instances have in common is told once.
    assert len(told["findings"]) == len(found)
    assert (told["definitions"], len(told["settings"])) == (1, 4)
    assert main(["lint", "."]) == 1
    text = capsys.readouterr().out
    assert "pipelines/abalone.airflow.yaml:4:3: error: parameters gives a value for 'MseTreshold'" in text
    assert "s3cr3t" not in text
    assert main(["lint", "--format", "github", "."]) == 1
    assert "::error file=pipelines/abalone.airflow.yaml,line=4,col=3,title=settings::" in capsys.readouterr().out


def test_files_that_are_named_are_judged_with_their_definition(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "abalone.airflow.yaml").write_text("aws_conn_id: prod\n")
    (folder / "abalon.airflow.yaml").write_text("{")
    (folder / "values.yaml").write_text("image: x\n")
    status, told = lint(capsys, "pipelines/abalone.airflow.yaml", "pipelines/values.yaml")
    assert (status, [each["code"] for each in told["findings"]]) == (1, ["not-allowed"])
    assert (told["definitions"], told["skipped"]) == (1, ["pipelines/values.yaml"])
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__SIDECAR_ALLOWS", "connection")
    assert lint(capsys, "pipelines/abalone.airflow.yaml")[0] == 0
    status, told = lint(capsys, "pipelines/abalon.airflow.yaml")
    assert {each["code"] for each in told["findings"]} == {"sidecar", "sidecar-unused"}


def test_a_template_is_told_as_one(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "abalone.airflow.yaml").write_text("parameters: {MseThreshold: '{{ var.value.most }}'}\n")
    assert lint(capsys, "pipelines/abalone.json")[0] == 1
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__SIDECAR_ALLOWS", "templates")
    assert lint(capsys, "pipelines/abalone.json")[0] == 0
    assert main(["explain", "pipelines/abalone.json"]) == 0
    told = "parameters.MseThreshold = '{{ var.value.most }}', a template that is rendered once in a run (pipelines/"
    assert told in capsys.readouterr().out
    (folder / "abalone.airflow.yaml").write_text("parameters: {MseThreshold: '{{ conn.aws.password }}'}\n")
    status, found = lint(capsys, "pipelines/abalone.json")
    assert (status, [each["code"] for each in found["findings"]]) == (1, ["parameter-template"])


def test_instances_are_listed_and_explained(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder.parent / "_defaults.airflow.yaml").write_text("owner: far\ntags: [a]\n")
    (folder / "abalone.airflow.yaml").write_text("owner: near\nsteps:\n  type:Training: {pool: p, queue: q}\n")
    (folder / "abalone.prod.airflow.yaml").write_text("steps: {TrainAbalone: {queue: long}}\n")
    main(["list", "--format", "json"])
    assert [each["dag_id"] for each in json.loads(capsys.readouterr().out)] == ["abalone", "abalone.prod"]
    assert main(["explain", "--format", "json", "--pipeline", "abalone.prod", "pipelines/abalone.json"]) == 0
    told = json.loads(capsys.readouterr().out)
    origins = {each["name"]: each["from"] for each in told["given"]}
    assert origins["default_args.owner"] == "pipelines/abalone.airflow.yaml, line 1"
    assert origins["tags"] == "_defaults.airflow.yaml, line 2"
    assert (origins["cache"], origins["schedule"]) == ("default", "Airflow's default")
    (train,) = (step for step in told["steps"] if step["name"] == "TrainAbalone")
    assert {each["name"]: (each["value"], each["from"].rpartition("/")[2]) for each in train["given"]} == {
        "pool": ("p", "abalone.airflow.yaml, line 3"),
        "queue": ("long", "abalone.prod.airflow.yaml, line 1"),
    }
    assert main(["explain", "pipelines/abalone.json"]) == 0
    text = capsys.readouterr().out
    assert "settings     pool = 'p' (pipelines/abalone.airflow.yaml, line 3)" in text
    (folder / "abalone.prod.airflow.yaml").write_text("step: {}\n")
    assert main(["explain", "--pipeline", "abalone.prod", "pipelines/abalone.json"]) == 1
    assert "pipelines/abalone.prod.airflow.yaml:1:1: error: 'step' is no setting" in capsys.readouterr().err


def test_the_examples_of_the_page_are_clean(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = re.findall(r"```yaml\n# (\S+)\n(.*?)```", PAGE, re.DOTALL)
    assert len(examples) >= 5
    for name, text in examples:
        # Two examples of one file are two parts of it.
        with (folder / name).open("a") as file:
            file.write(text)
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__SIDECAR_ALLOWS", "replace")
    assert (main(["lint", "--strict", "."]), capsys.readouterr().out) == (
        0,
        "1 definition and 4 files of settings checked: 0 errors, 0 warnings\n",
    )
    assert yaml.safe_load((folder / "abalone.airflow.yaml").read_text())["steps"]


def test_what_is_replaced_is_judged_and_told(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__SIDECAR_ALLOWS", "replace")
    roles = (
        "  - at: $.Steps[*].Arguments.RoleArn\n    from: arn:aws:iam::123456789012:role\n    to: arn:aws:iam::{}:role\n"
    )
    nothing = "  - at: $.Steps[1].Name\n    from: Train\n    to: x\n"
    settings = folder / "abalone.airflow.yaml"
    settings.write_text(f"replace:\n{roles.format(1)}{nothing}")
    found = {(each["file"].rpartition("/")[2], each["code"]) for each in lint(capsys, ".")[1]["findings"]}
    assert found == {("abalone.json", "value-pattern")}
    settings.write_text(f"replace:\n{roles.format(210987654321)}{nothing}")
    assert [(each["line"], each["code"]) for each in lint(capsys, ".")[1]["findings"]] == [(5, "replace")]
    settings.write_text(f"replace:\n{roles.format(210987654321)}")
    assert main(["explain", "pipelines/abalone.json"]) == 0
    assert (
        "$.Steps[1].Arguments.RoleArn: 'arn:aws:iam::123456789012:role/SageMakerExecutionRole' is"
        " 'arn:aws:iam::210987654321:role/SageMakerExecutionRole' (pipelines/abalone.airflow.yaml, line 2)"
    ) in capsys.readouterr().out


def test_no_secret_that_is_replaced_is_shown(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__SIDECAR_ALLOWS", "replace")
    path = folder / "abalone.json"
    definition = json.loads(path.read_text())
    step = definition["Steps"][1]
    step["Arguments"]["Tags"] = [{"Key": "api_token", "Value": "hunter2"}, {"Key": "team", "Value": "plain"}]
    path.write_text(json.dumps(definition))
    settings = folder / "abalone.airflow.yaml"
    one = "- {{at: '$.Steps[*].Arguments{0}', from: {1}, to: {2}}}\n"
    texts = one.format("", "hunter2", "hunter3") + one.format("", "plain", "other")
    settings.write_text(f"replace:\n{texts}")
    for form in ("text", "json"):
        assert main(["explain", "--format", form, "pipelines/abalone.json"]) == 0
        out = capsys.readouterr().out
        assert "hunter" not in out
        assert "Steps[1].Arguments.Tags[0].Value: ***" in out
        assert "Steps[1].Arguments.Tags[1].Value: 'plain' is 'other'" in out
    # A slip of the path, in a file and in Python.
    settings.write_text(f"replace:\n{one.format('.Tagz', 'hunter2', 'hunter3')}")
    (told,) = lint(capsys, ".")[1]["findings"]
    assert (told["code"], told["line"], "hunter" in str(told)) == ("replace", 2, False)
    for wrong in ("hunter2", ["hunter2"], [{"at": "$", "from": ["hunter2"], "to": "x"}]):
        with pytest.raises(ReplaceError) as raised:
            replacements_of(wrong)
        assert "hunter" not in str(raised.value)
    settings.unlink()
    (folder.parent / "loader.py").write_text(
        "load_dags('pipelines', replace=[{'at': '$', 'from': 'hunter2', 'to': NEW}])"
    )
    assert main(["explain", "pipelines/abalone.json"]) == 0
    assert "hunter" not in capsys.readouterr().out


def test_lint_tells_of_settings_beside_what_is_no_definition(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "inner").mkdir()
    (folder / "inner.airflow.yaml").write_text("owner: x")
    (folder / "abalone.prod.md").write_text("Notes")
    (folder / "abalone.prod.airflow.yaml").write_text("ownr: x")
    found = {(each["file"].rpartition("/")[2], each["code"]) for each in lint(capsys, ".")[1]["findings"]}
    assert found == {("inner.airflow.yaml", "sidecar-unused"), ("abalone.prod.airflow.yaml", "sidecar-setting")}


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert capsys.readouterr().out == (REPOSITORY / "docs" / "sidecar.schema.json").read_text()


def test_what_python_gives_is_told_as_far_as_its_text_tells(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "_defaults.airflow.yaml").write_text("owner: file\ncatchup: false\n")
    (folder.parent / "loader.py").write_text(
        "from airflow_sm_pipelines import load_dags\n"
        "raise SystemExit\n"
        "globals().update(load_dags(\n"
        "    'pipelines', catchup=True, schedule=SCHEDULE, default_args={'owner': 'python', 'retries': 2},\n"
        "    overrides={'abal*': {'steps': {'Train*': dict(pool='gpus', on_failure_callback=tell)}},\n"
        "               'abalone': {'cache': False}, 'other': {'tags': ['x']}},\n"
        "))\n"
    )
    assert main(["explain", "--format", "json", "pipelines/abalone.json"]) == 0
    told = json.loads(capsys.readouterr().out)
    found = {each["name"]: (each["value"], each["from"].replace(str(folder.parent), "")) for each in told["given"]}
    call = "/loader.py, line 3 (load_dags)"
    assert found["catchup"] == (False, "pipelines/_defaults.airflow.yaml, line 2")
    assert found["default_args.owner"] == ("file", "pipelines/_defaults.airflow.yaml, line 1")
    assert found["default_args.retries"] == (2, call)
    assert found["schedule"] == ({"code": "SCHEDULE"}, call)
    assert found["cache"] == (False, f"{call}, overrides['abalone']")
    assert found["tags"] == (None, "Airflow's default")
    (train,) = (step for step in told["steps"] if step["name"] == "TrainAbalone")
    assert {each["name"]: each["value"] for each in train["given"]} == {
        "pool": "gpus",
        "on_failure_callback": {"code": "tell"},
    }
    (folder.parent / "loader.py").write_text(
        "dag = SageMakerPipelineDag('pipelines/abalone.json', schedule='@daily')\n"
    )
    assert main(["explain", "pipelines/abalone.json"]) == 0
    text = capsys.readouterr().out
    assert "  schedule = '@daily' (" in text
    assert "_defaults.airflow.yaml" not in text


def test_settings_of_a_folder_for_a_step_that_none_has(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "_defaults.airflow.yaml").write_text("steps:\n  TrainAbalon: {pool: a}\n  Evaluate*: {pool: b}\n")
    status, told = lint(capsys, ".")
    assert (status, [(each["line"], each["code"], each["suggestion"]) for each in told["findings"]]) == (
        1,
        [(2, "unmatched-step", "TrainAbalone")],
    )
    # Of one definition alone it cannot be told.
    assert lint(capsys, "pipelines/abalone.json")[0] == 0
