"""Writes what the SageMaker SDK 3.27 makes of every step type that it has, one definition for each, beside this file.

But AutoML: its step asks for a method of the session that 3.27 no longer has, so none can be made.

It runs in an environment of the SDK, without an account: nothing is sent to AWS. The SDK's packages are installed
without their dependencies (pip cannot resolve them), and then those that the modules of pipelines import::

    pip install --no-deps sagemaker-mlops==1.27.0 sagemaker-train==1.27.0 sagemaker-serve==1.27.0 \\
        sagemaker-core==2.27.0
    pip install "boto3>=1.43.90" pydantic pyyaml "jsonschema<5" "platformdirs<5" "rich<15" "mock<5" \\
        "importlib-metadata<7" pytz requests attrs "protobuf<7" pandas numpy smdebug_rulesconfig schema omegaconf \\
        cloudpickle paramiko tblib "cryptography>=46" jinja2 nest_asyncio deepdiff tqdm psutil "graphene<4" docker
    python tests/corpus_sdk_3/write.py
"""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ |= {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    # What would be sent fails at once.
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_MAX_ATTEMPTS": "1",
}

from botocore.client import BaseClient
from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.shapes import ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output
from sagemaker.core.training.configs import Compute, InputData, OutputDataConfig, StoppingCondition
from sagemaker.core.transformer import Transformer
from sagemaker.core.workflow.conditions import (
    ConditionEquals,
    ConditionGreaterThanOrEqualTo,
    ConditionIn,
    ConditionNot,
    ConditionOr,
)
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterFloat, ParameterInteger, ParameterString
from sagemaker.core.workflow.pipeline_capture import capture_create_job_request
from sagemaker.core.workflow.pipeline_context import PipelineSession, _ModelStepArguments, _StepArguments
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.callback_step import CallbackOutput, CallbackOutputTypeEnum, CallbackStep
from sagemaker.mlops.workflow.cleanup_step import CleanupStep, S3CleanupSource
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.emr_serverless_step import EMRServerlessJobConfig, EMRServerlessStep
from sagemaker.mlops.workflow.emr_step import EMRStep, EMRStepConfig
from sagemaker.mlops.workflow.endpoint_step import EndpointConfigStep, EndpointStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.for_each_step import CurrentItem, ForEachSelector, ForEachStep, IterationOutput
from sagemaker.mlops.workflow.inference_component_step import InferenceComponentStep
from sagemaker.mlops.workflow.lambda_step import LambdaOutput, LambdaOutputTypeEnum, LambdaStep
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.retry import (
    SageMakerJobExceptionTypeEnum,
    SageMakerJobStepRetryPolicy,
    StepExceptionTypeEnum,
    StepRetryPolicy,
)
from sagemaker.mlops.workflow.step_dependency import StepDependency, TriggerCondition
from sagemaker.mlops.workflow.steps import CacheConfig, ProcessingStep, TrainingStep, TransformStep, TuningStep

HERE = Path(__file__).parent
ANSWERS: dict[str, Any] = {
    "GetCallerIdentity": {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:role/SageMakerRole"},
    "HeadBucket": {},
    "DescribeModel": {
        "ModelName": "model",
        "ModelArn": "arn:aws:sagemaker:us-east-1:123456789012:model/model",
        "CreationTime": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
        "PrimaryContainer": {"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/image:1"},
    },
    "PutObject": {},
    "SimulatePrincipalPolicy": {"EvaluationResults": [], "IsTruncated": False},
    "GetRole": {"Role": {"Arn": "arn:aws:iam::123456789012:role/SageMakerRole"}},
}
"""What AWS would answer where the SDK asks it something as it makes a definition."""
ROLE = "arn:aws:iam::123456789012:role/SageMakerRole"
BUCKET = "sagemaker-us-east-1-123456789012"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/image:1"
WRITTEN: dict[str, Callable[[PipelineSession], Any]] = {}


def definition(make: Callable[[PipelineSession], Any]) -> Callable[[PipelineSession], Any]:
    """A definition of the function's name: its steps, or its steps and its parameters."""
    WRITTEN[make.__name__] = make
    return make


def training_step(session: PipelineSession, name: str = "Train", **arguments: Any) -> TrainingStep:
    return TrainingStep(name=name, step_args=trainer(session).train(), **arguments)


def trainer(session: PipelineSession, **arguments: Any) -> Any:
    from sagemaker.train import ModelTrainer

    return ModelTrainer(
        training_image=IMAGE,
        role=ROLE,
        sagemaker_session=session,
        base_job_name="job",
        compute=Compute(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=30),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=3600),
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{BUCKET}/models"),
        input_data_config=[InputData(channel_name="train", data_source=f"s3://{BUCKET}/train")],
        hyperparameters={"epochs": "2"},
        **arguments,
    )


