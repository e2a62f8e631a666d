"""A definition as a Dag: ids, parameters, edges, settings, and that the same definition is the same Dag."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.amazon.aws.operators import sagemaker
from airflow.sdk import DAG, Asset, BaseBranchOperator, TriggerRule
from airflow.sdk.definitions.param import ParamsDict

from airflow_sm_pipelines import DefinitionError, SageMakerPipelineDag
from airflow_sm_pipelines.operators.job import JobStepOperator
from airflow_sm_pipelines.operators.run_outcome import RunOutcomeOperator
from airflow_sm_pipelines.operators.unsupported import UnsupportedStepOperator
from airflow_sm_pipelines.place import Place
from airflow_sm_pipelines.pools import pipeline_pool, run_pool
from tests.runs.harness import ROLE, condition, equals, pipeline, training

ABALONE = Path(__file__).parent.parent / "dags" / "pipelines" / "abalone.json"

PARAMETERS = [
    {"Name": "Url", "Type": "String", "DefaultValue": "s3://b/k", "Description": "where the data is"},
    {"Name": "Empty", "Type": "String", "DefaultValue": ""},
    {"Name": "Size", "Type": "String", "DefaultValue": "small", "EnumValues": ["small", "large"]},
    {"Name": "Count", "Type": "Integer", "DefaultValue": 3},
    {"Name": "Rate", "Type": "Float", "DefaultValue": 1},
    {"Name": "Flag", "Type": "Boolean", "DefaultValue": False},
    {"Name": "Needed", "Type": "Integer"},
]


def findings_of(build: Callable[[], object]) -> str:
    with pytest.raises(DefinitionError) as raised:
        build()
    return str(raised.value)


def schema(params: ParamsDict, name: str) -> dict[str, Any]:
    return dict(params.get_param(name).schema)


def test_parameters_become_typed_params() -> None:
    params = SageMakerPipelineDag(pipeline(training("A"), Parameters=PARAMETERS), dag_id="d").params
    assert {name: schema(params, name)["type"] for name in params} == {
        "Url": "string",
        "Empty": ["string", "null"],
        "Size": "string",
        "Count": "integer",
        "Rate": "number",
        "Flag": "boolean",
        "Needed": "integer",
        "sagemaker_selected_steps": ["null", "array"],
        "sagemaker_source_run_id": ["null", "string"],
    }
    assert schema(params, "Size")["enum"] == ["small", "large"]
    assert params.get_param("Url").description == "where the data is"
    values = params.dump()
    assert (values["Url"], values["Empty"], values["Size"], values["Count"], values["Flag"]) == (
        "s3://b/k",
        "",
        "small",
        3,
        False,
    )
    assert repr(values["Rate"]) == "1.0"
    assert not params.get_param("Needed").has_value


def test_parameters_can_be_given_other_defaults() -> None:
    dag = SageMakerPipelineDag(
        pipeline(training("A"), Parameters=PARAMETERS), dag_id="d", parameters={"Needed": "7", "Flag": "True"}
    )
    assert dag.params["Needed"] == 7
    assert dag.params["Flag"] is True


@pytest.mark.parametrize(
    ("parameters", "messages"),
    [
        ({"Cuont": 1}, ["'Cuont', which is no parameter", "Did you mean 'Count'?"]),
        ({"Count": "many"}, ["Parameters.Count is of type Integer, which 'many' is not"]),
        ({"Size": "smal"}, ["'smal' is none of the values of 'Size': small, large", "Did you mean 'small'?"]),
    ],
)
def test_wrong_values_for_parameters_are_findings(parameters: dict[str, Any], messages: list[str]) -> None:
    with pytest.raises(DefinitionError) as raised:
        SageMakerPipelineDag(pipeline(training("A"), Parameters=PARAMETERS), dag_id="d", parameters=parameters)
    for message in messages:
        assert message in str(raised.value)


def test_a_schedule_needs_a_value_for_every_parameter() -> None:
    definition = pipeline(training("A"), Parameters=PARAMETERS)
    with pytest.raises(DefinitionError) as raised:
        SageMakerPipelineDag(definition, dag_id="d", schedule="@daily")
    [finding] = raised.value.findings
    assert finding.path == "$.Parameters[6]"
    assert "'Needed' has no default" in finding.message
    assert (
        SageMakerPipelineDag(definition, dag_id="d", schedule="@daily", parameters={"Needed": 1}).params["Needed"] == 1
    )


def test_steps_are_the_providers_operators_with_the_steps_names() -> None:
    dag = SageMakerPipelineDag(ABALONE)
    assert dag.dag_id == "abalone"
    classes = {
        "PreprocessAbalone": sagemaker.SageMakerProcessingOperator,
        "TrainAbalone": sagemaker.SageMakerTrainingOperator,
        "EvaluateAbalone": sagemaker.SageMakerProcessingOperator,
        "CheckMse": BaseBranchOperator,
        "ServeAbalone-CreateModel": sagemaker.SageMakerModelOperator,
        "PublishAbalone-RegisterModel": sagemaker.SageMakerBaseOperator,
        "RejectAbalone": object,
    }
    assert set(dag.task_ids) == set(classes)
    for task_id, operator in classes.items():
        assert isinstance(dag.get_task(task_id), operator)
    task = dag.get_task("PreprocessAbalone")
    assert task.task_display_name == "Preprocess"
    assert "train, validation and test" in str(task.doc_md)


def test_edges_out_of_a_condition_are_labelled() -> None:
    dag = SageMakerPipelineDag(
        pipeline(condition("C", [equals(1, 1)], [training("A"), training("B", DependsOn=["A"])], [training("E")])),
        dag_id="d",
    )
    assert dag.get_edge_info("C", "A") == {"label": "If"}
    assert dag.get_edge_info("C", "E") == {"label": "Else"}
    assert dag.get_task("B").upstream_task_ids == {"A"}


CONDITIONS = pipeline(
    training("T"),
    training("F", DependsOn=[{"Step": "T", "Trigger": "Failed"}]),
    training("S", DependsOn=[{"Step": "T", "Trigger": "Stopped"}, "F"]),
    training("U", DependsOn=[{"Step": "T", "Trigger": "Completed"}]),
    training("A", DependsOn=[{"Step": "U", "Trigger": "Any"}]),
)
OUTCOME = "pipeline.run.outcome"


def test_a_step_with_a_run_condition_waits_for_all_to_end() -> None:
    dag = SageMakerPipelineDag(CONDITIONS, dag_id="d", rejoin=["A"])
    rules = {task.task_id: TriggerRule(task.trigger_rule).value for task in dag.tasks}
    done, success = "all_done", "all_success"
    assert rules == {"T": success, "F": done, "S": done, "U": success, "A": done, OUTCOME: done}
    labels = {pair: dag.get_edge_info(*pair).get("label") for pair in (("T", "F"), ("T", "S"), ("T", "U"), ("U", "A"))}
    assert labels == {("T", "F"): "on failure", ("T", "S"): "on stop", ("T", "U"): None, ("U", "A"): "on any end"}
    assert [task.task_id for task in dag.tasks if getattr(task, "any_branch", False)] == ["A"]


def test_a_dag_with_run_conditions_has_one_more_task_that_is_no_step() -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    defaults = {"pool": "mine", "retries": 7, "outlets": [Asset("out")], "on_failure_callback": print}
    for arguments in ({"parallelism": 2}, {"default_args": defaults}, {}):
        dag = SageMakerPipelineDag(CONDITIONS, dag_id="d", **arguments)
        task = dag.get_task(OUTCOME)
        assert not task.on_failure_callback
        assert (task.pool, task.upstream_task_ids, task.downstream_task_ids) == ("default_pool", {"S", "A"}, set())
        assert (task.retries, task.outlets, task.inlets, TriggerRule(task.trigger_rule).value) == (
            7 if "default_args" in arguments else 3,
            [],
            [],
            "all_done",
        )
        assert OUTCOME not in str(dag.params.get_param("sagemaker_selected_steps").schema)
    text = json.dumps(DagSerialization.to_dict(dag))
    assert text == json.dumps(DagSerialization.to_dict(SageMakerPipelineDag(CONDITIONS, dag_id="d")))
    without = SageMakerPipelineDag(pipeline(training("A"), training("B", DependsOn=["A"])), dag_id="d")
    assert [task.task_id for task in without.tasks] == ["A", "B"]


@pytest.mark.parametrize(
    ("option", "argument", "accepts"),
    [(None, None, False), ("succeed", None, True), ("succeed", "fail", False), (None, "succeed", True)],
)
def test_handled_failures_can_be_accepted(
    monkeypatch: pytest.MonkeyPatch, option: str | None, argument: Any, accepts: bool
) -> None:
    if option is not None:
        monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__HANDLED_FAILURES", option)
    task = SageMakerPipelineDag(CONDITIONS, dag_id="d", handled_failures=argument).get_task(OUTCOME)
    assert isinstance(task, RunOutcomeOperator)
    assert task.accepts_handled is accepts


def test_a_choice_for_handled_failures_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="handled_failures = 'ignore' is none of fail, succeed"):
        SageMakerPipelineDag(CONDITIONS, dag_id="d", handled_failures="ignore")  # type: ignore[arg-type]


def test_dag_arguments_and_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__REGION_NAME", "eu-west-1")
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__DEFERRABLE", "False")
    dag = SageMakerPipelineDag(
        pipeline(training("A")),
        dag_id="d",
        aws_conn_id=None,
        tags=["mine"],
        description="what it is",
        max_active_runs=1,
    )
    assert (dag.description, dag.max_active_runs, set(dag.tags)) == ("what it is", 1, {"mine", "sagemaker-pipeline"})
    task = dag.get_task("A")
    assert isinstance(task, JobStepOperator)
    assert (task.aws_conn_id, task.region_name, task.deferrable) == (None, "eu-west-1", False)
    task = SageMakerPipelineDag(pipeline(training("A")), dag_id="d", region_name="us-west-2", deferrable=True).get_task(
        "A"
    )
    assert isinstance(task, JobStepOperator)
    assert (task.aws_conn_id, task.region_name, task.deferrable) == ("aws_default", "us-west-2", True)


def test_the_default_args_of_a_dag_name_its_connection_and_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__AWS_CONN_ID", "of_settings")
    given = {"aws_conn_id": "of_defaults", "region_name": "eu-central-1"}

    def of(**arguments: Any) -> tuple[Any, ...]:
        task = SageMakerPipelineDag(pipeline(training("A")), dag_id="d", **arguments).get_task("A")
        assert isinstance(task, JobStepOperator)
        return task.aws_conn_id, task.region_name

    assert of(default_args=given) == ("of_defaults", "eu-central-1")
    explicit = {"aws_conn_id": None, "region_name": "us-west-2"}
    assert of(default_args=given, **explicit) == (None, "us-west-2")
    assert of(default_args={"aws_conn_id": None}) == (None, None)
    assert of(default_args={"retries": 1}) == ("of_settings", None)


def test_a_describe_pipeline_response_gives_name_description_role_and_parallelism() -> None:
    wrapper = {
        "PipelineName": "My Pipeline_1",
        "PipelineDisplayName": "Mine",
        "PipelineDescription": "what it does",
        "RoleArn": ROLE,
        "ParallelismConfiguration": {"MaxParallelExecutionSteps": 4},
        "PipelineDefinition": json.dumps(pipeline(training("A"))),
        "CreationTime": 1668200000.0,
    }
    dag = SageMakerPipelineDag(wrapper)
    assert (dag.dag_id, dag.description, dag.dag_display_name) == ("My-Pipeline_1", "what it does", "Mine")
    assert dag.parallelism == 4
    task = dag.get_task("A")
    assert isinstance(task, JobStepOperator)
    assert (task.pipeline.role_arn, task.pipeline.name) == (ROLE, "My-Pipeline-1")


@pytest.mark.parametrize(
    ("argument", "in_response", "setting", "limit"),
    [
        (None, None, None, None),
        (None, None, "3", 3),
        (None, 4, "3", 4),
        (5, 4, "3", 5),
        (0, 4, "3", None),
        (None, None, "0", None),
    ],
)
def test_the_limit_is_the_arguments_then_the_responses_then_the_settings(
    monkeypatch: pytest.MonkeyPatch,
    argument: int | None,
    in_response: int | None,
    setting: str | None,
    limit: int | None,
) -> None:
    if setting is not None:
        monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__PARALLELISM", setting)
    wrapper: dict[str, Any] = {"PipelineName": "d", "PipelineDefinition": json.dumps(pipeline(training("A")))}
    if in_response is not None:
        wrapper["ParallelismConfiguration"] = {"MaxParallelExecutionSteps": in_response}
    dag = SageMakerPipelineDag(wrapper, parallelism=argument)
    assert dag.parallelism == limit
    assert dag.get_task("A").pool == ("default_pool" if limit is None else "sagemaker-pipeline.d")
    assert dag.default_args == ({} if limit is None else {"max_parallel_execution_steps": limit})


@pytest.mark.parametrize("limit", [-1, 2**31, "3", 2.0, True])
def test_a_limit_that_no_pool_can_have_is_refused(limit: Any) -> None:
    with pytest.raises(DefinitionError) as raised:
        SageMakerPipelineDag(pipeline(training("A")), dag_id="d", parallelism=limit)
    [finding] = raised.value.findings
    assert finding.code == "dag-argument"
    assert f"parallelism = {limit!r}: " in finding.message


def test_in_a_limited_pipeline_the_steps_nearest_to_its_beginning_come_first() -> None:
    definition = pipeline(
        training("Early"),
        training("Later", DependsOn=["Early"]),
        training("Last", DependsOn=["Later"]),
        training("Too"),
    )
    limited = SageMakerPipelineDag(definition, dag_id="d", parallelism=2)
    assert {task.task_id: (task.priority_weight, task.weight_rule) for task in limited.tasks} == {
        "Early": (4, "absolute"),
        "Too": (3, "absolute"),
        "Later": (2, "absolute"),
        "Last": (1, "absolute"),
    }
    free = SageMakerPipelineDag(definition, dag_id="d")
    assert {task.weight_rule for task in free.tasks} == {"downstream"}


def test_pools_and_priorities_of_the_users_choice_stay() -> None:
    def task_with(**default_args: Any) -> Any:
        dag = SageMakerPipelineDag(pipeline(training("A")), dag_id="d", parallelism=2, default_args=default_args)
        return dag, dag.get_task("A")

    dag, task = task_with(pool="gpus")
    assert (dag.default_args, task.pool, task.weight_rule) == ({"pool": "gpus"}, "gpus", "downstream")
    dag, task = task_with(priority_weight=9)
    assert (task.pool, task.priority_weight, task.weight_rule) == ("sagemaker-pipeline.d", 9, "downstream")


def test_the_names_of_pools_fit_airflow() -> None:
    names = [
        pipeline_pool(Place("a")),
        pipeline_pool(Place("é" * 250)),
        pipeline_pool(Place("è" * 250)),
        run_pool(Place("x" * 250), "y" * 250),
    ]
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"[A-Za-z0-9_.-]{1,256}", name)] == []


def test_a_definition_is_a_path_a_text_or_a_mapping(tmp_path: Path) -> None:
    text = json.dumps(pipeline(training("A")))
    (tmp_path / "by path.json").write_text(text)
    assert SageMakerPipelineDag(tmp_path / "by path.json").dag_id == "by-path"
    assert SageMakerPipelineDag(str(tmp_path / "by path.json")).dag_id == "by-path"
    assert SageMakerPipelineDag(text, dag_id="d").task_ids == ["A"]
    assert "pass dag_id" in findings_of(lambda: SageMakerPipelineDag(text))


def test_a_type_without_an_operator_and_a_type_that_is_not_known() -> None:
    unknown = {"Name": "X", "Type": "Trainig", "Arguments": {}}
    assert "Did you mean 'Training'" in findings_of(lambda: SageMakerPipelineDag(pipeline(unknown), dag_id="d"))
    dag = SageMakerPipelineDag(pipeline(unknown), dag_id="d", unsupported_steps="placeholder")
    assert isinstance(dag.get_task("X"), UnsupportedStepOperator)


def test_rejoin_names_steps_of_the_definition() -> None:
    assert "Did you mean 'After'" in findings_of(
        lambda: SageMakerPipelineDag(pipeline(training("After")), dag_id="d", rejoin=["Aftre"])
    )


def test_strings_of_the_definition_are_no_files_and_no_templates() -> None:
    step = training("A", Description="notes.md", DisplayName="{{ ds }}")
    dag = SageMakerPipelineDag(pipeline(step), dag_id="d")
    task = dag.get_task("A")
    assert (str(task.doc_md).partition("\n")[0], task.task_display_name) == ("notes.md", "{{ ds }}")


def test_the_dag_is_an_airflow_dag_and_the_package_alone_imports_no_airflow() -> None:
    assert issubclass(SageMakerPipelineDag, DAG)
    code = "import sys, airflow_sm_pipelines; assert not [m for m in sys.modules if m.partition('.')[0] == 'airflow']"
    subprocess.run([sys.executable, "-c", code], check=True)
