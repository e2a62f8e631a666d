"""What the SageMaker SDK's documentation does with a session, against Airflow: run by the Python that has the SDK.

It knows SDK 2.x and 3.x, and nothing of this repository but the client. Each line that it prints is what it has seen.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import sys
import time
from typing import Any

from botocore.exceptions import ClientError

from airflow_sm_pipelines.client import pipelines_session

ROLE = "arn:aws:iam::123456789012:role/Pipelines"
BUCKET = "sdk-bucket"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/train:1"


class Sdk:
    """The names of one major version."""

    def __init__(self) -> None:
        self.version = importlib.metadata.version("sagemaker")
        self.major = int(self.version.partition(".")[0])
        core, mlops = ("sagemaker.core", "sagemaker.mlops") if self.major >= 3 else ("sagemaker", "sagemaker")
        self.parameters = importlib.import_module(f"{core}.workflow.parameters")
        self.steps = importlib.import_module(f"{mlops}.workflow.steps")
        self.pipeline: Any = importlib.import_module(f"{mlops}.workflow.pipeline").Pipeline
        selective = "selective_execution_config"
        self.selective: Any = importlib.import_module(f"{mlops}.workflow.{selective}").SelectiveExecutionConfig

    def training(self, name: str, session: Any, count: Any) -> Any:
        """A TrainingStep."""
        if self.major >= 3:
            configs = importlib.import_module("sagemaker.core.training.configs")
            trainer = importlib.import_module("sagemaker.train").ModelTrainer(
                training_image=IMAGE,
                role=ROLE,
                compute=configs.Compute(instance_count=count, instance_type="ml.m5.large", volume_size_in_gb=30),
                output_data_config=configs.OutputDataConfig(s3_output_path=f"s3://{BUCKET}/out"),
                sagemaker_session=session,
            )
            return self.steps.TrainingStep(name=name, step_args=trainer.train())
        estimator = importlib.import_module("sagemaker.estimator").Estimator(
            IMAGE,
            ROLE,
            instance_count=count,
            instance_type="ml.m5.large",
            output_path=f"s3://{BUCKET}/out",
            sagemaker_session=session,
        )
        return self.steps.TrainingStep(name=name, step_args=estimator.fit())


def main() -> None:
    sdk = Sdk()
    tell("SDK", sdk.version)
    session = pipelines_session(region_name="us-east-1", session_arguments={"default_bucket": BUCKET})
    count = sdk.parameters.ParameterInteger("InstanceCount", default_value=1)
    managed = sdk.parameters.ParameterBoolean("AppManaged", default_value=False)
    pipeline = sdk.pipeline(
        name=f"sdk-{sdk.major}",
        parameters=[count, managed],
        steps=[sdk.training("Train", session, count)],
        sagemaker_session=session,
    )
    tell("create", pipeline.create(role_arn=ROLE, description="from the SDK")["PipelineArn"])
    changed = pipeline.upsert(
        ROLE, parallelism_config={"MaxParallelExecutionSteps": 5}, tags=[{"Key": "k", "Value": "v"}]
    )
    tell("upsert", changed["PipelineArn"])
    tell("describe", pipeline.describe()["ParallelismConfiguration"])

    execution = pipeline.start({"InstanceCount": 2, "AppManaged": True}, execution_display_name="first")
    tell("start", execution.arn)
    execution.wait(delay=2, max_attempts=90)
    steps = execution.list_steps()
    arn = steps[0]["Metadata"]["TrainingJob"]["Arn"]
    job = session.sagemaker_client.describe_training_job(TrainingJobName=arn.rpartition("/")[2])
    tell(
        "list_steps", steps[0]["StepName"], steps[0]["StepStatus"], "instances:", job["ResourceConfig"]["InstanceCount"]
    )
    described = execution.describe()
    tell("describe", described["PipelineExecutionStatus"], described["PipelineExecutionDisplayName"])
    tell("parameters", execution.list_parameters()["PipelineParameters"])
    check(job["ResourceConfig"]["InstanceCount"] == 2, "the override reached the job")

    again = pipeline.start(
        selective_execution_config=sdk.selective(selected_steps=["Train"], source_pipeline_execution_arn=execution.arn)
    )
    again.wait(delay=2, max_attempts=90)
    tell("selective", again.describe()["SelectiveExecutionConfig"])

    stopped = pipeline.start()
    stopped.stop()
    deadline = time.monotonic() + 60
    while (status := stopped.describe()["PipelineExecutionStatus"]) != "Stopped" and time.monotonic() < deadline:
        time.sleep(1)
    check(status == "Stopped", f"the third execution is {status}")
    listed = pipeline.list_executions()["PipelineExecutionSummaries"]
    tell("list_executions", [each["PipelineExecutionStatus"] for each in listed])
    check(len(listed) == 3, "three executions are listed")
    try:
        pipeline.start({"Instances": 2})
    except ClientError as error:
        tell("refused", error)
    else:
        sys.exit("FAILED: an unknown parameter is not refused")
    tell("delete", pipeline.delete()["PipelineArn"])
    if sdk.major < 3:
        automl_example(sdk, session)


def automl_example(sdk: Sdk, session: Any) -> None:
    """The documentation's AutoML pipeline: the best model is registered with its reports. SDK 3 has no AutoML."""
    automl = importlib.import_module("sagemaker.automl.automl")
    metrics = importlib.import_module("sagemaker.model_metrics")
    job = automl.AutoML(
        role=ROLE,
        target_attribute_name="rings",
        mode="ENSEMBLING",
        total_job_runtime_in_seconds=3600,
        output_path=f"s3://{BUCKET}/automl",
        sagemaker_session=session,
    )
    train = automl.AutoMLInput(inputs=f"s3://{BUCKET}/train", target_attribute_name="rings", channel_type="training")
    step = importlib.import_module("sagemaker.workflow.automl_step").AutoMLStep(
        name="Automl", step_args=job.fit(inputs=[train])
    )
    reports = step.properties.BestCandidateProperties
    best = step.get_best_auto_ml_model(ROLE, sagemaker_session=session)
    registered = best.register(
        content_types=["text/csv"],
        response_types=["text/csv"],
        inference_instances=["ml.m5.large"],
        transform_instances=["ml.m5.large"],
        model_package_group_name="abalone",
        model_metrics=metrics.ModelMetrics(
            model_statistics=metrics.MetricsSource(
                s3_uri=reports.ModelInsightsJsonReportPath, content_type="application/json"
            ),
            explainability=metrics.MetricsSource(
                s3_uri=reports.ExplainabilityJsonReportPath, content_type="application/json"
            ),
        ),
    )
    register = importlib.import_module("sagemaker.workflow.model_step").ModelStep(name="Register", step_args=registered)
    pipeline = sdk.pipeline(name="sdk-automl", steps=[step, register], sagemaker_session=session)
    pipeline.upsert(ROLE)
    execution = pipeline.start()
    execution.wait(delay=2, max_attempts=90)
    steps = {each["StepName"]: each for each in execution.list_steps()}
    tell("AutoML", {name: each["StepStatus"] for name, each in steps.items()})
    [package] = [each["Metadata"]["RegisterModel"]["Arn"] for name, each in steps.items() if name != "Automl"]
    arn = steps["Automl"]["Metadata"]["AutoMLJob"]["Arn"]
    candidate = session.sagemaker_client.describe_auto_ml_job(AutoMLJobName=arn.rpartition("/")[2])["BestCandidate"]
    described = session.sagemaker_client.describe_model_package(ModelPackageName=package)
    told = described["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    tell("model package", package, told)
    check(
        told.startswith(candidate["CandidateProperties"]["CandidateArtifactLocations"]["ModelInsights"]),
        "the model package has the report of the best candidate",
    )
    pipeline.delete()


def tell(*words: object) -> None:
    print(*words, flush=True)


def check(holds: object, what: str) -> None:
    if not holds:
        sys.exit(f"FAILED: {what}")


if __name__ == "__main__":
    os.environ.setdefault("SAGEMAKER_VALIDATE_ROLE", "false")
    main()