def processing_step(
    session: PipelineSession, name: str = "Evaluate", output: Any = f"s3://{BUCKET}/out", **arguments: Any
) -> ProcessingStep:
    processor = ScriptProcessor(
        image_uri=IMAGE,
        command=["python3"],
        role=ROLE,
        instance_count=1,
        instance_type="ml.m5.large",
        sagemaker_session=session,
    )
    source = ProcessingS3Input(
        s3_uri=f"s3://{BUCKET}/in",
        local_path="/opt/ml/processing/input",
        s3_data_type="S3Prefix",
        s3_input_mode="File",
        s3_data_distribution_type="FullyReplicated",
    )
    target = ProcessingS3Output(s3_uri=output, local_path="/opt/ml/processing/output", s3_upload_mode="EndOfJob")
    step_args = processor.run(
        code=f"s3://{BUCKET}/code/evaluate.py",
        inputs=[ProcessingInput(input_name="in", s3_input=source)],
        outputs=[ProcessingOutput(output_name="evaluation", s3_output=target)],
        arguments=["--rows", "10"],
    )
    return ProcessingStep(name=name, step_args=step_args, **arguments)


def model_arguments(session: PipelineSession, caller: str) -> Any:
    """What a ModelBuilder hands to a ModelStep, without the model's own files."""
    step_args = _ModelStepArguments(type("Model", (), {"sagemaker_session": session}))
    step_args.caller_name = caller
    return step_args


def function(name: str, outputs: list[LambdaOutput] | None = None, **arguments: Any) -> LambdaStep:
    from sagemaker.core.lambda_helper import Lambda

    arn = "arn:aws:lambda:us-east-1:123456789012:function:notify"
    return LambdaStep(name=name, lambda_func=Lambda(function_arn=arn), outputs=outputs or [], **arguments)


@definition
def training(session: PipelineSession) -> Any:
    policies = [
        StepRetryPolicy(exception_types=[StepExceptionTypeEnum.THROTTLING], max_attempts=3),
        SageMakerJobStepRetryPolicy(
            exception_types=[SageMakerJobExceptionTypeEnum.RESOURCE_LIMIT], expire_after_mins=60
        ),
    ]
    cached = CacheConfig(enable_caching=True, expire_after="P30D")
    return [training_step(session, cache_config=cached, retry_policies=policies)]


@definition
def processing(session: PipelineSession) -> Any:
    return [
        processing_step(session, property_files=[PropertyFile("report", output_name="evaluation", path="report.json")])
    ]


@definition
def transform(session: PipelineSession) -> Any:
    transformer = Transformer(
        model_name="model", instance_count=1, instance_type="ml.m5.large", output_path=f"s3://{BUCKET}/scores",
        sagemaker_session=session,
    )  # fmt: skip
    step_args = transformer.transform(data=f"s3://{BUCKET}/batch", content_type="text/csv", split_type="Line")
    return [TransformStep(name="Score", step_args=step_args)]


