"""A folder of definitions: broken ones hide nothing, ids are unique, and a worker builds only what it runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_sm_pipelines import DefinitionError, SageMakerPipelineDag, file_dags, loader
from airflow_sm_pipelines.discovery import DefinitionFile
from airflow_sm_pipelines.loader import load_dags
from tests.runs.harness import pipeline, training


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "good.json", pipeline(training("A")))
    return tmp_path


def unescaped(text: str | None) -> str:
    return (text or "").replace("\\", "")


def write(path: Path, document: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))


def test_every_definition_of_a_folder_is_a_dag(folder: Path) -> None:
    write(folder / "sub" / "other pipeline.json", pipeline(training("B")))
    dags = load_dags(folder, tags=["mine"])
    assert set(dags) == {"good", "other-pipeline"}
    assert all(isinstance(dag, SageMakerPipelineDag) and "mine" in dag.tags for dag in dags.values())
    assert set(load_dags(folder, pattern="*.json")) == {"good"}


def test_a_json_file_that_is_no_definition_is_skipped_with_a_log_line(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(folder / "evaluation.json", {"mse": 1})
    with caplog.at_level("INFO"):
        assert set(load_dags(folder)) == {"good"}
    assert "evaluation.json is no pipeline definition" in caplog.text


def test_the_log_tells_of_every_key_where_it_is_asked_to(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", logger="airflow_sm_pipelines"):
        load_dags(folder)
    assert "good.json: $.Steps[0].Arguments: handled: the request of sagemaker:CreateTrainingJob" in caplog.text
    assert "good.json: $.Steps[0].RetryPolicies: defaulted" in caplog.text


BROKEN = pipeline(
    training("Train", Arguments={"EnableNetworkIsolation": {"Get": "Parameters.Isolted"}}, DependsOn=["Prepare"]),
    {"Name": "Odd", "Type": "Proccessing", "Arguments": {}},
    Parameters=[{"Name": "Isolated", "Type": "Boolean", "DefaultValue": True}],
)


def test_a_broken_definition_is_a_dag_that_tells_every_finding(folder: Path) -> None:
    write(folder / "broken.json", BROKEN)
    write(folder / "syntax.json", '{"Steps": [\n  {"Name": "A",}\n]}')
    dags = load_dags(folder)
    assert set(dags) == {"broken", "good", "syntax"}
    assert isinstance(dags["good"], SageMakerPipelineDag)
    broken = dags["broken"]
    assert broken.tags == {"definition-error", "sagemaker-pipeline"}
    assert str(broken.schedule) == "None"
    told = unescaped(broken.doc_md)
    assert broken.dag_display_name == "broken (definition error)"
    assert "broken.json" in told
    assert "$.Steps[0].Arguments.EnableNetworkIsolation" in told
    assert "'Parameters.Isolated'" in told
    assert "'Prepare'" in told
    assert "'Processing'" in told
    [task] = broken.tasks
    assert "'Processing'" in str(vars(task)["findings"])
    assert task.retries == 0
    assert "line 2, column" in unescaped(dags["syntax"].doc_md)


def test_findings_are_raised_where_that_is_asked_for(folder: Path) -> None:
    write(folder / "broken.json", BROKEN)
    with pytest.raises(DefinitionError) as raised:
        load_dags(folder, on_error="raise")
    assert raised.value.source == "broken.json"
    assert len(raised.value.findings) == 3
    write(folder / "syntax.json", "{")
    with pytest.raises(ExceptionGroup) as several:
        load_dags(folder, on_error="raise")
    assert {error.source for error in several.value.exceptions if isinstance(error, DefinitionError)} == {
        "broken.json",
        "syntax.json",
    }


def test_of_files_with_one_dag_id_one_has_it_and_the_others_are_findings(folder: Path) -> None:
    write(folder / "team" / "good.json", pipeline(training("B")))
    write(folder / "wrapped.json", {"PipelineName": "good", "PipelineDefinition": json.dumps(pipeline(training("C")))})
    dags = load_dags(folder)
    assert dags["good"].task_ids == ["A"]
    clashes = {dag_id: dag for dag_id, dag in dags.items() if dag_id != "good"}
    assert set(clashes) == {"good--team-good.json", "good--wrapped.json"}
    told = unescaped(clashes["good--team-good.json"].doc_md)
    assert "good.json and team/good.json both ask for the dag id 'good'" in told


def test_a_file_that_cannot_be_read_is_a_finding(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder / "locked.json", pipeline(training("B")))
    open_ = Path.open

    def refuse(path: Path, *mode: Any, **options: Any) -> Any:
        if path.name == "locked.json":
            raise PermissionError(13, "Permission denied", str(path))
        return open_(path, *mode, **options)

    monkeypatch.setattr(Path, "open", refuse)
    dags = load_dags(folder)
    assert set(dags) == {"good", "locked"}
    assert "Permission denied" in unescaped(dags["locked"].doc_md)


def test_the_folder_is_relative_to_the_calling_file_and_must_exist() -> None:
    with pytest.raises(FileNotFoundError, match="no such place"):
        load_dags("no such place")


@pytest.mark.parametrize("wanted", ["good", "Named", "broken", "good--team-good.json"])
def test_a_worker_builds_only_the_dag_that_it_runs(folder: Path, wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder / "broken.json", BROKEN)
    write(folder / "named.json", {"PipelineName": "Named", "PipelineDefinition": json.dumps(pipeline(training("C")))})
    write(folder / "team" / "good.json", pipeline(training("B")))
    everything = load_dags(folder)
    built: list[str] = []

    def build_and_note(file: DefinitionFile, arguments: Any) -> Any:
        built.append(file.dag_id)
        return build(file, arguments)

    monkeypatch.setattr(loader, "build", build_and_note)
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", wanted)
    dags = load_dags(folder)
    assert list(dags) == [wanted]
    assert dags[wanted].task_ids == everything[wanted].task_ids
    assert built in ([wanted], [])


def template(**pipelines: Any) -> dict[str, Any]:
    resources = {
        name: {"Type": "AWS::SageMaker::Pipeline", "Properties": properties} for name, properties in pipelines.items()
    }
    return {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}, **resources}}


def body(*steps: Any) -> dict[str, Any]:
    return {"PipelineDefinition": {"PipelineDefinitionBody": json.dumps(pipeline(*steps))}}


TEMPLATE = template(
    TrainDaily=body(training("A")),
    Other={**body(training("B")), "PipelineName": "Named"},
    Bad={"PipelineDefinition": {"PipelineDefinitionBody": {"Fn::Sub": "${Text}"}}},
    Twice={**body(training("C")), "PipelineName": "Named"},
)


def test_each_pipeline_of_a_template_is_a_dag_and_a_bad_one_harms_no_other(folder: Path) -> None:
    write(folder / "stack.template.json", TEMPLATE)
    dags = load_dags(folder)
    assert list(dags) == ["good", "TrainDaily", "Named", "Bad", "Named--stack.template.json--Twice"]
    assert (dags["TrainDaily"].task_ids, dags["Named"].task_ids) == (["A"], ["definition_error"])
    assert "stack.template.json (TrainDaily)" in unescaped(dags["TrainDaily"].doc_md)
    told = unescaped(dags["Bad"].doc_md)
    assert "$.Resources.Bad.Properties.PipelineDefinition.PipelineDefinitionBody" in told
    assert "Fn::Sub is a CloudFormation function" in told
    clash = unescaped(dags["Named--stack.template.json--Twice"].doc_md)
    assert "stack.template.json (Other) and stack.template.json (Twice) both ask for the dag id 'Named'" in clash


@pytest.mark.parametrize("wanted", ["TrainDaily", "Named", "Bad", "Named--stack.template.json--Twice"])
def test_a_worker_builds_only_the_pipeline_of_a_template_that_it_runs(
    folder: Path, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder / "stack.template.json", TEMPLATE)
    everything = load_dags(folder)
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", wanted)
    dags = load_dags(folder)
    assert list(dags) == [wanted]
    assert dags[wanted].task_ids == everything[wanted].task_ids


def test_a_template_without_a_pipeline_is_skipped_silently(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(folder / "network.json", template())
    with caplog.at_level("DEBUG", logger="airflow_sm_pipelines"):
        assert set(load_dags(folder)) == {"good"}
    assert "network" not in caplog.text


def test_a_template_with_one_pipeline_is_a_definition_like_any_other(folder: Path) -> None:
    write(folder / "one.json", template(TrainDaily=body(training("A"))))
    assert SageMakerPipelineDag(folder / "one.json").dag_id == "TrainDaily"
    assert SageMakerPipelineDag((folder / "one.json").read_text(), dag_id="mine").task_ids == ["A"]
    write(folder / "two.json", TEMPLATE)
    with pytest.raises(DefinitionError) as raised:
        SageMakerPipelineDag(folder / "two.json")
    assert [finding.code for finding in raised.value.findings] == ["several-pipelines"]


def test_what_query_and_the_command_line_of_aws_have(folder: Path) -> None:
    text = json.dumps(pipeline(training("Q")))
    write(folder / "queried.json", json.dumps(text))
    write(folder / "input.json", {"PipelineName": "Input", "PipelineDefinition": text, "RoleArn": "r", "Tags": []})
    location = {"Bucket": "b", "ObjectKey": "k.json"}
    write(folder / "in-s3.json", {"PipelineName": "InS3", "PipelineDefinitionS3Location": location})
    dags = load_dags(folder)
    assert set(dags) == {"good", "queried", "Input", "InS3"}
    assert dags["queried"].task_ids == dags["Input"].task_ids == ["Q"]
    assert "fetch s3://b/k.json" in unescaped(dags["InS3"].doc_md)
    dag = SageMakerPipelineDag(json.dumps(text), dag_id="as-text")
    assert dag.task_ids == ["Q"]


def test_a_file_in_another_encoding_is_told_by_its_stem_in_every_process(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = {"PipelineName": "Named", "PipelineDefinition": json.dumps(pipeline(training("A")))}
    (folder / "utf16.json").write_bytes(json.dumps(document).encode("utf-16"))
    assert set(load_dags(folder)) == {"good", "utf16"}
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "utf16")
    assert "looks like UTF-16" in unescaped(load_dags(folder)["utf16"].doc_md)


def test_hidden_files_and_copies_are_no_definitions_and_win_no_name(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def named(step: str) -> dict[str, Any]:
        return {"PipelineName": "Abalone", "PipelineDefinition": json.dumps(pipeline(training(step)))}

    write(folder / "abalone.json", named("Real"))
    write(folder / ".ipynb_checkpoints" / "abalone-checkpoint.json", named("Stale"))
    write(folder / "#abalone.json#", named("Stale"))
    write(folder / "Old" / "abalone.json", named("Stale"))
    write(folder / ".airflowignore", "Old/")
    with caplog.at_level("INFO", logger="airflow_sm_pipelines"):
        dags = load_dags(folder, pattern="**/*")
    assert set(dags) == {"good", "Abalone"}
    assert dags["Abalone"].task_ids == ["Real"]
    [line] = [record.getMessage() for record in caplog.records if "Never definitions" in record.getMessage()]
    assert all(name in line for name in (".ipynb_checkpoints (hidden)", "#abalone.json# (", "Old (.airflowignore)"))
    write(folder / ".airflowignore", "^O.d/")
    monkeypatch.setenv("AIRFLOW__CORE__DAG_IGNORE_FILE_SYNTAX", "regexp")
    assert set(load_dags(folder)) == {"good", "Abalone"}
    write(folder / "abalone copy.json", named("Copy"))
    write(folder / "abalone (1).json", named("Copy"))
    dags = load_dags(folder)
    assert dags["Abalone"].task_ids == ["Real"]
    assert set(dags) == {"good", "Abalone"}


build = file_dags.build


def test_the_dags_folder_of_the_project_loads() -> None:
    namespace: dict[str, Any] = {}
    path = Path(__file__).parent.parent / "dags" / "sagemaker_pipelines.py"
    exec(compile(path.read_text(), str(path), "exec"), namespace)
    assert isinstance(namespace["abalone"], DAG)
