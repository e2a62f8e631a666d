"""Writes ``framework_2.json`` with the SageMaker SDK 2, and what it uploads for it (see `offline`).

Needs ``pip install "sagemaker<3"`` in an environment of its own, and nothing of AWS::

    python tests/local_mode/sdk/write_sdk_2.py
"""

from __future__ import annotations

import shutil
import tempfile

from sagemaker.inputs import TrainingInput
from sagemaker.model import Model
from sagemaker.processing import FrameworkProcessor, ProcessingOutput
from sagemaker.sklearn import SKLearn, SKLearnModel
from sagemaker.transformer import Transformer
from sagemaker.tuner import ContinuousParameter, HyperparameterTuner, IntegerParameter
from sagemaker.workflow.model_step import ModelStep
from sagemaker.workflow.parameters import ParameterFloat, ParameterInteger
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession
from sagemaker.workflow.steps import ProcessingStep, TrainingStep, TransformStep, TuningStep

from offline import BUCKET, ROLE, SOURCE, Uploads, offline_session

PARTS = ("train", "validation", "batch")
MACHINE = {"role": ROLE, "instance_type": "ml.m5.large", "instance_count": 1}


def framework(session: PipelineSession) -> Pipeline:
    """A framework processor, a training and a tuning job, a repacked model of the best one, and a batch transform."""
    rows, rate = ParameterInteger("Rows", default_value=80), ParameterFloat("Rate", default_value=0.3)
    processor = FrameworkProcessor(
        estimator_cls=SKLearn, framework_version="1.2-1", sagemaker_session=session, **MACHINE
    )
    split = ProcessingStep(
        name="Split",
        step_args=processor.run(
            code="split.py",
            source_dir=str(SOURCE / "processing"),
            arguments=["--rows", rows.to_string()],
            outputs=[ProcessingOutput(output_name=part, source=f"/opt/ml/processing/output/{part}") for part in PARTS],
        ),
    )
    outputs = split.properties.ProcessingOutputConfig.Outputs
    channels = {part: TrainingInput(outputs[part].S3Output.S3Uri, content_type="text/csv") for part in PARTS[:2]}

    def estimator() -> SKLearn:
        return SKLearn(
            entry_point="fit.py",
            source_dir=str(SOURCE / "training"),
            framework_version="1.2-1",
            output_path=f"s3://{BUCKET}/models",
            disable_profiler=True,
            hyperparameters={"epochs": 200, "rate": rate},
            metric_definitions=[{"Name": "validation:loss", "Regex": r"validation-loss=(\S+)"}],
            sagemaker_session=session,
            **MACHINE,
        )

    fit = TrainingStep(name="Fit", step_args=estimator().fit(inputs=channels))
    tuner = HyperparameterTuner(
        estimator(),
        objective_metric_name="validation:loss",
        objective_type="Minimize",
        metric_definitions=[{"Name": "validation:loss", "Regex": r"validation-loss=(\S+)"}],
        hyperparameter_ranges={"epochs": IntegerParameter(1, 60), "rate": ContinuousParameter(0.05, 0.4)},
        strategy="Random",
        random_seed=11,
        max_jobs=3,
        max_parallel_jobs=2,
    )
    tune = TuningStep(name="Tune", step_args=tuner.fit(inputs=channels))
    model = SKLearnModel(
        model_data=tune.get_top_model_s3_uri(top_k=0, s3_bucket=BUCKET, prefix="models"),
        entry_point="serve.py",
        source_dir=str(SOURCE / "training"),
        framework_version="1.2-1",
        role=ROLE,
        sagemaker_session=session,
    )
    create = ModelStep(name="Serve", step_args=model.create(instance_type="ml.m5.large"))
    transformer = Transformer(
        model_name=create.properties.ModelName,
        instance_type="ml.m5.large",
        instance_count=1,
        accept="text/csv",
        assemble_with="Line",
        output_path=f"s3://{BUCKET}/scores",
        sagemaker_session=session,
    )
    score = TransformStep(
        name="Score",
        step_args=transformer.transform(
            data=outputs["batch"].S3Output.S3Uri, content_type="text/csv", split_type="Line"
        ),
    )
    # A plain model with scripts is packed again by a training job.
    packed = Model(
        image_uri=estimator().training_image_uri(),
        model_data=fit.properties.ModelArtifacts.S3ModelArtifacts,
        entry_point="serve.py",
        source_dir=copy_of_training_scripts(),
        role=ROLE,
        sagemaker_session=session,
    )
    register = ModelStep(
        name="Publish",
        step_args=packed.register(
            content_types=["text/csv"],
            response_types=["text/csv"],
            transform_instances=["ml.m5.large"],
            model_package_group_name="lines",
        ),
    )
    steps = [split, fit, tune, create, score, register]
    return Pipeline("framework-2", parameters=[rows, rate], steps=steps, sagemaker_session=session)


def copy_of_training_scripts() -> str:
    """A folder with them: the SDK puts scripts of its own into the folder that it is given."""
    return shutil.copytree(SOURCE / "training", tempfile.mkdtemp(), dirs_exist_ok=True)


def main() -> None:
    uploads = Uploads()
    session = PipelineSession(boto_session=offline_session(uploads), default_bucket=BUCKET)
    uploads.write("framework_2", framework(session).definition())


if __name__ == "__main__":
    main()
