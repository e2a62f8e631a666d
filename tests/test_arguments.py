"""What Airflow's users give a Dag: each argument counts, or is refused with its reason."""

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jinja2
import pytest
from airflow.sdk import DAG, Asset, BaseOperator, Param

from airflow_sm_pipelines import DefinitionError, SageMakerPipelineDag
from airflow_sm_pipelines.arguments import REFUSED_OF_DAG, REFUSED_OF_TASKS
from airflow_sm_pipelines.definition.findings import Finding
from tests.runs.harness import ROLE, condition, equals, get, pipeline, training

CASE = Path(__file__).parent / "cases" / "143c-default-args-connection.json"
OTHER = "arn:aws:iam::210987654321:role/Production"
DATE = datetime(2026, 1, 5, tzinfo=UTC)
LOOP = {
    "Name": "Each",
    "Type": "ForEach",
    "Arguments": {"ForEachBody": [training("Child")], "IterableItems": get("Parameters.Items"), "MaxConcurrency": 2},
}
LOOPING = pipeline(LOOP, Parameters=[{"Name": "Items", "Type": "String", "DefaultValue": "[1, 2]"}])


def told(context: Any) -> None:
    """A callback."""


async def late() -> None:
    """The callback of a deadline."""


def made(definition: Any = None, **arguments: Any) -> Any:
    return SageMakerPipelineDag(definition or pipeline(training("A")), dag_id="d", **arguments)


def refusals(definition: Any = None, **arguments: Any) -> list[Finding]:
    with pytest.raises(DefinitionError) as raised:
        made(definition, **arguments)
    return list(raised.value.findings)


# A value of each argument that Airflow's DAG takes, and what shows that it counts.
DAG_ARGUMENTS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "dag_id": ("other", lambda dag: dag.dag_id),
    "description": ("what it is for", lambda dag: dag.description),
    "default_args": ({"owner": "ml"}, lambda dag: {"owner": dag.get_task("A").owner}),
    "start_date": (DATE, lambda dag: dag.start_date),
    "end_date": (DATE, lambda dag: dag.end_date),
    "schedule": ("@daily", lambda dag: dag.schedule),
    "template_searchpath": (["/templates"], lambda dag: dag.template_searchpath),
    "template_undefined": (jinja2.Undefined, lambda dag: dag.template_undefined),
    "user_defined_macros": ({"twice": 2}, lambda dag: {"twice": dag.user_defined_macros["twice"]}),
    "user_defined_filters": ({"told": told}, lambda dag: dag.user_defined_filters),
    "max_active_tasks": (3, lambda dag: dag.max_active_tasks),
    "max_active_runs": (2, lambda dag: dag.max_active_runs),
    "max_consecutive_failed_dag_runs": (4, lambda dag: dag.max_consecutive_failed_dag_runs),
    "dagrun_timeout": (timedelta(hours=5), lambda dag: dag.dagrun_timeout),
    "catchup": (True, lambda dag: dag.catchup),
    "on_success_callback": (told, lambda dag: dag.on_success_callback),
    "on_failure_callback": ([told], lambda dag: dag.on_failure_callback),
    "doc_md": ("# Ours", lambda dag: dag.doc_md),
    "params": ({"team": "forecasts"}, lambda dag: {"team": dag.params["team"]}),
    "access_control": (
        {"Viewer": {"DAGs": {"can_read"}}},
        lambda dag: dag.access_control,
    ),
    "is_paused_upon_creation": (True, lambda dag: dag.is_paused_upon_creation),
    "jinja_environment_kwargs": ({"trim_blocks": True}, lambda dag: dag.jinja_environment_kwargs),
    "render_template_as_native_obj": (True, lambda dag: dag.render_template_as_native_obj),
    "tags": (["mine"], lambda dag: sorted(dag.tags - {"sagemaker-pipeline"})),
    "owner_links": ({"ml": "https://ml.example"}, lambda dag: dag.owner_links),
    "auto_register": (False, lambda dag: dag.auto_register),
    "fail_fast": (True, lambda dag: dag.fail_fast),
    "allowed_run_types": (["manual"], lambda dag: [each.value for each in dag.allowed_run_types]),
    "dag_display_name": ("Abalone", lambda dag: dag.dag_display_name),
    "disable_bundle_versioning": (True, lambda dag: dag.disable_bundle_versioning),
    "rerun_with_latest_version": (True, lambda dag: dag.rerun_with_latest_version),
}
DEADLINE = "deadline"