@definition
def tuning(session: PipelineSession) -> Any:
    from sagemaker.core.parameter import ContinuousParameter
    from sagemaker.train.tuner import HyperparameterTuner

    tuner = HyperparameterTuner(
        model_trainer=trainer(session),
        objective_metric_name="validation:rmse",
        objective_type="Minimize",
        metric_definitions=[{"Name": "validation:rmse", "Regex": "rmse=(.*)"}],
        hyperparameter_ranges={"eta": ContinuousParameter(0.1, 0.5)},
        max_jobs=4,
        max_parallel_jobs=2,
    )
    step_args = tuner.tune(inputs=[InputData(channel_name="train", data_source=f"s3://{BUCKET}/train")])
    return [TuningStep(name="Tune", step_args=step_args)]


@definition
def model(session: PipelineSession) -> Any:
    train = training_step(session)
    container = {"Image": IMAGE, "ModelDataUrl": train.properties.ModelArtifacts.S3ModelArtifacts, "Environment": {}}
    step_args = model_arguments(session, "create_model")
    step_args.create_model_request = {"ExecutionRoleArn": ROLE, "PrimaryContainer": container}
    return [train, ModelStep(name="Create", step_args=step_args)]


@definition
def register_model(session: PipelineSession) -> Any:
    train = training_step(session)
    containers = [{"Image": IMAGE, "ModelDataUrl": train.properties.ModelArtifacts.S3ModelArtifacts}]
    step_args = model_arguments(session, "create_model_package_from_containers")
    step_args.create_model_package_request = {
        "ModelPackageGroupName": "group",
        "InferenceSpecification": {
            "Containers": containers,
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        "ModelApprovalStatus": "PendingManualApproval",
    }
    return [train, ModelStep(name="Register", step_args=step_args)]


@definition
def lineage(session: PipelineSession) -> Any:
    from sagemaker.core.lineage.action import Action
    from sagemaker.core.lineage.artifact import Artifact
    from sagemaker.mlops.workflow.lineage_step import LineageAssociation, LineageEntityReference, LineageStep

    action = Action.create(
        action_name="training-run",
        source_uri=f"s3://{BUCKET}/run",
        source_type="S3ETag",
        action_type="ModelTraining",
        sagemaker_session=session,
    )
    artifact = Artifact.create(
        artifact_name="trained-model",
        source_uri=f"s3://{BUCKET}/model.tar.gz",
        artifact_type="Model",
        sagemaker_session=session,
    )
    produced = LineageAssociation(
        source=LineageEntityReference(name="training-run", type="Action"),
        destination=LineageEntityReference(name="trained-model", type="Artifact"),
        association_type="Produced",
    )
    return [LineageStep(name="Record", actions=[action], artifacts=[artifact], associations=[produced])]


@definition
def data_quality_check(session: PipelineSession) -> Any:
    from sagemaker.core.model_monitor.dataset_format import DatasetFormat
    from sagemaker.mlops.workflow.check_job_config import CheckJobConfig
    from sagemaker.mlops.workflow.quality_check_step import DataQualityCheckConfig, QualityCheckStep

    config = DataQualityCheckConfig(
        baseline_dataset=f"s3://{BUCKET}/baseline.csv",
        dataset_format=DatasetFormat.csv(header=True),
        output_s3_uri=f"s3://{BUCKET}/check",
    )
    job = CheckJobConfig(role=ROLE, instance_type="ml.m5.large", sagemaker_session=session)
    step = QualityCheckStep(
        name="Check",
        quality_check_config=config,
        check_job_config=job,
        model_package_group_name="group",
        register_new_baseline=True,
        skip_check=True,
    )
    return [step]


@definition
def data_bias_check(session: PipelineSession) -> Any:
    from sagemaker.core.clarify import BiasConfig, DataConfig
    from sagemaker.mlops.workflow.check_job_config import CheckJobConfig
    from sagemaker.mlops.workflow.clarify_check_step import ClarifyCheckStep, DataBiasCheckConfig

    data = DataConfig(
        s3_data_input_path=f"s3://{BUCKET}/data.csv",
        s3_output_path=f"s3://{BUCKET}/bias",
        label="y",
        headers=["y", "x"],
        dataset_type="text/csv",
        s3_analysis_config_output_path=f"s3://{BUCKET}/analysis",
    )
    bias = BiasConfig(label_values_or_threshold=[1], facet_name="x", facet_values_or_threshold=[0.5])
    step = ClarifyCheckStep(
        name="Bias",
        clarify_check_config=DataBiasCheckConfig(data_config=data, data_bias_config=bias),
        check_job_config=CheckJobConfig(role=ROLE, instance_type="ml.m5.large", sagemaker_session=session),
        model_package_group_name="group",
        fail_on_violation=False,
        register_new_baseline=True,
        skip_check=True,
    )
    return [step]


@definition
def callback(session: PipelineSession) -> Any:
    outputs = [
        CallbackOutput(output_name="decision", output_type=CallbackOutputTypeEnum.String),
        CallbackOutput(output_name="score", output_type=CallbackOutputTypeEnum.Float),
    ]
    url = "https://sqs.us-east-1.amazonaws.com/123456789012/approvals"
    inputs = {"run": ExecutionVariables.PIPELINE_EXECUTION_ID, "none": None}
    return [CallbackStep(name="Approve", sqs_queue_url=url, inputs=inputs, outputs=outputs)]


@definition
def lambda_function(session: PipelineSession) -> Any:
    outputs = [LambdaOutput(output_name="status", output_type=LambdaOutputTypeEnum.Integer)]
    first = function(
        "Call", outputs, inputs={"a": 1, "b": Join(on="-", values=["x", ExecutionVariables.PIPELINE_NAME])}
    )
    return [first, function("Then", inputs={"status": first.properties.Outputs["status"]})]


@definition
def condition(session: PipelineSession) -> Any:
    least = ParameterFloat(name="Least", default_value=0.5)
    mode = ParameterString(name="Mode", default_value="a", enum_values=["a", "b"])
    count = ParameterInteger(name="Count", default_value=3)
    evaluate = processing_step(
        session, property_files=[PropertyFile("report", output_name="evaluation", path="report.json")]
    )
    score = JsonGet(step_name="Evaluate", property_file="report", json_path="metrics.accuracy.value")
    gate = ConditionStep(
        name="Gate",
        conditions=[
            ConditionGreaterThanOrEqualTo(left=score, right=least),
            ConditionOr(
                conditions=[
                    ConditionIn(value=mode, in_values=["a", "b"]),
                    ConditionNot(expression=ConditionEquals(left=count, right=0)),
                ]
            ),
        ],
        if_steps=[function("Publish")],
        else_steps=[FailStep(name="Refuse", error_message=Join(on=" ", values=["too few of", count]))],
    )
    return [evaluate, gate], [least, mode, count]


@definition
def fail(session: PipelineSession) -> Any:
    return [FailStep(name="Stop", error_message="no data today")]


@definition
def run_conditions(session: PipelineSession) -> Any:
    train = training_step(session)
    others = (
        ("OnFailure", [StepDependency(train, TriggerCondition.FAILED)]),
        ("OnStop", [StepDependency(train, TriggerCondition.STOPPED)]),
        ("Always", [StepDependency(train, TriggerCondition.ANY), "OnFailure"]),
        ("OnSuccess", [StepDependency(train, TriggerCondition.COMPLETED)]),
    )
    return [train, *(function(name, depends_on=entries) for name, entries in others)]


@definition
def cleanup(session: PipelineSession) -> Any:
    # What no other run writes.
    output = Join(on="/", values=[f"s3://{BUCKET}/out", ExecutionVariables.PIPELINE_EXECUTION_ID])
    train, evaluate = training_step(session), processing_step(session, output=output)
    uri = evaluate.properties.ProcessingOutputConfig.Outputs["evaluation"].S3Output.S3Uri
    sources = [
        S3CleanupSource(train),
        S3CleanupSource(evaluate, s3_uris=[Join(on="/", values=[uri, "big.csv"])]),
    ]
    return [train, evaluate, CleanupStep(name="Clean", s3_sources=sources)]


@definition
def for_each(session: PipelineSession) -> Any:
    items = ParameterString(name="Items", default_value='[{"rate": 0.1}, {"rate": 0.2}]')
    outputs = [LambdaOutput(output_name="score", output_type=LambdaOutputTypeEnum.Float)]
    body = function("Try", outputs, inputs={"rate": CurrentItem().rate})
    second = function("Note", inputs={"score": body.properties.Outputs["score"]})
    loop = ForEachStep(
        name="Loop",
        iterable_items=items,
        max_concurrency=2,
        for_each_body=[body, second],
        selector=ForEachSelector(pick="MaxBy", field=IterationOutput(body).OutputParameters["score"]),
    )
    after = function(
        "After",
        inputs={
            "best": loop.properties.Selected.OutputParameters["score"],
            "first": loop.properties.IterationOutputs[0].Try.OutputParameters["score"],
            "n": loop.properties.SucceededStepCount,
        },
    )
    return [loop, after], [items]


@definition
def for_each_literal(session: PipelineSession) -> Any:
    name = ParameterString(name="Name", default_value="p")
    body = function("Try", inputs={"item": CurrentItem()})
    return [ForEachStep(name="Loop", iterable_items=["x", name, 3], max_concurrency=3, for_each_body=[body])], [name]


@definition
def emr(session: PipelineSession) -> Any:
    config = EMRStepConfig(jar="command-runner.jar", args=["spark-submit", f"s3://{BUCKET}/job.py"], main_class="Main")
    return [
        EMRStep(name="Spark", display_name="Spark", description="", cluster_id="j-1ABCDEFGHIJKL", step_config=config)
    ]


@definition
def emr_serverless(session: PipelineSession) -> Any:
    driver = {"sparkSubmit": {"entryPoint": f"s3://{BUCKET}/job.py"}}
    config = EMRServerlessJobConfig(job_driver=driver, execution_role_arn=ROLE)
    return [
        EMRServerlessStep(
            name="Spark", display_name="Spark", description="", job_config=config, application_id="00abcdefghijklmn"
        )
    ]


@definition
def deployment(session: PipelineSession) -> Any:
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": "model",
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
    }
    config_args = session.create_endpoint_config(name="config", production_variants=[variant])
    config = EndpointConfigStep(name="Config", step_args=config_args)
    endpoint_args = session.create_endpoint(endpoint_name="endpoint", config_name=config.properties.EndpointConfigName)
    endpoint = EndpointStep(name="Serve", step_args=endpoint_args)
    return [config, endpoint]


