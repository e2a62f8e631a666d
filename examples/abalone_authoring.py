"""Author the example pipeline ``dags/pipelines/abalone.json`` with the SageMaker Python SDK (version 2).

Needs ``pip install "sagemaker<3"`` (best in an environment of its own) and nothing of AWS: see `offline_authoring`.

    python examples/abalone_authoring.py            # write the definition
    python examples/abalone_authoring.py --check    # exit 1 if the committed definition is not this one
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from offline_authoring import BUCKET, REGION, ROLE, author

if TYPE_CHECKING:
    from sagemaker.workflow.pipeline import Pipeline
    from sagemaker.workflow.pipeline_context import PipelineSession

# Relative to this folder, in which `author` works: the SDK's hash is of the path too.
SCRIPTS = Path("abalone")
DEFINITION = Path(__file__).resolve().parent.parent / "dags" / "pipelines" / "abalone.json"

PIPELINE_NAME = "abalone"
MODEL_GROUP = "AbaloneModels"
METRIC_PATH = "regression_metrics.mse.value"


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


if __name__ == "__main__":
    sys.exit(author(build, DEFINITION))