# A value of each argument of Airflow's operators that counts for a step's task, and what shows that it does.
TASK_ARGUMENTS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "owner": ("ml", lambda task: task.owner),
    "email": ("ml@example.com", lambda task: task.email),
    "email_on_retry": (False, lambda task: task.email_on_retry),
    "email_on_failure": (False, lambda task: task.email_on_failure),
    # The default of a step is 2 policies of 5 and the lost tries.
    "retries": (
        7,
        lambda task: (task.settings.max_lost_tries, task.retries - task.retry_policy.rules.max_lost_tries)[0],
    ),
    "retry_delay": (
        timedelta(minutes=2),
        lambda task: (
            task.retry_delay
            if task.retry_policy.rules.lost_try_delay == 120
            else task.retry_policy.rules.lost_try_delay
        ),
    ),
    "start_date": (DATE, lambda task: task.start_date),
    "end_date": (DATE, lambda task: task.end_date),
    "depends_on_past": (True, lambda task: task.depends_on_past),
    "ignore_first_depends_on_past": (True, lambda task: task.ignore_first_depends_on_past),
    "wait_for_past_depends_before_skipping": (True, lambda task: task.wait_for_past_depends_before_skipping),
    "wait_for_downstream": (True, lambda task: task.wait_for_downstream),
    "priority_weight": (5, lambda task: task.priority_weight),
    "weight_rule": ("absolute", lambda task: getattr(task.weight_rule, "value", task.weight_rule)),
    "queue": ("gpu", lambda task: task.queue),
    "pool": ("gpus", lambda task: task.pool),
    "pool_slots": (2, lambda task: task.pool_slots),
    "execution_timeout": (timedelta(hours=1), lambda task: task.execution_timeout),
    "on_execute_callback": (told, lambda task: task.on_execute_callback[0]),
    "on_failure_callback": (told, lambda task: task.on_failure_callback[0]),
    "on_success_callback": (told, lambda task: task.on_success_callback[0]),
    "on_retry_callback": (told, lambda task: task.on_retry_callback[0]),
    "on_skipped_callback": (told, lambda task: task.on_skipped_callback[0]),
    "pre_execute": (told, lambda task: task._pre_execute_hook),
    "post_execute": (told, lambda task: task._post_execute_hook),
    "resources": ({"cpus": 2}, lambda task: {"cpus": task.resources.cpus.qty}),
    "run_as_user": ("ml", lambda task: task.run_as_user),
    "max_active_tis_per_dag": (2, lambda task: task.max_active_tis_per_dag),
    "max_active_tis_per_dagrun": (2, lambda task: task.max_active_tis_per_dagrun),
    "executor": ("LocalExecutor", lambda task: task.executor),
    "executor_config": ({"a": 1}, lambda task: task.executor_config),
    "inlets": ([Asset("there")], lambda task: task.inlets),
    "outlets": ([Asset("here")], lambda task: task.outlets),
    "doc": ("d", lambda task: task.doc),
    "doc_json": ("{}", lambda task: task.doc_json),
    "doc_yaml": ("a: 1", lambda task: task.doc_yaml),
    "doc_rst": ("d", lambda task: task.doc_rst),
    "logger_name": ("steps", lambda task: task.log.name.rpartition(".")[2]),
    "allow_nested_operators": (False, lambda task: task.allow_nested_operators),
    "render_template_as_native_obj": (True, lambda task: task.render_template_as_native_obj),
    # Of the provider's base operator, from which ours descend.
    "aws_conn_id": ("prod", lambda task: task.access.aws_conn_id),
    "region_name": ("eu-west-1", lambda task: task.access.region_name),
    "verify": (False, lambda task: task.access.verify),
    "botocore_config": (
        {"retries": {"total_max_attempts": 1}, "read_timeout": 9},
        lambda task: task.access.botocore_config,
    ),
    "deferrable": (False, lambda task: task.deferrable),
}
OF_AWS = {"aws_conn_id", "region_name", "verify", "botocore_config", "deferrable"}


def arguments_of(cls: type) -> set[str]:
    parameters = inspect.signature(cls.__init__).parameters.values()  # type: ignore[misc]
    return {each.name for each in parameters if each.name != "self" and each.kind is not each.VAR_KEYWORD}


def test_every_argument_of_airflows_dag_is_decided_on() -> None:
    assert arguments_of(DAG) == DAG_ARGUMENTS.keys() | REFUSED_OF_DAG.keys() | {DEADLINE}


def test_every_argument_of_airflows_operators_is_decided_on() -> None:
    of_airflow = arguments_of(BaseOperator)
    assert of_airflow == (TASK_ARGUMENTS.keys() - OF_AWS) | (REFUSED_OF_TASKS.keys() & of_airflow)


