"""What ``compare`` takes for what Airflow would send is what a run of Airflow has sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore import xform_name

from airflow_sm_pipelines.expressions.results import to_result
from tests.comparing.test_compare import status_of
from tests.runs.harness import BUCKET, IMAGE, ROLE, Airflow, condition, equals, get, pipeline, processing, training
from tests.store.http_service import serving

CALLS = {
    "ProcessingJob": "DescribeProcessingJob",
    "TrainingJob": "DescribeTrainingJob",
    "RegisterModel": "DescribeModelPackage",
}
REGISTER = {
    "Name": "Register",
    "Type": "RegisterModel",
    "Arguments": {
        "ModelPackageGroupName": "group",
        "InferenceSpecification": {
            "Containers": [{"Image": IMAGE, "ModelDataUrl": get("Steps.Train.ModelArtifacts.S3ModelArtifacts")}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    },
}
DATA = {"S3DataType": "S3Prefix", "S3Uri": get("Steps.Prepare.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri")}
DEFINITION = pipeline(
    processing("Prepare"),
    training(
        "Train",
        Arguments={
            "RoleArn": None,
            "HyperParameters": {"depth": get("Parameters.Depth"), "run": get("Execution.PipelineExecutionId")},
            "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": DATA}}],
            "OutputDataConfig": {
                "S3OutputPath": {
                    "Std:Join": {"On": "/", "Values": [f"s3://{BUCKET}", get("Execution.TrainingJobName")]}
                }
            },
        },
    ),
    condition("Check", [equals(get("Parameters.Depth"), 7)], [REGISTER], []),
    Parameters=[{"Name": "Depth", "Type": "Integer", "DefaultValue": 5}],
)


def test_a_run_is_equal_to_itself(
    airflow: Airflow, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = airflow.run(DEFINITION, {"Depth": 7}, dag_id="abalone", role_arn=ROLE)
    assert run.state == "success"
    [sent] = airflow.created("CreateTrainingJob")
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:pipeline/abalone/execution/{sent['HyperParameters']['run']}"
    jobs = {"Prepare": "ProcessingJob", "Train": "TrainingJob", "Register": "RegisterModel"}
    metadata: dict[str, Any] = {
        step: {member: {"Arn": run.xcom(step, "sagemaker")["job_arn"]}} for step, member in jobs.items()
    }
    metadata["Check"] = {"Condition": {"Outcome": str(run.xcom("Check")["Outcome"])}}
    steps = [{"StepName": name, "StepStatus": "Succeeded", "Metadata": member} for name, member in metadata.items()]

    # AWS finds a job by the name that its ARN has, in lower case; the local endpoint does not.
    names = {job.name.lower(): job.name for job in airflow.endpoint.jobs()}

    def described(action: str) -> Any:
        call = getattr(airflow.endpoint.client("sagemaker"), xform_name(action))
        return lambda request: to_result(call(**{key: names.get(name, name) for key, name in request.items()}))

    with serving() as http:
        http.answers |= {action: described(action) for action in CALLS.values()}
        parameters = [{"Name": "Depth", "Value": "7"}]
        http.answers |= {
            "DescribePipelineExecution": lambda _: {"PipelineExecutionStatus": "Succeeded", "CreationTime": 1},
            "DescribePipelineDefinitionForExecution": lambda _: {"PipelineDefinition": json.dumps(DEFINITION)},
            "DescribePipeline": lambda _: {"RoleArn": ROLE},
            "ListPipelineParametersForExecution": lambda _: {"PipelineParameters": parameters},
            "ListPipelineExecutionSteps": lambda _: {"PipelineExecutionSteps": steps},
        }
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", http.url)
        capsys.readouterr()
        status = status_of("abalone", "--execution", arn, "--format", "json")
        said = capsys.readouterr()
    assert said.err == ""
    told = json.loads(said.out)
    assert [step for step in told["steps"] if step["differences"]] == []
    assert (status, told["equal"]) == (0, True)
    assert {step["name"]: step["verdict"] for step in told["steps"]} == dict.fromkeys(metadata, "equal")