@definition
def inference_component(session: PipelineSession) -> Any:
    specification = {
        "ModelName": "model",
        "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 1024, "NumberOfCpuCoresRequired": 1},
    }
    step_args = session.create_inference_component(
        inference_component_name="component",
        endpoint_name="endpoint",
        variant_name="AllTraffic",
        specification=specification,
        runtime_config={"CopyCount": 1},
    )
    return [InferenceComponentStep(name="Component", step_args=step_args)]


@definition
def job(session: PipelineSession) -> Any:
    from sagemaker.mlops.workflow.steps import JobStep

    class Producer:
        sagemaker_session = session

        def run(self) -> None:
            capture_create_job_request(
                session,
                job_name="job",
                role_arn=ROLE,
                job_category="AgentRFT",
                schema_version="1.0.0",
                job_config={"OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/jobs"}, "Epochs": 1},
            )

    step_args = _StepArguments("create_job", Producer.run, Producer())
    return [JobStep(name="Tune", step_args=step_args)]


def _answer(client: Any, operation: str, arguments: Any) -> Any:
    if operation not in ANSWERS:
        raise RuntimeError(f"{operation} is asked with {arguments}")
    return ANSWERS[operation]


def main() -> None:
    """Write them all."""
    BaseClient._make_api_call = _answer
    for name, make in WRITTEN.items():
        session = PipelineSession(default_bucket=BUCKET)
        session._default_bucket = BUCKET
        made = make(session)
        steps, parameters = made if isinstance(made, tuple) else (made, [])
        pipeline = Pipeline(name=name, steps=steps, parameters=parameters, sagemaker_session=session)
        text = json.dumps(json.loads(pipeline.definition()), indent=1)
        (HERE / f"{name}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