@pytest.mark.filterwarnings(
    "ignore:The airflow.security.permissions module",
    # Deprecated since Airflow 3.4.
    "ignore:DAG.access_control is deprecated",
)
@pytest.mark.parametrize("name", DAG_ARGUMENTS)
def test_an_argument_of_the_dag_counts(name: str) -> None:
    value, seen = DAG_ARGUMENTS[name]
    dag: Any = SageMakerPipelineDag(pipeline(training("A")), **{"dag_id": "d", name: value})
    assert seen(dag) == value


def test_a_deadline_counts() -> None:
    from airflow.sdk.definitions.callback import AsyncCallback
    from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

    alert = DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, timedelta(hours=1), AsyncCallback(late))
    assert made(deadline=alert).deadline == [alert]


@pytest.mark.parametrize("name", REFUSED_OF_DAG)
def test_what_a_dag_does_not_take_is_refused(name: str) -> None:
    [finding] = refusals(**{name: object()})
    assert (finding.code, REFUSED_OF_DAG[name] in finding.message) == ("dag-argument", True)


@pytest.mark.filterwarnings("ignore:Setting email")
@pytest.mark.parametrize("name", TASK_ARGUMENTS)
def test_one_of_the_default_args_counts_for_every_step(name: str) -> None:
    value, seen = TASK_ARGUMENTS[name]
    dag = made(pipeline(condition("C", [equals(1, 1)], [training("A")], [])), default_args={name: value})
    for task in dag.tasks:
        assert seen(task) == value, task.task_id


@pytest.mark.filterwarnings("ignore:Setting email")
@pytest.mark.parametrize("name", TASK_ARGUMENTS)
def test_one_of_the_arguments_of_a_step_counts_for_that_step(name: str) -> None:
    value, seen = TASK_ARGUMENTS[name]
    steps = {"A": {name: value}}
    dag = made(pipeline(condition("C", [equals(1, 1)], [training("A")], []), training("B")), steps=steps)
    assert seen(dag.get_task("A")) == value
    other = dag.get_task("B")
    assert (other.pool, other.queue, other.settings.max_lost_tries, other.deferrable) == (
        "default_pool",
        "default",
        3,
        True,
    )


@pytest.mark.parametrize(
    "name",
    [*REFUSED_OF_TASKS, "wait_for_completion", "check_interval", "max_ingestion_time", "poll_interval", "on_kill"],
)
def test_what_has_no_effect_on_a_step_is_refused(name: str) -> None:
    [finding] = refusals(default_args={name: 5})
    assert finding.code == "default-args"
    assert f"steps: A: {name} has no effect on a step: " in refusals(steps={"A": {name: 5}})[0].message
    assert f"{name} has no effect on a step: " in finding.message
    if name not in arguments_of(DAG):
        assert f"{name} is no argument of a pipeline's Dag: " in refusals(**{name: 5})[0].message


def test_trigger_rule_is_refused_with_what_to_say_instead() -> None:
    [finding] = refusals(default_args={"trigger_rule": "all_done"})
    assert "rejoin" in finding.message
    assert "a Trigger in its DependsOn" in finding.message


def test_arguments_of_the_providers_operators_are_refused() -> None:
    [finding] = refusals(default_args={"action_if_job_exists": "fail"})
    assert "SageMakerTrainingOperator would take it" in finding.message


def test_a_slip_is_refused_and_what_may_be_anothers_is_told() -> None:
    [slip] = refusals(default_args={"retires": 3})
    assert slip.suggestion == "retries"
    [warning] = made(default_args={"postgres_conn_id": "db"}).plan.pipeline.warnings
    assert (warning.code, warning.severity.value) == ("default-args", "warning")
    assert [each.suggestion for each in refusals(schedul="@daily")] == ["schedule"]
    assert "default_args" in refusals(retries=3)[0].message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("retries", -1),
        ("retries", True),
        ("retries", "3"),
        ("retry_delay", "5m"),
        ("retry_delay", -1),
        ("retry_delay", float("inf")),
        ("retry_delay", 1e300),
        ("retry_delay", 10**400),
        ("retry_delay", float("nan")),
        ("retry_delay", timedelta.max),
        ("region_name", 3),
    ],
)
def test_values_that_cannot_count_are_refused(name: str, value: Any) -> None:
    [finding] = refusals(default_args={name: value})
    assert f"default_args: {name} is {value!r}" in finding.message


