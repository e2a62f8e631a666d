"""Author the example pipeline ``dags/pipelines/diabetes.json`` with the SageMaker Python SDK (version 2).

Needs ``pip install "sagemaker<3"`` (best in an environment of its own) and nothing of AWS: see `offline_authoring`.

    python examples/diabetes_authoring.py            # write the definition
    python examples/diabetes_authoring.py --check    # exit 1 if the committed definition is not this one
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from offline_authoring import BUCKET, ROLE, author

if TYPE_CHECKING:
    from sagemaker.workflow.pipeline import Pipeline
    from sagemaker.workflow.pipeline_context import PipelineSession

# Relative to this folder, in which `author` works: the SDK's hash is of the path too.
SCRIPTS = Path("diabetes")
DEFINITION = Path(__file__).resolve().parent.parent / "dags" / "pipelines" / "diabetes.json"

PIPELINE_NAME = "diabetes"
FRAMEWORK = "1.2-1"
MODEL_GROUP = "DiabetesModels"
# Told to the scripts, so that they can also run where there is no such folder.
BASE = ["--base-dir", "/opt/ml/processing"]
PARTS = ("train", "validation", "test", "batch")
METRIC_PATH = "regression_metrics.mse.value"


def build(session: PipelineSession) -> Pipeline:
    """Preprocess, train, evaluate; register the model and predict with it if its error is small enough, else fail."""
    from sagemaker.inputs import TrainingInput
    from sagemaker.model import Model
    from sagemaker.model_metrics import MetricsSource, ModelMetrics
    from sagemaker.processing import ProcessingInput, ProcessingOutput
    from sagemaker.sklearn.estimator import SKLearn
    from sagemaker.sklearn.processing import SKLearnProcessor
    from sagemaker.transformer import Transformer
    from sagemaker.workflow.condition_step import ConditionStep
    from sagemaker.workflow.conditions import ConditionLessThanOrEqualTo
    from sagemaker.workflow.execution_variables import ExecutionVariables
    from sagemaker.workflow.fail_step import FailStep
    from sagemaker.workflow.functions import Join, JsonGet
    from sagemaker.workflow.model_step import ModelStep
    from sagemaker.workflow.parameters import ParameterFloat, ParameterInteger, ParameterString
    from sagemaker.workflow.pipeline import Pipeline
    from sagemaker.workflow.properties import PropertyFile
    from sagemaker.workflow.steps import ProcessingStep, TrainingStep, TransformStep

    input_data_url = ParameterString("InputDataUrl", default_value=f"s3://{BUCKET}/{PIPELINE_NAME}/data/diabetes.csv")
    instance_type = ParameterString("InstanceType", default_value="ml.m5.large")
    trees = ParameterInteger("Trees", default_value=200)
    learning_rate = ParameterFloat("LearningRate", default_value=0.05)
    mse_threshold = ParameterFloat("MseThreshold", default_value=3500.0)
    approval_status = ParameterString(
        "ModelApprovalStatus",
        default_value="PendingManualApproval",
        enum_values=["PendingManualApproval", "Approved", "Rejected"],
    )

    def processor() -> SKLearnProcessor:
        return SKLearnProcessor(
            framework_version=FRAMEWORK,
            role=ROLE,
            instance_type=instance_type,
            instance_count=1,
            max_runtime_in_seconds=600,
            sagemaker_session=session,
        )

    preprocess = ProcessingStep(
        name="Preprocess",
        description="Split the rows into train, validation and test.",
        step_args=processor().run(
            code=str(SCRIPTS / "preprocess.py"),
            arguments=[*BASE, "--seed", "17"],
            inputs=[ProcessingInput(input_name="table", source=input_data_url, destination="/opt/ml/processing/input")],
            outputs=[ProcessingOutput(output_name=name, source=f"/opt/ml/processing/{name}") for name in PARTS],
        ),
    )
    outputs = preprocess.properties.ProcessingOutputConfig.Outputs
    parts = {name: outputs[name].S3Output.S3Uri for name in PARTS}

    estimator = SKLearn(
        entry_point="train.py",
        source_dir=str(SCRIPTS / "training"),
        framework_version=FRAMEWORK,
        role=ROLE,
        instance_type=instance_type,
        instance_count=1,
        max_run=600,
        output_path=f"s3://{BUCKET}/{PIPELINE_NAME}/models",
        disable_profiler=True,
        hyperparameters={"n-estimators": trees, "max-depth": 2, "learning-rate": learning_rate},
        metric_definitions=[
            {"Name": "train:mse", "Regex": r"train-mse: ([0-9\.]+)"},
            {"Name": "validation:mse", "Regex": r"validation-mse: ([0-9\.]+)"},
        ],
        sagemaker_session=session,
    )
    train = TrainingStep(
        name="Train",
        description="Fit gradient-boosted trees to the progression of the disease.",
        step_args=estimator.fit(
            inputs={
                name: TrainingInput(s3_data=parts[name], content_type="text/csv") for name in ("train", "validation")
            }
        ),
    )
    model_data = train.properties.ModelArtifacts.S3ModelArtifacts

    report = PropertyFile(name="EvaluationReport", output_name="evaluation", path="evaluation.json")
    evaluate = ProcessingStep(
        name="Evaluate",
        description="Measure the model's error on the test rows.",
        property_files=[report],
        step_args=processor().run(
            code=str(SCRIPTS / "evaluate.py"),
            arguments=BASE,
            inputs=[
                ProcessingInput(input_name="model", source=model_data, destination="/opt/ml/processing/model"),
                ProcessingInput(input_name="test", source=parts["test"], destination="/opt/ml/processing/test"),
            ],
            outputs=[ProcessingOutput(output_name="evaluation", source="/opt/ml/processing/evaluation")],
        ),
    )
    report_uri = evaluate.properties.ProcessingOutputConfig.Outputs["evaluation"].S3Output.S3Uri
    mse = JsonGet(step_name=evaluate.name, property_file=report, json_path=METRIC_PATH)

    model = Model(
        image_uri=estimator.training_image_uri(),
        model_data=model_data,
        role=ROLE,
        # The training job leaves the script that serves the model in the model's archive.
        env={"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"},
        sagemaker_session=session,
    )
    create = ModelStep(
        name="Serve",
        description="A model that endpoints and batch transforms can use.",
        step_args=model.create(instance_type="ml.m5.large"),
    )
    register = ModelStep(
        name="Publish",
        description="A new version in the model registry, with the evaluation beside it.",
        step_args=model.register(
            content_types=["text/csv"],
            response_types=["text/csv"],
            inference_instances=["ml.m5.large"],
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
    predict = TransformStep(
        name="Predict",
        description="A batch transform of the held-out rows.",
        step_args=Transformer(
            model_name=create.properties.ModelName,
            instance_type=instance_type,
            instance_count=1,
            accept="text/csv",
            assemble_with="Line",
            output_path=Join(
                on="/",
                values=["s3:/", BUCKET, PIPELINE_NAME, ExecutionVariables.PIPELINE_EXECUTION_ID, "Predict", "output"],
            ),
            sagemaker_session=session,
        ).transform(data=parts["batch"], content_type="text/csv", split_type="Line"),
    )
    reject = FailStep(
        name="Reject",
        description="Ends the run: the model is not good enough to be registered.",
        error_message=Join(
            on=" ",
            values=["The model is rejected: its mean squared error", mse, "is above", mse_threshold],
        ),
    )
    decide = ConditionStep(
        name="CheckMse",
        description="Is the mean squared error at most MseThreshold?",
        conditions=[ConditionLessThanOrEqualTo(left=mse, right=mse_threshold)],
        if_steps=[create, register, predict],
        else_steps=[reject],
    )

    return Pipeline(
        name=PIPELINE_NAME,
        parameters=[input_data_url, instance_type, trees, learning_rate, mse_threshold, approval_status],
        pipeline_experiment_config=None,
        steps=[preprocess, train, evaluate, decide],
        sagemaker_session=session,
    )


if __name__ == "__main__":
    sys.exit(author(build, DEFINITION))
