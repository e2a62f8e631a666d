"""Lineage steps: what is made, what refers to it, what is there already, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.runs.harness import BUCKET, Airflow, get, pipeline, training
from tests.runs.time_limits import time_over_in_worker

PREFIX = "arn:aws:sagemaker:us-east-1:123456789012"
EXECUTION = get("Execution.PipelineExecutionId")


def joined(*values: Any) -> dict[str, Any]:
    return {"Std:Join": {"On": "-", "Values": list(values)}}


def action(name: Any, **members: Any) -> dict[str, Any]:
    source = {"SourceUri": f"s3://{BUCKET}/run", "SourceType": "S3ETag"}
    return {"ActionName": name, "ActionType": "Deploy", "Source": source, **members}


def artifact(uri: str, **members: Any) -> dict[str, Any]:
    return {"ArtifactType": "Model", "Source": {"SourceUri": uri}, **members}


def lineage(name: str, **arguments: Any) -> dict[str, Any]:
    return {"Name": name, "Type": "Lineage", "Arguments": arguments}


def association(source: dict[str, Any], destination: dict[str, Any]) -> dict[str, Any]:
    return {"Source": source, "Destination": destination, "AssociationType": "Produced"}


STEP = lineage(
    "Record",
    Actions=[action("run", Properties={"id": EXECUTION}, Status="Completed")],
    Artifacts=[artifact(f"s3://{BUCKET}/model", ArtifactName="trained"), artifact(f"s3://{BUCKET}/nameless")],
    Contexts=[{"ContextName": "all", "ContextType": "Pipeline", "Source": {"SourceUri": "s3://b/ctx"}}],
    Associations=[
        association({"Name": "run", "Type": "Action"}, {"Name": "trained", "Type": "Artifact"}),
        association({"Name": "run", "Type": "Action"}, {"Name": "all", "Type": "Context"}),
        association({"Arn": f"{PREFIX}:artifact/abc"}, {"Name": "run", "Type": "Action"}),
    ],
)


def test_entities_and_associations_are_made_and_can_be_referred_to(airflow: Airflow) -> None:
    told = {
        "action": get("Steps.Record.ActionArns['run']"),
        "artifact": get("Steps.Record.ArtifactArns['trained']"),
        "context": get("Steps.Record.ContextArns['all']"),
        "association": get("Steps.Record.Associations[0].DestinationArn"),
    }
    run = airflow.run(pipeline(STEP, training("After", Arguments={"Environment": told})))
    assert run.state == "success"
    [made] = airflow.created("CreateAction")
    assert made == {**STEP["Arguments"]["Actions"][0], "Properties": made["Properties"]}
    assert len(made["Properties"]["id"]) == 12
    assert airflow.created("CreateArtifact") == STEP["Arguments"]["Artifacts"]
    assert airflow.created("CreateContext") == STEP["Arguments"]["Contexts"]
    environment = airflow.created("CreateTrainingJob")[0]["Environment"]
    assert environment["action"] == f"{PREFIX}:action/run"
    assert environment["context"] == f"{PREFIX}:context/all"
    assert environment["artifact"] == environment["association"]
    associations = [r.parameters for r in airflow.endpoint.requests("sagemaker", "AddAssociation")]
    assert associations == run.xcom("Record")["Associations"]
    assert associations[2] == {
        "SourceArn": f"{PREFIX}:artifact/abc",
        "DestinationArn": f"{PREFIX}:action/run",
        "AssociationType": "Produced",
    }


def test_what_is_there_already_is_taken_as_it_is(airflow: Airflow) -> None:
    first = airflow.run(pipeline(STEP))
    again = airflow.run(pipeline(STEP))
    assert again.state == "success"
    assert again.xcom("Record") == first.xcom("Record")
    assert [len(airflow.created(f"Create{kind}")) for kind in ("Action", "Artifact", "Context")] == [1, 2, 1]


def test_a_later_try_goes_on_where_the_earlier_one_ended(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__AWS_MAX_ATTEMPTS", "1")
    throttled = {"code": "ThrottlingException", "message": "Rate exceeded", "status": 400}
    airflow.endpoint.reset(
        {
            "faults": [
                {"action": "CreateContext", "error": throttled, "times": 2},
                {"action": "AddAssociation", "drop": "after", "times": 2},
            ]
        }
    )
    run = airflow.run(pipeline(STEP))
    assert run.state == "success"
    assert set(run.xcom("Record")["ContextArns"]) == {"all"}
    client = airflow.endpoint.client("sagemaker")
    assert len(client.list_associations()["AssociationSummaries"]) == 3


@pytest.mark.parametrize(
    "arguments",
    [
        {"Actions": [action(f"a{index}") for index in range(6)]},
        {"Associations": [association({"Arn": f"{PREFIX}:action/a"}, {"Arn": f"{PREFIX}:action/b"})] * 11},
        {
            "Actions": [action("run")],
            "Associations": [association({"Name": "run", "Type": "Artifact"}, {"Name": "run", "Type": "Action"})],
        },
        {"Actions": [action("run")], "Associations": [association({}, {"Name": "run", "Type": "Action"})]},
        {"Actions": action("run")},
    ],
    ids=["six actions", "eleven associations", "of no entity of the step", "without a reference", "no list"],
)
def test_what_cannot_be_made_to_its_end_is_not_begun(airflow: Airflow, arguments: dict[str, Any]) -> None:
    assert airflow.run(pipeline(lineage("Record", **arguments))).states == {"Record": "failed"}
    assert airflow.endpoint.requests("sagemaker") == ()


def test_what_aws_refuses_fails_the_step(airflow: Airflow) -> None:
    step = lineage("Record", Actions=[action(joined("name", "with a blank"))])
    assert airflow.run(pipeline(step)).states == {"Record": "failed"}
    assert airflow.created() == []


def test_a_killed_step_goes_no_further_and_can_be_run_again(airflow: Airflow) -> None:
    """Nothing is there to be stopped: what was made stays, and a later run takes it."""
    airflow.endpoint.reset({"faults": [{"action": "CreateContext", "pause": "before", "times": 1}]})
    with time_over_in_worker(airflow.endpoint.paused) as limit:
        assert airflow.run(pipeline(STEP), default_args=limit).states == {"Record": "failed"}
    airflow.endpoint.resume()
    assert airflow.endpoint.requests("sagemaker", "AddAssociation") == ()
    again = airflow.run(pipeline(STEP))
    assert again.state == "success"
    assert len(again.xcom("Record")["Associations"]) == 3
    assert [len(airflow.created(f"Create{kind}")) for kind in ("Action", "Artifact")] == [1, 2]