@pytest.mark.parametrize(
    "arguments",
    [
        {"tags": ["t" * 200]},
        {"default_args": {"execution_timeout": 60}},
        {"fail_fast": True, "definition": LOOPING},
        {"schedule": "bogus cron"},
        {"schedule": timedelta(days=-1)},
        {"default_args": {"priority_weight": float("inf"), "weight_rule": "absolute"}},
    ],
)
def test_what_airflow_refuses_is_a_finding(arguments: dict[str, Any]) -> None:
    [finding] = refusals(**arguments)
    assert finding.code == "dag-argument"
    assert "Airflow refuses" in finding.message


@pytest.mark.parametrize("given", ["x", ["owner"], "", 0, {1: 2}])
def test_default_args_that_are_no_mapping_of_names_are_refused(given: Any) -> None:
    [finding] = refusals(default_args=given)
    assert (finding.code, "default_args" in finding.message) == ("default-args", True)
    dag = made(default_args=given, on_error="dag", schedule="@daily")
    assert (dag.error is not None, dag.schedule) == (True, "@daily")


def test_fail_fast_is_refused_with_the_steps_that_it_cannot_have() -> None:
    steps = [training("A"), training("B", DependsOn=[{"Step": "A", "Trigger": "Any"}]), training("C"), LOOP]
    definition = pipeline(*steps, Parameters=LOOPING["Parameters"])
    found = refusals(definition, fail_fast=True, rejoin=["C"])
    assert [(each.code, each.step, each.path) for each in found] == [
        ("dag-argument", "B", "$.Steps[1]"),
        ("dag-argument", "C", "$.Steps[2]"),
        ("dag-argument", "Each", "$.Steps[3]"),
    ]
    assert [words in each.message for each, words in zip(found, ("conditions", "rejoin", "ForEach"), strict=True)]
    made(definition, rejoin=["C"])


def test_an_explicit_deferrable_wins_over_the_default_args() -> None:
    for explicit in (True, False):
        dag = made(LOOPING, deferrable=explicit, default_args={"deferrable": not explicit, "owner": "ml"})
        assert {task.deferrable for task in dag.tasks if hasattr(task, "deferrable")} == {explicit}
        assert {task.owner for task in dag.tasks} == {"ml"}


def test_retries_are_lost_tries_and_not_more_attempts() -> None:
    none = made(default_args={"retries": 0}).get_task("A")
    some = made(default_args={"retries": 4, "retry_delay": 90}).get_task("A")
    assert some.retries == none.retries + 4
    assert some.retry_policy.rules.policies == none.retry_policy.rules.policies
    assert some.retry_delay == timedelta(seconds=90)
    loop = made(LOOPING, default_args={"retries": 4, "retry_delay": 90})
    assert {task.retry_delay for task in loop.tasks} == {timedelta(seconds=90)}
    assert {task.retry_policy.rules.max_lost_tries for task in loop.tasks} == {4}


# The connection and the region ------------------------------------------------------------------------------------


def test_the_case_of_a_connection_in_the_default_args() -> None:
    definition = json.loads(CASE.read_text())
    given = {"aws_conn_id": "prod", "region_name": "eu-central-1"}
    [task] = made(definition, default_args=given).tasks
    assert (task.aws_conn_id, task.region_name) == ("prod", "eu-central-1")
    assert (task.access.aws_conn_id, task.access.region_name) == ("prod", "eu-central-1")
    [task] = made(definition, default_args=given, aws_conn_id="mine", region_name="us-east-2").tasks
    assert (task.aws_conn_id, task.region_name) == ("mine", "us-east-2")
    [task] = made(definition, default_args=given, aws_conn_id=None).tasks
    assert (task.aws_conn_id, task.region_name) == (None, "eu-central-1")
    [task] = made(definition, default_args={"aws_conn_id": None}).tasks
    assert task.aws_conn_id is None


# Params -----------------------------------------------------------------------------------------------------------


def test_own_params_stand_beside_the_pipelines() -> None:
    definition = pipeline(training("A"), Parameters=[{"Name": "Count", "Type": "Integer", "DefaultValue": 3}])
    dag = made(definition, params={"team": Param("ml", type="string"), "n": 1})
    assert (dag.params["team"], dag.params["n"], dag.params["Count"]) == ("ml", 1, 3)
    assert dag.get_task("A").pipeline.own_params == {"team", "n"}


def test_own_params_that_clash_are_findings() -> None:
    definition = pipeline(training("A"), Parameters=[{"Name": "Count", "Type": "Integer", "DefaultValue": 3}])
    own = {"Count": 4, "sagemaker_selected_steps": None}
    found = refusals(definition, params=own)
    assert [(each.code, each.path) for each in found] == [("params-clash", "$.Parameters[0]"), ("params-clash", "$")]
    [finding] = refusals(params={"team": Param(type="string")}, schedule="@daily")
    assert finding.code == "no-value-for-schedule"


