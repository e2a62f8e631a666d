"""Writes ``trainer_3.json`` with the SageMaker SDK 3, and what it uploads for it (see `offline`).

The SDK's packages are installed as ``tests/corpus_sdk_3/write.py`` says, and nothing of AWS is needed::

    python tests/local_mode/sdk/write_sdk_3.py
"""

from __future__ import annotations

import os

# The SDK makes clients of its own, too. What they would send fails at once.
os.environ |= {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
os.environ |= {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}

from sagemaker.core.parameter import IntegerParameter
from sagemaker.core.processing import FrameworkProcessor
from sagemaker.core.shapes import ProcessingOutput, ProcessingS3Output
from sagemaker.core.training.configs import Compute, InputData, OutputDataConfig, SourceCode, StoppingCondition
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join
from sagemaker.core.workflow.parameters import ParameterFloat
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import ProcessingStep, TrainingStep, TuningStep
from sagemaker.train import ModelTrainer
from sagemaker.train.tuner import HyperparameterTuner

from offline import BUCKET, ROLE, SOURCE, Uploads, offline_session

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
PARTS = ("train", "validation", "batch")


def trainer(session: PipelineSession) -> Pipeline:
    """A framework processor, a training and a tuning job of the model trainer."""
    rate = ParameterFloat(name="Rate", default_value=0.3)
    processor = FrameworkProcessor(
        image_uri=IMAGE,
        command=["python3"],
        role=ROLE,
        instance_count=1,
        instance_type="ml.m5.large",
        sagemaker_session=session,
    )
    split = ProcessingStep(
        name="Split",
        step_args=processor.run(
            code="split.py",
            source_dir=str(SOURCE / "processing"),
            arguments=["--rows", "80"],
            outputs=[
                ProcessingOutput(
                    output_name=part,
                    s3_output=ProcessingS3Output(
                        s3_uri=Join(on="/", values=[f"s3://{BUCKET}", ExecutionVariables.PIPELINE_EXECUTION_ID, part]),
                        local_path=f"/opt/ml/processing/output/{part}",
                        s3_upload_mode="EndOfJob",
                    ),
                )
                for part in PARTS
            ],
        ),
    )
    outputs = split.properties.ProcessingOutputConfig.Outputs
    channels = [InputData(channel_name=part, data_source=outputs[part].S3Output.S3Uri) for part in PARTS[:2]]

    def model_trainer() -> ModelTrainer:
        return ModelTrainer(
            training_image=IMAGE,
            source_code=SourceCode(source_dir=str(SOURCE / "training"), entry_script="fit.py"),
            role=ROLE,
            sagemaker_session=session,
            base_job_name="fit",
            compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=30),
            stopping_condition=StoppingCondition(max_runtime_in_seconds=600),
            output_data_config=OutputDataConfig(s3_output_path=f"s3://{BUCKET}/models"),
            input_data_config=channels,
            hyperparameters={"epochs": 200, "rate": rate},
        )

    fit = TrainingStep(name="Fit", step_args=model_trainer().train())
    tuner = HyperparameterTuner(
        model_trainer=model_trainer(),
        objective_metric_name="validation:loss",
        objective_type="Minimize",
        metric_definitions=[{"Name": "validation:loss", "Regex": r"validation-loss=(\S+)"}],
        hyperparameter_ranges={"epochs": IntegerParameter(1, 60)},
        strategy="Random",
        max_jobs=2,
        max_parallel_jobs=2,
    )
    tune = TuningStep(name="Tune", step_args=tuner.tune(inputs=channels))
    return Pipeline(name="trainer-3", parameters=[rate], steps=[split, fit, tune], sagemaker_session=session)


def main() -> None:
    uploads = Uploads()
    session = PipelineSession(boto_session=offline_session(uploads), default_bucket=BUCKET)
    session._default_bucket = BUCKET
    uploads.write("trainer_3", trainer(session).definition())


if __name__ == "__main__":
    main()
