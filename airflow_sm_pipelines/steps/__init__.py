"""The old place of the operators (:mod:`airflow_sm_pipelines.operators`)."""

from __future__ import annotations

import sys

from airflow_sm_pipelines.moved import MovedModules

_OPERATORS = "airflow_sm_pipelines.operators"
_SAGEMAKER = f"{_OPERATORS}.sagemaker"

sys.meta_path.append(
    MovedModules(
        __name__,
        {
            "assets": {"model_package_group": f"{_OPERATORS}.assets.model_package_group"},
            "automl": {"AutoMLStepOperator": f"{_SAGEMAKER}.AutoMLStepOperator"},
            "base": {"StepOperator": f"{_OPERATORS}.step.StepOperator"},
            "bedrock": {
                name: f"{_SAGEMAKER}.{name}"
                for name in (
                    "BedrockCustomModelStepOperator",
                    "BedrockCustomModelDeploymentStepOperator",
                    "BedrockModelImportStepOperator",
                    "BedrockProvisionedModelThroughputStepOperator",
                )
            },
            "callback": {"CallbackStepOperator": f"{_OPERATORS}.callback.CallbackStepOperator"},
            "category_job": {"CategoryJobStepOperator": f"{_SAGEMAKER}.CategoryJobStepOperator"},
            "clarify_check": {"ClarifyCheckStepOperator": f"{_SAGEMAKER}.ClarifyCheckStepOperator"},
            "condition": {"ConditionStepOperator": f"{_OPERATORS}.condition.ConditionStepOperator"},
            "emr": {"EmrStepOperator": f"{_OPERATORS}.emr.EmrStepOperator"},
            "emr_serverless": {"EmrServerlessStepOperator": f"{_OPERATORS}.emr.EmrServerlessStepOperator"},
            "endpoint": {"EndpointStepOperator": f"{_SAGEMAKER}.EndpointStepOperator"},
            "endpoint_config": {"EndpointConfigStepOperator": f"{_SAGEMAKER}.EndpointConfigStepOperator"},
            "fail": {"FailStepOperator": f"{_OPERATORS}.fail.FailStepOperator"},
            "for_each": {"ForEachStepOperator": f"{_OPERATORS}.for_each.ForEachStepOperator"},
            "inference_component": {"InferenceComponentStepOperator": f"{_SAGEMAKER}.InferenceComponentStepOperator"},
            "job": {"JobStepOperator": f"{_OPERATORS}.job.JobStepOperator"},
            "lambda_function": {"LambdaStepOperator": f"{_OPERATORS}.lambda_function.LambdaStepOperator"},
            "lineage": {"LineageStepOperator": f"{_OPERATORS}.lineage.LineageStepOperator"},
            "model": {"ModelStepOperator": f"{_SAGEMAKER}.ModelStepOperator"},
            "processing": {"ProcessingStepOperator": f"{_SAGEMAKER}.ProcessingStepOperator"},
            "quality_check": {"QualityCheckStepOperator": f"{_SAGEMAKER}.QualityCheckStepOperator"},
            "register_model": {"RegisterModelStepOperator": f"{_SAGEMAKER}.RegisterModelStepOperator"},
            "training": {"TrainingStepOperator": f"{_SAGEMAKER}.TrainingStepOperator"},
            "transform": {"TransformStepOperator": f"{_SAGEMAKER}.TransformStepOperator"},
            "tuning": {"TuningStepOperator": f"{_SAGEMAKER}.TuningStepOperator"},
            "unsupported": {"UnsupportedStepOperator": f"{_OPERATORS}.unsupported.UnsupportedStepOperator"},
        },
    )
)
