"""What a run sees of its caller's environment."""

from __future__ import annotations

from pathlib import Path

from airflow_sm_pipelines.running.environment import environment_of, environment_with_endpoint

HOME = Path("/runs/one")
CALLER = {
    "PATH": "/bin",
    "AIRFLOW_HOME": "/production",
    "AIRFLOW_CONFIG": "/production/airflow.cfg",
    "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD": "cat secret",
    "AIRFLOW__OPENLINEAGE__TRANSPORT": "{}",
    "AIRFLOW__SAGEMAKER_PIPELINES__PARALLELISM": "3",
    "AIRFLOW__SAGEMAKER_PIPELINES__POLL_INTERVAL": "60",
    "AIRFLOW__SECRETS__BACKEND": "a.backend",
    "AIRFLOW_CONN_AWS_DEFAULT": "aws://key:secret@",
    "AIRFLOW_VAR_COLOUR": "blue",
    "AWS_PROFILE": "production",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_ENDPOINT_URL_S3": "https://s3.example.com",
    "AWS_REGION": "eu-west-1",
}


def test_a_run_in_aws_has_the_callers_credentials_and_an_airflow_of_its_own() -> None:
    found = environment_of(CALLER, HOME, {"poll_interval": "5"}, {"aws_prod": '{"conn_type": "aws"}'})
    kept = ("PATH", "AIRFLOW_CONN_AWS_DEFAULT", "AIRFLOW_VAR_COLOUR", "AIRFLOW__SECRETS__BACKEND", "AWS_PROFILE")
    assert {name: found[name] for name in kept} == {name: CALLER[name] for name in kept}
    assert found["AIRFLOW__SAGEMAKER_PIPELINES__PARALLELISM"] == "3"
    assert found["AIRFLOW__SAGEMAKER_PIPELINES__POLL_INTERVAL"] == "5"
    assert found["AIRFLOW_CONN_AWS_PROD"] == '{"conn_type": "aws"}'
    assert found["AIRFLOW_HOME"] == "/runs/one"
    assert found["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == "sqlite:////runs/one/airflow.db"
    assert found["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    left_out = {"AIRFLOW_CONFIG", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD", "AIRFLOW__OPENLINEAGE__TRANSPORT"}
    assert left_out & found.keys() == set()


def test_nothing_in_a_run_against_an_endpoint_leads_to_a_real_account() -> None:
    found = environment_with_endpoint(CALLER, HOME, {}, "http://127.0.0.1:5000", "aws_prod")
    assert "secret" not in str(found)
    assert not {"AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "AIRFLOW_CONN_AWS_DEFAULT", "AIRFLOW__SECRETS__BACKEND"} & set(
        found
    )
    assert found["AWS_ENDPOINT_URL"] == "http://127.0.0.1:5000"
    assert found["AWS_CONFIG_FILE"] == found["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"
    assert found["AIRFLOW_CONN_AWS_PROD"] == "aws://"
    assert found["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert found["AIRFLOW__SAGEMAKER_PIPELINES__PARALLELISM"] == "3"
    nameless = environment_with_endpoint({}, HOME, {}, "http://127.0.0.1:5000", None)
    assert nameless["AWS_DEFAULT_REGION"] == "us-east-1"
    assert [name for name in nameless if name.startswith("AIRFLOW_CONN")] == []
