from __future__ import annotations

from airflow_sm_pipelines.aws.access import AwsAccess
from airflow_sm_pipelines.aws.hook import CALLER


def test_the_user_agent_says_who_calls_and_that_it_is_airflow() -> None:
    access = AwsAccess(None, "us-east-1", None, {"user_agent_extra": "team-a"})
    said = access.client("sagemaker").meta.config.user_agent_extra.split()
    assert f"Caller/{CALLER}" in said
    assert any(each.startswith("Airflow/3.") for each in said)
    assert said[-1] == "team-a"
