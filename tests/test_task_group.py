"""A pipeline as a task group: ids, edges, arguments that count or are refused, and the outputs of its steps."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, TaskGroup, TriggerRule, literal, task_group
from airflow.serialization.serialized_objects import DagSerialization

from airflow_sm_pipelines import DefinitionError, SageMakerPipelineDag, SageMakerPipelineTaskGroup
from airflow_sm_pipelines.cache.store import cache_asset
from airflow_sm_pipelines.place import Place
from airflow_sm_pipelines.pools import limits_in, pipeline_pool
from tests.runs.harness import condition, equals, get, pipeline, processing, training
from tests.runs.test_for_each import loop

ABALONE = Path(__file__).parent.parent / "dags" / "pipelines" / "abalone.json"
STEPS = pipeline(training("Train"), training("After", DependsOn=["Train"]))
WITH_URL = pipeline(
    training("Train", Arguments={"HyperParameters": {"url": get("Parameters.Url"), "n": get("Parameters.Count")}}),
    Parameters=[{"Name": "Url", "Type": "String"}, {"Name": "Count", "Type": "Integer", "DefaultValue": 3}],
)


def dag(**arguments: Any) -> DAG:
    return DAG("mine", schedule=None, **arguments)


def group(definition: Any = STEPS, within: DAG | None = None, **arguments: Any) -> SageMakerPipelineTaskGroup:
    return SageMakerPipelineTaskGroup(definition, dag=within or dag(), **{"group_id": "g", **arguments})


def task_of(within: DAG | None, task_id: str) -> Any:
    assert within is not None
    return within.task_dict[task_id]


def findings_of(build: Callable[[], object]) -> str:
    with pytest.raises(DefinitionError) as raised:
        build()
    return str(raised.value)


def test_ids_are_those_of_the_group_and_the_groups_around_it() -> None:
    mine = dag()
    with mine, TaskGroup("outer"):
        one = SageMakerPipelineTaskGroup(pipeline(training("Train"), loop(training("Fit"), ["a"])), group_id="one")
    with mine:
        two = SageMakerPipelineTaskGroup(ABALONE)
    assert [task.task_id for task in one] == [
        "outer.one.Train",
        "outer.one.Loop.ForEach.items",
        "outer.one.Loop.Fit",
        "outer.one.Loop.ForEach.result",
        "outer.one.pipeline.run.outcome",
    ]
    assert two.group_id == "abalone"
    assert mine.task_dict.keys() == {task.task_id for each in (one, two) for task in each}
    names = {task_of(mine, name).pipeline.name for name in ("outer.one.Train", "abalone.TrainAbalone")}
    assert names == {"mine-outer-one", "mine-abalone"}


def test_the_example_of_the_guide() -> None:
    page = (ABALONE.parents[2] / "docs" / "embedding.md").read_text()
    code = page.split("```python\n")[1].split("```")[0].replace('"abalone.json"', repr(str(ABALONE)))
    known: dict[str, Any] = {}
    exec(compile(code, "embedding.md", "exec"), known)
    nightly: DAG = known["dag"]
    assert task_of(nightly, "training.pipeline.run.parameters").upstream_task_ids == {"export"}
    assert task_of(nightly, "announce").upstream_task_ids == {"training.TrainAbalone"}
    assert task_of(nightly, "clean_up").upstream_task_ids == {"training.pipeline.run.outcome"}


def test_what_comes_before_and_after_the_group() -> None:
    mine = dag()
    with mine:
        before, after = EmptyOperator(task_id="before"), EmptyOperator(task_id="after")
        before >> group(within=mine) >> after
    assert task_of(mine, "g.Train").upstream_task_ids == {"before"}
    assert after.upstream_task_ids == {"g.pipeline.run.outcome"}
    assert task_of(mine, "g.pipeline.run.outcome").upstream_task_ids == {"g.After"}


def test_limits_are_the_groups_own_and_known_to_the_scheduler() -> None:
    mine = dag(default_args={"retries": 1})
    first = group(within=mine, parallelism=2)
    group(within=mine, group_id="other")
    free = group(within=mine, group_id="gpus", parallelism=3, default_args={"pool": "gpus"})
    read = DagSerialization.from_dict(DagSerialization.to_dict(mine))
    assert limits_in("mine", read.default_args) == {Place("mine", "g"): 2}
    assert {task.task_id: task.pool for task in first} == {
        "g.Train": pipeline_pool(Place("mine", "g")),
        "g.After": pipeline_pool(Place("mine", "g")),
        "g.pipeline.run.outcome": "default_pool",
    }
    assert [task.pool for task in free] == ["gpus", "gpus", "default_pool"]
    assert task_of(mine, "other.Train").pool == "default_pool"


def test_the_cache_is_the_groups_own() -> None:
    step = training("Train", CacheConfig={"Enabled": True, "ExpireAfter": "P30D"})
    [train, _] = group(pipeline(step))
    assert train.inlets == [cache_asset(Place("mine", "g"))]
    assert train.inlets[0].uri == "x-sagemaker-step-cache://mine/g/"


def test_assets_and_steps_of_the_group() -> None:
    mine = dag()
    group(within=mine, assets="outputs", steps={"Train": {"pool": "gpus"}})
    train = task_of(mine, "g.Train")
    assert ([alias.name for alias in train.outlets], train.pool) == (["mine.g.Train"], "gpus")


def test_default_args_of_the_dag_count_where_they_can() -> None:
    mine = dag(
        default_args={
            "owner": "us",
            "queue": "gpu",
            "retries": 2,
            "aws_conn_id": "other",
            "trigger_rule": "all_done",
            "do_xcom_push": False,
            "retry_exponential_backoff": True,
            "poll_interval": 5,
        }
    )
    made = group(within=mine, default_args={"queue": "own"}, region_name="eu-west-1")
    train = task_of(mine, "g.Train")
    assert (train.owner, train.queue, train.aws_conn_id, train.region_name) == ("us", "own", "other", "eu-west-1")
    assert train.settings.max_lost_tries == 2
    # What no step takes is for the other tasks of the Dag, and is told.
    assert (train.trigger_rule, train.do_xcom_push) == (TriggerRule.ALL_SUCCESS, True)
    assert not train.retry_exponential_backoff
    assert made.plan is not None
    warnings = "\n".join(map(str, made.plan.pipeline.warnings))
    for name in ("trigger_rule", "do_xcom_push", "retry_exponential_backoff", "poll_interval"):
        assert f"the Dag's default_args: {name} has no effect on the steps" in warnings
    assert "It was read with warnings" in str(made.doc_md)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"default_args": {"trigger_rule": "all_done"}}, "default_args: trigger_rule has no effect on a step"),
        ({"prefix_group_id": False}, "the ids of its tasks say whose they are"),
        ({"params": {"Url": 1}}, "give the pipeline's parameters their values with parameters="),
        ({"schedule": "@daily"}, "schedule is no argument of a task group but of its Dag"),
        ({"pool": "gpus"}, "pool is no argument of a task group but of tasks: give it in default_args"),
        ({"dag_id": "x"}, "dag_id is no argument of a pipeline's task group: say group_id"),
        ({"tooltipp": "x"}, "Did you mean 'tooltip'?"),
        ({"paralelism": 2}, "Did you mean 'parallelism'?"),
        ({"sagemaker_selected_steps": ["Train"]}, "a selection of steps is for a Dag that is a pipeline"),
        ({"parallelism": -1}, "parallelism = -1"),
        ({"rejoin": ["Nobody"]}, "rejoin names the step 'Nobody'"),
        ({"parameters": ["Url"]}, "and not a mapping from the pipeline's parameters to values"),
        ({"group_id": "a.b"}, "Airflow refuses the task group: ValueError"),
    ],
)
def test_what_does_not_count_is_refused_with_a_reason(arguments: dict[str, Any], told: str) -> None:
    assert told in findings_of(lambda: group(**arguments))


def test_every_argument_of_airflows_task_group_counts() -> None:
    given = {"tooltip": "tip", "doc_md": "doc", "ui_color": "#fff", "ui_fgcolor": "#111", "group_display_name": "Shown"}
    mine = dag()
    made = group(within=mine, **given, prefix_group_id=True)
    assert {name: getattr(made, name) for name in given} == given
    again = group(within=mine, add_suffix_on_collision=True)
    assert (again.group_id, next(task.task_id for task in again)) == ("g__1", "g__1.Train")
    assert again.dag is mine
    assert task_of(mine, "g__1.Train").pipeline.place == Place("mine", "g__1")


def test_two_groups_of_one_id_are_told() -> None:
    mine = dag()
    group(within=mine)
    assert "group_id 'g' has already been added" in findings_of(lambda: group(within=mine))


def test_dags_that_cannot_hold_a_group() -> None:
    assert "is fail_fast" in findings_of(lambda: group(within=dag(fail_fast=True)))
    whole = SageMakerPipelineDag(STEPS, dag_id="whole")
    assert "the Dag whole is itself a pipeline" in findings_of(lambda: group(within=whole))
    with pytest.raises(TypeError, match="is a part of a Dag"):
        SageMakerPipelineTaskGroup(STEPS, group_id="g")


def test_a_group_stands_in_no_mapped_group() -> None:
    @task_group
    def each(item: str) -> None:
        with TaskGroup("inner"):
            SageMakerPipelineTaskGroup(STEPS, group_id="g")

    def build() -> None:
        with dag():
            each.expand(item=["a", "b"])

    told = findings_of(build)
    assert "the task group each around it is mapped" in told
    assert "ForEach" in told


def test_default_args_that_no_step_takes_do_not_reach_any_task_of_the_group() -> None:
    given = {
        "do_xcom_push": False,
        "retry_exponential_backoff": True,
        "map_index_template": "{{ task.task_id }}",
        "wait_for_downstream": True,
        "pool_slots": 5,
    }
    mine = dag(default_args=given)
    group(WITH_URL, mine, parameters={"Url": EmptyOperator(task_id="url", dag=mine).output})
    tasks = [task_of(mine, f"g.{name}") for name in ("Train", "pipeline.run.parameters", "pipeline.run.outcome")]
    for task in tasks:
        assert (task.do_xcom_push, task.retry_exponential_backoff, task.map_index_template) == (True, 0, None)
        assert not task.wait_for_downstream
        assert not task.depends_on_past
    assert [task.pool_slots for task in tasks] == [5, 1, 1]


def test_a_group_takes_no_other_tasks() -> None:
    with pytest.raises(TypeError, match="holds a pipeline, and no other tasks"), group():
        pass


def test_parameters_are_judged_when_the_dag_is_made() -> None:
    told = findings_of(lambda: group(WITH_URL))
    assert "The parameter 'Url' has no default, and a task group no form" in told
    mine = dag()
    with mine:
        value = PythonOperator(task_id="value", python_callable=print).output
    told = findings_of(lambda: group(WITH_URL, within=mine, parameters={"Uri": value, "Count": "many"}))
    assert "'Uri', which is no parameter of the definition" in told
    assert "Did you mean 'Url'?" in told
    assert "Parameters.Count is of type Integer" in told
    made = group(WITH_URL, within=mine, parameters={"Url": value, "Count": "4"})
    assert made.error is None
    first = task_of(mine, "g.pipeline.run.parameters")
    assert (first.upstream_task_ids, first.downstream_task_ids) == ({"value"}, {"g.Train"})
    assert task_of(mine, "g.Train").pipeline.parameters["Count"].default == 4


def test_templates_know_the_params_of_the_dag() -> None:
    mine = dag(params={"Url": "s3://b/k"}, user_defined_macros={"mine": str})
    group(WITH_URL, within=mine, parameters={"Url": "{{ params.Url }}/{{ mine(ds) }}", "Count": "{{ 1 + 2 }}"})
    assert {"g.Train", "g.pipeline.run.outcome"} <= mine.task_dict.keys()
    told = findings_of(lambda: group(WITH_URL, parameters={"Url": "{{ ti.xcom_pull('before') }}"}))
    assert "names 'ti', which it cannot: give the output of the task itself as the value" in told
    assert "Did you mean 'Url'?" in findings_of(lambda: group(WITH_URL, parameters={"Uri": "{{ ds }}"}))


def test_literal_values_need_no_task() -> None:
    made = group(WITH_URL, parameters={"Url": literal("{{ as it is }}")})
    assert [task.task_id for task in made] == ["g.Train", "g.pipeline.run.outcome"]
    assert task_of(made.dag, "g.Train").pipeline.parameters["Url"].default == "{{ as it is }}"


def test_the_output_of_a_step_is_a_dependency_and_its_path_is_judged() -> None:
    mine = dag()
    check = condition("Check", [equals(1, 1)], [training("Good")], [])
    made = group(pipeline(processing("Prepare"), training("Train"), loop(training("Fit"), ["a"]), check), within=mine)
    model = made.output("Train")["ModelArtifacts"]["S3ModelArtifacts"]

    def consumer(name: str, argument: Any) -> Any:
        return PythonOperator(dag=mine, task_id=name, python_callable=print, op_args=[argument])

    assert consumer("nested", {"in": [model]}).upstream_task_ids == {"g.Train"}
    assert consumer("loop", made.output("Loop")["IterationOutputs"]).upstream_task_ids == {"g.Loop.ForEach.result"}
    uri = made.output("Prepare")["ProcessingOutputConfig"]["Outputs"]["out"]["S3Output"]["S3Uri"]
    assert consumer("prepared", uri).upstream_task_ids == {"g.Prepare"}
    assert consumer("outcome", made.output("Check")["Outcome"]).upstream_task_ids == {"g.Check"}
    told = findings_of(lambda: consumer("slip", made.output("Train")["ModelArtifact"]["S3ModelArtifacts"]))
    assert "Did you mean 'Train.ModelArtifacts.S3ModelArtifacts'?" in told
    assert "Did you mean 'Train'?" in findings_of(lambda: made.output("Trian"))
    assert "runs for each item of 'Loop'" in findings_of(lambda: made.output("Fit"))
    part: Any = 1.5
    slips: list[Callable[[], Any]] = [lambda: [*model], lambda: bool(model), lambda: "x" in model, lambda: model[part]]
    for wrong in slips:
        with pytest.raises(TypeError, match=r"the output of the step Train: ModelArtifacts\.S3ModelArtifacts"):
            wrong()


def test_a_broken_definition_can_be_a_task_that_fails() -> None:
    mine = dag()
    made = group(pipeline(training("Train", DependsOn=["Nobody"])), within=mine, on_error="task")
    assert isinstance(made.error, DefinitionError)
    assert "Nobody" in str(made.doc_md)
    after = EmptyOperator(dag=mine, task_id="after")
    made >> after
    assert after.upstream_task_ids == {"g.definition_error"}
    [task] = made
    assert task.inlets == [cache_asset(Place("mine", "g"))]
    # Also where Airflow refuses what stands in it.
    step = pipeline(training("Train"), loop(training("Fit"), ["a"]))
    late = group(step, within=mine, group_id="late", on_error="task", default_args={"pool_slots": 0})
    assert "pool slots" in str(late.error)
    assert [each.task_id for each in late] == ["late.definition_error"]
    assert mine.task_dict.keys() == {"g.definition_error", "late.definition_error", "after"}
    read = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(mine))))
    assert read.task_group.get_task_group_dict().keys() == {None, "g", "late"}
