"""What a deployment does not allow, and only a run can tell: the step fails before its first call."""

from __future__ import annotations

from typing import Any

import pytest

from tests.runs.harness import BUCKET, ROLE, Airflow, get, pipeline, processing, training
from tests.runs.test_lambda import function

OTHER_ROLE = "arn:aws:iam::123456789012:role/Admin"
QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/q"
PARAMETERS = [{"Name": "X", "Type": "String", "DefaultValue": "?"}]
X = get("Parameters.X")
CASES = {
    "role_arns": (ROLE, OTHER_ROLE, training("S", Arguments={"RoleArn": X})),
    "lambda_arns": ("*:function:ml-*", "other", function("S", FunctionArn=X)),
    "queue_urls": ("https://*/ml-*", QUEUE, {"Name": "S", "Type": "Callback", "SqsQueueUrl": X, "Arguments": {}}),
    "s3_prefixes": (
        f"s3://{BUCKET}/",
        "s3://elsewhere/x.json",
        function("S", Arguments={"read": {"Std:JsonGet": {"S3Uri": X, "Path": "a"}}}),
    ),
    "regions": ("eu-*", "", function("S")),
}


def allow(monkeypatch: pytest.MonkeyPatch, **globs: str) -> None:
    for name, text in globs.items():
        monkeypatch.setenv(f"AIRFLOW__SAGEMAKER_PIPELINES__ALLOWED_{name.upper()}", text)


@pytest.mark.parametrize("name", CASES)
def test_what_an_expression_gives_is_judged_before_the_first_call(
    name: str, airflow: Airflow, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    glob, value, step = CASES[name]
    if name == "regions":
        # The literal ARN names a region too, and is a finding.
        step = {**step, "FunctionArn": "compute"}
    allow(monkeypatch, **{name: glob})
    run = airflow.run(pipeline(step, Parameters=PARAMETERS), {"X": value})
    assert run.state == "failed"
    assert [request.action for request in airflow.endpoint.requests()] == []
    assert f"[sagemaker_pipelines] allowed_{name} is {glob}" in capfd.readouterr().out


def test_the_pipelines_own_role_is_judged_where_it_fills_a_missing_one(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(monkeypatch, role_arns=ROLE)
    step = training("S")
    del step["Arguments"]["RoleArn"]
    assert airflow.run(pipeline(step), role_arn=OTHER_ROLE).state == "failed"
    assert airflow.endpoint.requests() == ()
    assert airflow.run(pipeline(step), role_arn=ROLE).state == "success"


def test_what_is_allowed_runs(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    everything: dict[str, Any] = {"role_arns": ROLE, "regions": "us-east-1", "step_types": "Processing, Lambda"}
    allow(monkeypatch, **everything, lambda_arns="arn:aws:lambda:*:*:function:comp*", s3_prefixes=f"s3://{BUCKET}/P/")
    airflow.endpoint.reset({"jobs": [{"kind": "processing", "outputs": {"out": {"report.json": {"a": 1}}}}]})
    airflow.endpoint.put_function("compute", lambda event: {})
    read = {"Std:JsonGet": {"PropertyFile": get("Steps.P.PropertyFiles.Report"), "Path": "a"}}
    run = airflow.run(pipeline(processing("P"), function("S", Arguments={"a": read})))
    assert run.state == "success"