# Roles ------------------------------------------------------------------------------------------------------------


def test_a_role_arn_without_effect_is_a_warning() -> None:
    own, lacking = training("A"), training("A")
    del lacking["Arguments"]["RoleArn"]
    [warning] = made(pipeline(own), role_arn=OTHER).plan.pipeline.warnings
    assert (warning.code, warning.severity.value) == ("role-without-effect", "warning")
    dag = made(pipeline(lacking), role_arn=OTHER)
    assert dag.plan.pipeline.warnings == ()
    assert dag.get_task("A").pipeline.role_arn == OTHER
    [warning] = made(pipeline(lacking), role_arn=ROLE, roles={"*": OTHER}).plan.pipeline.warnings
    assert warning.code == "role-without-effect"


def test_a_role_that_stays_is_told() -> None:
    [_, warning] = made(roles={"arn:aws:iam::123456789012:role/Else": OTHER}).plan.pipeline.warnings
    assert (warning.code, warning.step, ROLE in warning.message) == ("role-kept", "A", True)
    assert made(roles={ROLE: OTHER}).plan.pipeline.warnings == ()


def without_effect(definition: Any, **arguments: Any) -> list[str]:
    warned = made(definition, **arguments).plan.pipeline.warnings
    return [each.message for each in warned if each.code == "role-without-effect" and "roles names" in each.message]


def test_a_key_of_roles_that_no_step_has_is_told() -> None:
    lacking = training("A")
    del lacking["Arguments"]["RoleArn"]
    wrapper = {"PipelineName": "p", "RoleArn": ROLE, "PipelineDefinition": json.dumps(pipeline(lacking))}
    slip = ROLE + "x"
    by_parameter = training("A", Arguments={**training("A")["Arguments"], "RoleArn": get("Parameters.Role")})

    def with_parameter(**more: Any) -> Any:
        return pipeline(by_parameter, Parameters=[{"Name": "Role", "Type": "String", **more}])

    for definition in (pipeline(training("A")), wrapper, with_parameter(DefaultValue=ROLE)):
        [message] = without_effect(definition, roles={slip: OTHER, ROLE: OTHER})
        assert f"roles names {slip}, " in message
        # A slip beside one for all counts as little.
        assert len(without_effect(definition, roles={slip: OTHER, "*": OTHER})) == 1
    # The pipeline's own role fills none where the Dag gives one.
    assert len(without_effect(wrapper, role_arn=OTHER, roles={ROLE: OTHER})) == 1
    assert without_effect(with_parameter(DefaultValue=slip), parameters={"Role": ROLE}, roles={ROLE: OTHER}) == []
    # What only a run can tell may be any role.
    assert without_effect(with_parameter(), roles={slip: OTHER}) == []
    joined = {"Std:Join": {"On": "", "Values": [ROLE, get("Execution.PipelineName")]}}
    named = training("A", Arguments={**training("A")["Arguments"], "RoleArn": joined})
    assert without_effect(pipeline(named), roles={slip: OTHER}) == []


@pytest.mark.parametrize(
    "arguments",
    [{"roles": OTHER}, {"roles": {"*": "Production"}}, {"roles": {ROLE: None}}, {"role_arn": "Production"}],
)
def test_what_is_no_role_is_refused(arguments: dict[str, Any]) -> None:
    assert {finding.code for finding in refusals(**arguments) if finding.severity.value == "error"} == {"given-role"}


def test_the_deployments_limits_judge_the_roles_that_stand_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__ALLOWED_ROLE_ARNS", OTHER)
    assert [finding.code for finding in refusals()] == ["not-allowed"]
    made(roles={ROLE: OTHER})
    [finding] = refusals(roles={"*": "arn:aws:iam::123456789012:role/Third"})
    assert "role/Third" in finding.message


def test_the_pipelines_own_role_is_replaced_too() -> None:
    definition = {"PipelineName": "p", "RoleArn": ROLE, "PipelineDefinition": json.dumps(pipeline(training("A")))}
    assert made(definition, roles={ROLE: OTHER}).get_task("A").pipeline.role_arn == OTHER
    assert made(definition, roles={"*": OTHER}).get_task("A").pipeline.role_arn == OTHER


def test_no_warning_of_airflow_comes_from_a_dag_without_arguments() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made(pipeline(training("A", Arguments={"RoleArn": get("Parameters.Role")}), Parameters=[{"Name": "Role"}]))


def test_a_cache_that_is_neither_on_nor_off_is_refused() -> None:
    given: Any = "no"
    [finding] = refusals(cache=given)
    assert "neither True nor False" in finding.message
