"""The step cache: an earlier result stands for a job, as the service does it, and nothing is written to AWS for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from tests.cli.test_airflow_commands import parse
from tests.runs import test_checks as checks
from tests.runs import test_endpoints as endpoints
from tests.runs import test_for_each as for_each
from tests.runs.harness import BUCKET, ROLE, Airflow, Run, get, pipeline, processing, training
from tests.runs.test_emr import EXISTING, on_foreign_cluster
from tests.runs.test_tuning_and_automl import automl, tuning

CACHE = {"Enabled": True, "ExpireAfter": "P30D"}
READS = ("Describe", "Get", "List", "Head")


@pytest.fixture(params=[True, False], ids=["deferrable", "synchronous"])
def deferrable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def cached(name: str = "Train", **members: Any) -> dict[str, Any]:
    """A Training step that is cached, and takes its hyperparameter ``x`` from the parameter X."""
    arguments = {"HyperParameters": {"x": get("Parameters.X")}, **members.pop("Arguments", {})}
    return training(name, **{"CacheConfig": CACHE, "Arguments": arguments, **members})


def with_x(*steps: Any) -> dict[str, Any]:
    parameters = [
        {"Name": "X", "Type": "String", "DefaultValue": "1"},
        {"Name": "Disk", "Type": "Integer", "DefaultValue": 30},
    ]
    return pipeline(*steps, Parameters=parameters)


def jobs(airflow: Airflow) -> int:
    return len(airflow.created())


def clear(*arguments: str) -> None:
    """``airflow sm-pipelines cache clear``."""
    given = parse("cache", "clear", *arguments)
    given.func(given)


def age(seconds: float) -> None:
    """Make all cached results older than they are."""
    import json

    from airflow.models.asset_state_store import AssetStateStoreModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        for row in session.scalars(select(AssetStateStoreModel)):
            stored = json.loads(row.value)
            if "succeeded_at" in stored:
                stored["succeeded_at"] -= seconds
            else:
                stored = {key: moment - seconds for key, moment in stored.items()}
            row.value = json.dumps(stored)


def is_hit(run: Run, step: str = "Train") -> bool:
    return "cache_source" in run.xcom(step, "sagemaker")


def test_a_hit_runs_no_job_and_says_what_it_is(airflow: Airflow, deferrable: bool) -> None:
    first = airflow.run(with_x(cached()), deferrable=deferrable)
    assert not is_hit(first)
    before = len(airflow.endpoint.requests())
    second = airflow.run(with_x(cached()), deferrable=deferrable)
    assert (first.state, second.state) == ("success", "success")
    calls = [(request.service, request.action) for request in airflow.endpoint.requests()[before:]]
    assert [call for call in calls if not call[1].startswith(READS)] == []
    assert jobs(airflow) == 1

    assert second.xcom("Train") == first.xcom("Train")
    told, original = second.xcom("Train", "sagemaker"), first.xcom("Train", "sagemaker")
    source = told.pop("cache_source")
    assert told == original
    assert source["run_id"] == first.run_id
    assert first.xcom("Train")["CreationTime"] < source["succeeded_at"]
    shown = second.rendered("Train")["request"]
    assert shown["CacheHit"] == {**source, "job_name": original["job_name"]}
    assert shown["Request"]["HyperParameters"] == {"x": "1"}
    assert "CacheHit" not in first.rendered("Train")["request"]
    link = "_link_CacheSourceLink"
    encoded = first.run_id.replace(":", "%3A").replace("+", "%2B")
    assert second.xcom("Train", link).endswith(f"/dags/pipeline/runs/{encoded}/tasks/Train")
    assert first.xcom("Train", link) == ""
    assert original["job_name"] in second.xcom("Train", "_link_AwsConsoleLink")

    third = airflow.run(with_x(cached()), deferrable=deferrable)
    assert third.xcom("Train", "sagemaker")["cache_source"] == source


def test_a_key_attribute_misses_and_another_does_not(airflow: Airflow) -> None:
    resources = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": get("Parameters.Disk")}
    definition = with_x(cached(Arguments={"HyperParameters": {"x": get("Parameters.X")}, "ResourceConfig": resources}))
    airflow.run(definition)
    assert not is_hit(airflow.run(definition, {"X": "2"}))
    assert is_hit(airflow.run(definition, {"X": "2", "Disk": 50}))
    assert is_hit(airflow.run(definition))
    assert jobs(airflow) == 2


def test_the_newest_result_is_used(airflow: Airflow) -> None:
    definition = with_x(cached(CacheConfig={"Enabled": True, "ExpireAfter": "T1H"}))
    airflow.run(definition)
    age(3601)
    second = airflow.run(definition)
    assert not is_hit(second)
    third = airflow.run(definition)
    assert third.xcom("Train", "sagemaker")["cache_source"]["run_id"] == second.run_id


def test_expiry_is_by_the_clock_in_months_or_minutes(airflow: Airflow) -> None:
    hits = {"PT30M": False, "t30m": False, "P30M": True, "30m": True, "T45M": True}
    config = {name: {"Enabled": True, "ExpireAfter": name} for name in hits}
    definition = with_x(*(cached(f"S{index}", CacheConfig=config[name]) for index, name in enumerate(hits)))
    airflow.run(definition)
    age(31 * 60)
    second = airflow.run(definition)
    assert {name: is_hit(second, f"S{index}") for index, name in enumerate(hits)} == hits


def test_a_failed_run_is_never_used(airflow: Airflow) -> None:
    airflow.endpoint.reset({"jobs": [{"kind": "training", "outcome": "Failed", "times": 1}]})
    assert airflow.run(with_x(cached())).states == {"Train": "failed"}
    second = airflow.run(with_x(cached()))
    assert second.state == "success"
    assert not is_hit(second)
    assert len(airflow.endpoint.jobs("training")) == 2


def test_the_result_of_a_later_attempt_is_used(airflow: Airflow) -> None:
    reason = "InternalServerError: We encountered an internal error.  Please try again."
    failing = {"kind": "training", "outcome": "Failed", "failure_reason": reason, "times": 1}
    airflow.endpoint.reset({"jobs": [failing]})
    policies = [{"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    first = airflow.run(with_x(cached(RetryPolicies=policies)))
    second = airflow.run(with_x(cached(RetryPolicies=policies)))
    assert is_hit(second)
    assert second.xcom("Train", "sagemaker")["attempt"] == 2
    assert second.xcom("Train") == first.xcom("Train")


def test_downstream_of_a_hit(airflow: Airflow) -> None:
    """What follows a hit reads the old result, so it may hit too; what is not cached runs with it."""
    model = get("Steps.Train.ModelArtifacts.S3ModelArtifacts")
    channel = {"ChannelName": "m", "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": model}}}
    after = cached("After", Arguments={"InputDataConfig": [channel]})
    always = training("Always", Arguments={"Environment": {"model": model}})
    definition = with_x(cached(), after, always)
    first, second = airflow.run(definition), airflow.run(definition)
    assert is_hit(second, "After")
    assert second.xcom("After") == first.xcom("After")
    environments = [request.get("Environment") for request in airflow.created("CreateTrainingJob")]
    [one, other] = [environment for environment in environments if environment]
    assert one == other == {"model": first.xcom("Train")["ModelArtifacts"]["S3ModelArtifacts"]}
    assert jobs(airflow) == 4
    third = airflow.run(definition, {"X": "2"})
    assert not is_hit(third, "Train")
    assert not is_hit(third, "After")


def test_a_masked_value_of_an_old_result_is_read_from_its_job(airflow: Airflow) -> None:
    secret = {"api_token": get("Parameters.X")}
    use = training("Use", Arguments={"HyperParameters": {"y": get("Steps.Train.Environment['api_token']")}})
    definition = with_x(cached(Arguments={"Environment": secret, "HyperParameters": {}}), use)
    airflow.run(definition, {"X": "s3cret-value"})
    second = airflow.run(definition, {"X": "s3cret-value"})
    assert is_hit(second)
    assert second.xcom("Train")["Environment"] == {"api_token": "***"}
    assert [request["HyperParameters"] for request in airflow.created() if request["HyperParameters"]] == [
        {"y": "s3cret-value"}
    ] * 2
    assert "s3cret-value" not in stored()


def stored() -> str:
    """All that the cache holds, as text."""
    from airflow.models.asset_state_store import AssetStateStoreModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        return "\n".join(f"{row.key} {row.value}" for row in session.scalars(select(AssetStateStoreModel)))


def test_it_is_off_unless_the_definition_turns_it_on(airflow: Airflow) -> None:
    configs: dict[str, Any] = {
        "Off": {"Enabled": False, "ExpireAfter": "P30D"},
        "NoTime": {"Enabled": True},
        "None": None,
        "FalseParameter": {"Enabled": get("Parameters.No"), "ExpireAfter": "P30D"},
        "TrueParameter": {"Enabled": get("Parameters.Yes"), "ExpireAfter": "P30D"},
    }
    switches = [{"Name": name, "Type": "Boolean", "DefaultValue": name == "Yes"} for name in ("Yes", "No")]
    definition = with_x(*(cached(name, CacheConfig=config) for name, config in configs.items()))
    definition["Parameters"] = [*definition["Parameters"], *switches]
    airflow.run(definition)
    second = airflow.run(definition)
    assert [name for name in configs if is_hit(second, name)] == ["TrueParameter"]
    assert len(stored().splitlines()) == 2


def test_a_deployment_can_turn_it_off(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    airflow.run(with_x(cached()))
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__CACHE", "False")
    assert not is_hit(airflow.run(with_x(cached())))


def test_another_pipeline_and_another_step_do_not_share_results(airflow: Airflow) -> None:
    airflow.run(with_x(cached()))
    assert not is_hit(airflow.run(with_x(cached()), dag_id="other"))
    assert not is_hit(airflow.run(with_x(cached("Renamed"))), "Renamed")


def test_what_another_endpoint_or_account_made_is_not_used(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """The local endpoint and AWS differ in nothing but AWS_ENDPOINT_URL."""
    airflow.run(with_x(cached()))
    with LocalEndpoint() as other, monkeypatch.context() as elsewhere:
        elsewhere.setenv("AWS_ENDPOINT_URL", other.url)
        assert not is_hit(airflow.run(with_x(cached())))
        assert len(other.jobs("training")) == 1
    foreign = {"RoleArn": ROLE.replace("123456789012", "210987654321")}
    assert not is_hit(airflow.run(with_x(cached(Arguments={"HyperParameters": {"x": "1"}, **foreign}))))
    assert is_hit(airflow.run(with_x(cached(Arguments={"HyperParameters": {"x": "1"}, "RoleArn": f"{ROLE}2"}))))
    assert jobs(airflow) == 2
    assert airflow.endpoint.requests("sts") == ()


def test_only_so_many_results_are_kept(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__CACHE_ENTRIES", "2")
    definition = with_x(cached())
    for value in ("1", "2", "3"):
        airflow.run(definition, {"X": value})
    assert len(stored().splitlines()) == 3
    assert is_hit(airflow.run(definition, {"X": "2"}))
    assert is_hit(airflow.run(definition, {"X": "3"}))
    assert not is_hit(airflow.run(definition, {"X": "1"}))


def test_results_that_have_expired_are_dropped(airflow: Airflow) -> None:
    definition = with_x(cached())
    airflow.run(definition)
    age(31 * 86400)
    airflow.run(definition, {"X": "2"})
    assert len(stored().splitlines()) == 2


def test_clearing(airflow: Airflow, capsys: pytest.CaptureFixture[str]) -> None:
    definition = with_x(cached("A"), cached("B"))
    first = airflow.run(definition)
    airflow.run(with_x(cached("A")), dag_id="other")
    capsys.readouterr()
    listing = parse("cache", "list")
    listing.func(listing)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[:2] for line in lines] == [["other", "A"], ["pipeline", "A"], ["pipeline", "B"]]
    assert lines[1][3] == first.run_id

    clear("pipeline", "A")
    assert "1 cached result of the step A of pipeline forgotten" in capsys.readouterr().out
    second = airflow.run(definition)
    assert (is_hit(second, "A"), is_hit(second, "B")) == (False, True)
    capsys.readouterr()
    clear("pipeline")
    assert "2 cached results of pipeline forgotten" in capsys.readouterr().out
    third = airflow.run(definition)
    assert (is_hit(third, "A"), is_hit(third, "B")) == (False, False)
    assert is_hit(airflow.run(with_x(cached("A")), dag_id="other"), "A")
    clear()
    assert stored() == ""


def test_a_store_that_fails_does_not_fail_the_step(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.state.metastore import MetastoreBackend

    def broken(*_: Any, **__: Any) -> Any:
        raise ValueError("the store is broken")

    monkeypatch.setattr(MetastoreBackend, "_get_asset_state_store", broken)
    monkeypatch.setattr(MetastoreBackend, "set_asset_state_store", broken)
    run = airflow.run(with_x(cached()))
    assert run.state == "success"
    assert jobs(airflow) == 1


def transform(name: str) -> dict[str, Any]:
    data = {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/in"}}}
    arguments = {
        "ModelName": "model",
        "TransformInput": data,
        "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/out"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    return {"Name": name, "Type": "Transform", "Arguments": arguments}


def test_the_children_of_a_loop_hit_one_by_one(airflow: Airflow) -> None:
    definition = pipeline(for_each.loop(for_each.each(CacheConfig=CACHE)), Parameters=for_each.ITEMS)
    first, second = airflow.run(definition), airflow.run(definition)
    assert (first.state, second.state) == ("success", "success")
    assert jobs(airflow) == 3
    assert for_each.trained(second) == for_each.trained(first)
    airflow.run(definition, {"Items": '["c", "d"]'})
    assert jobs(airflow) == 4


def test_all_children_of_a_loop_hit_however_few_results_are_kept_of_a_step(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__CACHE_ENTRIES", "1")
    definition = pipeline(for_each.loop(for_each.each(CacheConfig=CACHE)), Parameters=for_each.ITEMS)
    airflow.run(definition, {"Items": '["a", "b", "c", "d"]'})
    airflow.run(definition, {"Items": '["a", "b", "c", "d"]'})
    assert jobs(airflow) == 4
    # The newest of a loop of one item are two.
    airflow.run(definition, {"Items": '["e"]'})
    assert len(stored().splitlines()) == 1 + 2


def test_the_triggerer_forgets_what_is_in_no_index(airflow: Airflow) -> None:
    """What is left of two steps that ended at once, when one's index took the place of the other's."""
    import json

    from airflow.models.asset_state_store import AssetStateStoreModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    from airflow_sm_pipelines.server.janitor import tidy

    definition = with_x(cached("A"), cached("B"))
    for value in ("1", "2"):
        airflow.run(definition, {"X": value})
    tidy()
    assert len(stored().splitlines()) == 4 + 2

    with create_session() as session:
        for row in session.scalars(select(AssetStateStoreModel)):
            if row.key == "A":
                listed = json.loads(row.value)
                row.value = json.dumps(
                    {key: moment for key, moment in listed.items() if moment == max(listed.values())}
                )
    # It may still be about to be listed.
    tidy()
    assert len(stored().splitlines()) == 4 + 2
    with create_session() as session:
        for row in session.scalars(select(AssetStateStoreModel)):
            row.updated_at -= timedelta(hours=2)
    tidy()
    assert len(stored().splitlines()) == 3 + 2
    assert is_hit(airflow.run(definition, {"X": "2"}), "A")
    before = airflow.run(definition, {"X": "1"})
    assert (is_hit(before, "A"), is_hit(before, "B")) == (False, True)


def test_every_cached_type_hits_without_a_write_to_aws(airflow: Airflow) -> None:
    endpoints.start(airflow, {**checks.scenario(output="analysis_result"), "existing": EXISTING})
    steps = [
        training("Training"),
        processing("Processing"),
        transform("Transform"),
        tuning("Tuning"),
        automl("AutoML"),
        on_foreign_cluster("EMR"),
        checks.quality(**checks.FIRST),
        {**checks.clarify(ModelName="model", **checks.FIRST), "Name": "Clarify"},
        endpoints.endpoint_config("Config"),
        endpoints.endpoint("Deploy", get("Steps.Config.EndpointConfigName")),
    ]
    definition = pipeline(*({**step, "CacheConfig": CACHE} for step in steps))
    first = airflow.run(definition)
    assert first.state == "success", first.states
    before = len(airflow.endpoint.requests())
    second = airflow.run(definition)
    assert second.state == "success", second.states
    for step in steps:
        assert is_hit(second, step["Name"]), step["Name"]
        assert second.xcom(step["Name"]) == first.xcom(step["Name"])
    actions = [request.action for request in airflow.endpoint.requests()[before:]]
    assert [action for action in actions if not action.startswith(READS)] == []
