"""One pipeline for both local modes: the SDK's own and this package's.

    python compared.py define FOLDER                  # writes compared.json, and what the SDK uploads for it
    python compared.py execute ENDPOINT LIMIT         # runs it by the SDK's local executor; prints what came of it

The executor's containers are those of ``stub/docker``, which has to come first on the path.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor
from sagemaker.s3 import S3Uploader
from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionLessThanOrEqualTo
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.functions import Join, JsonGet
from sagemaker.workflow.parameters import ParameterFloat, ParameterInteger
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import LocalPipelineSession, PipelineSession
from sagemaker.workflow.properties import PropertyFile
from sagemaker.workflow.steps import ProcessingStep, TrainingStep

from offline import BUCKET, REGION, ROLE, SOURCE, Uploads, offline_session

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/python:1"
ML = "/opt/ml/processing"


def build(session: Any) -> Pipeline:
    """Make points, fit a slope, measure it; where it is good make more points, else fail."""
    count, limit = ParameterInteger("Count", default_value=30), ParameterFloat("Limit", default_value=0.1)
    processor = ScriptProcessor(
        image_uri=IMAGE,
        command=["python3"],
        role=ROLE,
        instance_type="ml.m5.large",
        instance_count=1,
        sagemaker_session=session,
    )

    def points(name: str) -> ProcessingStep:
        return ProcessingStep(
            name=name,
            step_args=processor.run(
                code=str(SOURCE / "compared" / "points.py"),
                arguments=["--count", count.to_string(), "--output", f"{ML}/points"],
                outputs=[ProcessingOutput(f"{ML}/points", f"s3://{BUCKET}/compared/{name}", "points")],
            ),
        )

    made = points("Points")
    uri = made.properties.ProcessingOutputConfig.Outputs["points"].S3Output.S3Uri
    code = S3Uploader.upload(
        str(SOURCE / "compared" / "slope.py"), f"s3://{BUCKET}/compared/code", sagemaker_session=session
    )
    estimator = Estimator(
        image_uri=IMAGE,
        role=ROLE,
        instance_type="ml.m5.large",
        instance_count=1,
        container_entry_point=["python3", "/opt/ml/input/data/code/slope.py"],
        hyperparameters={"shrink": 0.5},
        output_path=f"s3://{BUCKET}/compared/models",
        disable_profiler=True,
        sagemaker_session=session,
    )
    fit = TrainingStep(
        name="Slope", step_args=estimator.fit({"points": TrainingInput(uri), "code": TrainingInput(code)})
    )
    report = PropertyFile("Report", "report", "report.json")
    measure = ProcessingStep(
        name="Measure",
        property_files=[report],
        step_args=processor.run(
            code=str(SOURCE / "compared" / "measure.py"),
            arguments=["--model", f"{ML}/model", "--points", f"{ML}/points", "--report", f"{ML}/report"],
            inputs=[
                ProcessingInput(fit.properties.ModelArtifacts.S3ModelArtifacts, f"{ML}/model", input_name="model"),
                ProcessingInput(uri, f"{ML}/points", input_name="points"),
            ],
            outputs=[ProcessingOutput(f"{ML}/report", f"s3://{BUCKET}/compared/report", "report")],
        ),
    )
    loss = JsonGet(step_name="Measure", property_file=report, json_path="loss")
    check = ConditionStep(
        name="Check",
        conditions=[ConditionLessThanOrEqualTo(left=loss, right=limit)],
        if_steps=[points("More")],
        else_steps=[FailStep("Refuse", error_message=Join(on=" ", values=["the loss", loss, "is above", limit]))],
    )
    return Pipeline(
        "compared",
        parameters=[count, limit],
        # The SDK's local mode knows no experiments.
        pipeline_experiment_config=None,
        steps=[made, fit, measure, check],
        sagemaker_session=session,
    )


def define(folder: Path) -> None:
    uploads = Uploads(folder)
    session = PipelineSession(boto_session=offline_session(uploads), default_bucket=BUCKET)
    uploads.write("compared", build(session).definition())


def execute(endpoint: str, limit: float) -> dict[str, Any]:
    import boto3
    from sagemaker.local.pipeline import LocalPipelineExecutor

    boto_session = boto3.Session(aws_access_key_id="local", aws_secret_access_key="local", region_name=REGION)
    session = LocalPipelineSession(
        boto_session=boto_session, default_bucket=BUCKET, s3_endpoint_url=endpoint, disable_local_code=True
    )
    pipeline = build(session)
    pipeline.create(ROLE)
    execution = pipeline.start({"Limit": limit})
    executor = LocalPipelineExecutor(execution, session)
    steps = {step["StepName"]: step for step in execution.list_steps()["PipelineExecutionSteps"]}
    requests = {
        name: executor.evaluate_step_arguments(executor.pipeline_dag.step_map[name])
        for name, step in steps.items()
        if name not in ("Check", "Refuse") and step["StepStatus"] == "Succeeded"
    }
    return {
        "status": execution.describe()["PipelineExecutionStatus"],
        "states": {name: step["StepStatus"] for name, step in steps.items()},
        "outcome": steps["Check"]["Metadata"]["Condition"]["Outcome"],
        "failure": steps.get("Refuse", {}).get("FailureReason"),
        "requests": requests,
    }


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["define", folder]:
            define(Path(folder))
        case ["execute", endpoint, limit]:
            sys.stdout.write("\n" + json.dumps(execute(endpoint, float(limit))) + "\n")
        case _:
            sys.exit(__doc__)
