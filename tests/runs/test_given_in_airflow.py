"""What Airflow's users give a Dag, in what reaches AWS: connection and region, roles, Params of the Dag's own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.runs.harness import ROLE, Airflow, get, pipeline, training
from tests.runs.test_tuning_and_automl import tuning

OTHER = "arn:aws:iam::123456789012:role/Production"
THIRD = "arn:aws:iam::123456789012:role/Third"
PARAMETERS = [{"Name": "Role", "Type": "String", "DefaultValue": THIRD}]


def lacking(name: str) -> Any:
    step = training(name)
    del step["Arguments"]["RoleArn"]
    return step


DEFINITION = pipeline(
    training("Literal"),
    training("ByParameter", Arguments={"RoleArn": get("Parameters.Role")}),
    lacking("Missing"),
    tuning("Nested"),
    Parameters=PARAMETERS,
)


def roles_sent(airflow: Airflow) -> dict[str, str]:
    sent = {}
    for request in airflow.created():
        name = str(request.get("TrainingJobName") or request.get("HyperParameterTuningJobName"))
        nested = request.get("TrainingJobDefinition", request)
        sent[name.rpartition("-")[2] if "TrainingJobDefinition" in request else name.split("-")[2]] = nested["RoleArn"]
    return sent


@pytest.mark.parametrize(
    ("roles", "role_arn", "sent"),
    [
        ({ROLE: OTHER, THIRD: ROLE}, ROLE, {"Literal": OTHER, "ByParameter": ROLE, "Missing": ROLE, "Nested": OTHER}),
        ({"*": OTHER}, None, dict.fromkeys(("Literal", "ByParameter", "Missing", "Nested"), OTHER)),
    ],
)
def test_roles_reach_aws_wherever_they_stand(
    airflow: Airflow, roles: dict[str, str], role_arn: str | None, sent: dict[str, str]
) -> None:
    run = airflow.run(DEFINITION, roles=roles, role_arn=role_arn)
    assert run.state == "success"
    assert roles_sent(airflow) == sent
    assert run.rendered("Literal")["request"]["RoleArn"] == OTHER


def test_a_run_is_given_a_param_of_the_dags_own_and_goes_to_the_region_of_the_default_args(airflow: Airflow) -> None:
    arguments: dict[str, Any] = {
        "params": {"team": "ml"},
        "default_args": {"region_name": "eu-west-1", "aws_conn_id": None, "retries": 1, "retry_delay": 3},
    }
    run = airflow.run(pipeline(training("Train"), Parameters=PARAMETERS), {"team": "forecasts"}, **arguments)
    assert run.state == "success"
    assert run.xcom("Train")["TrainingJobArn"].startswith("arn:aws:sagemaker:eu-west-1:")
    [request] = airflow.created("CreateTrainingJob")
    assert {*request} == {*training("Train")["Arguments"], "TrainingJobName"}
    run = airflow.run(pipeline(training("Train"), Parameters=PARAMETERS), {"taem": "forecasts"}, **arguments)
    assert run.states == {"Train": "failed"}
