"""Author the example pipeline ``dags/pipelines/abalone.json`` with the SageMaker Python SDK (version 2).

Needs ``pip install "sagemaker<3"`` (best in an environment of its own) and nothing of AWS: no account, no
credentials, no network. Where the SDK would upload a script it talks to `offline_boto_session`. The
scripts' S3 keys hold a hash of their contents, so the definition changes only when the pipeline, a script
or the SDK does. For a pipeline of your own on a real account, pass an ordinary ``PipelineSession()``:
the SDK then uploads the scripts to the places that the definition names.

    python examples/abalone_authoring.py            # write the definition
    python examples/abalone_authoring.py --check    # exit 1 if the committed definition is not this one
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import boto3
    from botocore.awsrequest import AWSResponse
    from botocore.model import OperationModel
    from sagemaker.workflow.pipeline import Pipeline
    from sagemaker.workflow.pipeline_context import PipelineSession

HERE = Path(__file__).resolve().parent
SCRIPTS = HERE / "abalone"
DEFINITION = HERE.parent / "dags" / "pipelines" / "abalone.json"

PIPELINE_NAME = "abalone"
REGION = "us-east-1"
BUCKET = "sagemaker-us-east-1-123456789012"
ROLE = "arn:aws:iam::123456789012:role/SageMakerExecutionRole"
MODEL_GROUP = "AbaloneModels"
METRIC_PATH = "regression_metrics.mse.value"


def offline_boto_session() -> boto3.Session:
    """A boto3 session that sends nothing: the calls of an upload are answered here, any other is an error."""
    import boto3
    import botocore.session
    from botocore.awsrequest import AWSResponse

    answers: dict[str, dict[str, Any]] = {
        "ListBuckets": {"Buckets": [{"Name": BUCKET, "CreationDate": datetime(2026, 1, 1, tzinfo=UTC)}]},
        "HeadBucket": {},
        "PutObject": {},
    }

    def answer(model: OperationModel, **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
        if model.service_model.service_name != "s3" or model.name not in answers:
            raise RuntimeError(f"authoring is offline, yet the SDK called {model}")
        return AWSResponse(model.name, 200, {}, None), answers[model.name]

    core = botocore.session.get_session()
    core.register("before-call", answer)
    return boto3.Session(
        aws_access_key_id="offline",
        aws_secret_access_key="offline",  # noqa: S106 - signs requests that are never sent
        region_name=REGION,
        botocore_session=core,
    )


def build(session: PipelineSession) -> Pipeline:
    """Preprocess, train, evaluate; register the model if its error is small enough, else fail."""
    from sagemaker import image_uris
    from sagemaker.estimator import Estimator
    from sagemaker.inputs import TrainingInput
    from sagemaker.model import Model
    from sagemaker.model_metrics import MetricsSource, ModelMetrics
    from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor
    from sagemaker.sklearn.processing import SKLearnProcessor
    from sagemaker.workflow.condition_step import ConditionStep
    from sagemaker.workflow.conditions import ConditionLessThanOrEqualTo
    from sagemaker.workflow.fail_step import FailStep
    from sagemaker.workflow.functions import Join, JsonGet
    from sagemaker.workflow.model_step import ModelStep
    from sagemaker.workflow.parameters import (
        ParameterBoolean,
        ParameterFloat,
        ParameterInteger,
        ParameterString,
    )
    from sagemaker.workflow.pipeline import Pipeline
    from sagemaker.workflow.properties import PropertyFile
    from sagemaker.workflow.retry import (
        SageMakerJobExceptionTypeEnum,
        SageMakerJobStepRetryPolicy,
        StepExceptionTypeEnum,
        StepRetryPolicy,
    )
    from sagemaker.workflow.steps import ProcessingStep, TrainingStep

    input_data_url = ParameterString(
        "InputDataUrl",
        default_value="s3://sagemaker-sample-files/datasets/tabular/uci_abalone/abalone.csv",
    )
    processing_instance_type = ParameterString(
        "ProcessingInstanceType",
        default_value="ml.m5.large",
        enum_values=["ml.m5.large", "ml.m5.xlarge", "ml.m5.2xlarge"],
    )
    training_instance_count = ParameterInteger("TrainingInstanceCount", default_value=1)
    training_instance_type = ParameterString("TrainingInstanceType", default_value="ml.m5.xlarge")
    encrypt_traffic = ParameterBoolean("EncryptInterContainerTraffic", default_value=False)
    learning_rate = ParameterFloat("LearningRate", default_value=0.2)
    mse_threshold = ParameterFloat("MseThreshold", default_value=6.0)
    approval_status = ParameterString(
        "ModelApprovalStatus",
        default_value="PendingManualApproval",
        enum_values=["PendingManualApproval", "Approved", "Rejected"],
    )

    preprocess = ProcessingStep(
        name="PreprocessAbalone",
        display_name="Preprocess",
        description="Fill gaps, encode sex, and split the rows into train, validation and test.",
        step_args=SKLearnProcessor(
            framework_version="1.2-1",
            role=ROLE,
            instance_type=processing_instance_type,
            instance_count=1,
            sagemaker_session=session,
        ).run(
            code=str(SCRIPTS / "preprocess.py"),
            arguments=["--seed", "17"],
            inputs=[
                ProcessingInput(input_name="abalone", source=input_data_url, destination="/opt/ml/processing/input")
            ],
            outputs=[
                ProcessingOutput(output_name=name, source=f"/opt/ml/processing/{name}")
                for name in ("train", "validation", "test")
            ],
        ),
    )
    splits = preprocess.properties.ProcessingOutputConfig.Outputs

    image = image_uris.retrieve("xgboost", region=REGION, version="1.7-1", instance_type="ml.m5.xlarge")
    estimator = Estimator(
        image_uri=image,
        role=ROLE,
        instance_type=training_instance_type,
        instance_count=training_instance_count,
        volume_size=30,
        max_run=3600,
        output_path=f"s3://{BUCKET}/{PIPELINE_NAME}/models",
        encrypt_inter_container_traffic=encrypt_traffic,
        disable_profiler=True,
        debugger_hook_config=False,
        sagemaker_session=session,
        hyperparameters={
            "objective": "reg:squarederror",
            "num_round": 50,
            "max_depth": 5,
            "eta": learning_rate,
            "subsample": 0.7,
        },
    )
    train = TrainingStep(
        name="TrainAbalone",
        display_name="Train",
        description="Fit gradient-boosted trees to the number of rings.",
        step_args=estimator.fit(
            inputs={
                channel: TrainingInput(s3_data=splits[channel].S3Output.S3Uri, content_type="text/csv")
                for channel in ("train", "validation")
            }
        ),
        retry_policies=[
            StepRetryPolicy(exception_types=[StepExceptionTypeEnum.THROTTLING], max_attempts=3),
            SageMakerJobStepRetryPolicy(
                exception_types=[SageMakerJobExceptionTypeEnum.CAPACITY_ERROR],
                interval_seconds=60,
                backoff_rate=2.0,
                max_attempts=3,
            ),
        ],
    )
    model_data = train.properties.ModelArtifacts.S3ModelArtifacts

    report = PropertyFile(name="EvaluationReport", output_name="evaluation", path="evaluation.json")
    evaluate = ProcessingStep(
        name="EvaluateAbalone",
        display_name="Evaluate",
        description="Measure the model's error on the test rows.",
        property_files=[report],
        step_args=ScriptProcessor(
            image_uri=image,
            command=["python3"],
            role=ROLE,
            instance_type=processing_instance_type,
            instance_count=1,
            sagemaker_session=session,
        ).run(
            code=str(SCRIPTS / "evaluate.py"),
            inputs=[
                ProcessingInput(input_name="model", source=model_data, destination="/opt/ml/processing/model"),
                ProcessingInput(
                    input_name="test",
                    source=splits["test"].S3Output.S3Uri,
                    destination="/opt/ml/processing/test",
                ),
            ],
            outputs=[ProcessingOutput(output_name="evaluation", source="/opt/ml/processing/evaluation")],
        ),
    )
    report_uri = evaluate.properties.ProcessingOutputConfig.Outputs["evaluation"].S3Output.S3Uri
    mse = JsonGet(step_name=evaluate.name, property_file=report, json_path=METRIC_PATH)

    model = Model(image_uri=image, model_data=model_data, role=ROLE, sagemaker_session=session)
    create = ModelStep(
        name="ServeAbalone",
        display_name="Create model",
        description="A model that endpoints and batch transforms can use.",
        step_args=model.create(instance_type="ml.m5.large"),
    )
    register = ModelStep(
        name="PublishAbalone",
        display_name="Register model",
        description="A new version in the model registry, with the evaluation beside it.",
        step_args=model.register(
            content_types=["text/csv"],
            response_types=["text/csv"],
            inference_instances=["ml.t2.medium", "ml.m5.large"],
            transform_instances=["ml.m5.large"],
            model_package_group_name=MODEL_GROUP,
            approval_status=approval_status,
            model_metrics=ModelMetrics(
                model_statistics=MetricsSource(
                    content_type="application/json",
                    s3_uri=Join(on="/", values=[report_uri, report.path]),
                )
            ),
        ),
    )
    reject = FailStep(
        name="RejectAbalone",
        display_name="Reject model",
        description="Ends the run: the model is not good enough to be registered.",
        error_message=Join(
            on=" ",
            values=["The model is rejected: its mean squared error", mse, "is above", mse_threshold],
        ),
    )
    decide = ConditionStep(
        name="CheckMse",
        display_name="Good enough?",
        description="Is the mean squared error at most MseThreshold?",
        conditions=[ConditionLessThanOrEqualTo(left=mse, right=mse_threshold)],
        if_steps=[create, register],
        else_steps=[reject],
    )

    return Pipeline(
        name=PIPELINE_NAME,
        parameters=[
            input_data_url,
            processing_instance_type,
            training_instance_count,
            training_instance_type,
            encrypt_traffic,
            learning_rate,
            mse_threshold,
            approval_status,
        ],
        pipeline_experiment_config=None,
        steps=[preprocess, train, evaluate, decide],
        sagemaker_session=session,
    )


def definition_text() -> str:
    """The definition as it is committed: indented, keys in the SDK's order, one newline at the end."""
    os.environ["SAGEMAKER_SUPPRESS_V2_WARNING"] = "1"
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # Our own defaults, so that no settings of this user or machine flow into the definition. The SDK
        # reads them both when it is imported and when the session is made.
        defaults = Path(folder) / "config.yaml"
        defaults.write_text("{SchemaVersion: '1.0', SageMaker: {PythonSDK: {Modules: {TelemetryOptOut: true}}}}")
        for name in ("SAGEMAKER_ADMIN_CONFIG_OVERRIDE", "SAGEMAKER_USER_CONFIG_OVERRIDE"):
            os.environ[name] = str(defaults)
        from sagemaker.workflow.pipeline_context import PipelineSession

        warnings.filterwarnings("ignore", message="Running within a PipelineSession")
        session = PipelineSession(boto_session=offline_boto_session(), default_bucket=BUCKET)
        definition = json.loads(build(session).definition())
    return json.dumps(definition, indent=2) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Author the Abalone example pipeline.")
    parser.add_argument("--check", action="store_true", help="only compare with the file in dags/pipelines")
    options = parser.parse_args()

    text = definition_text()
    if not options.check:
        DEFINITION.parent.mkdir(parents=True, exist_ok=True)
        DEFINITION.write_text(text, encoding="utf-8")
        print(f"wrote {DEFINITION}")
        return 0
    if not DEFINITION.exists() or DEFINITION.read_text(encoding="utf-8") != text:
        print(f"{DEFINITION} is not what this script builds; run it without --check", file=sys.stderr)
        return 1
    print(f"{DEFINITION} is up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main())
