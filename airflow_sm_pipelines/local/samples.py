"""Small valid requests, for tests and trials; keyword arguments replace or add top-level members."""

from __future__ import annotations

from typing import Any

ROLE = "arn:aws:iam::123456789012:role/local"
INSTANCES = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}


def training_request(name: str, **changes: Any) -> dict[str, Any]:
    """A CreateTrainingJob request; the model goes below ``s3://local-models/``."""
    return {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": "local/train:1", "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": "s3://local-models/trained"},
        "ResourceConfig": INSTANCES,
        "StoppingCondition": {"MaxRuntimeInSeconds": 86400},
        **changes,
    }


def processing_request(name: str, output: str | None = None, **changes: Any) -> dict[str, Any]:
    """A CreateProcessingJob request, with an output called ``output`` at ``s3://local-data/<name>/<output>``."""
    outputs = {
        "Outputs": [
            {
                "OutputName": output,
                "S3Output": {
                    "S3Uri": f"s3://local-data/{name}/{output}",
                    "LocalPath": f"/opt/ml/processing/{output}",
                    "S3UploadMode": "EndOfJob",
                },
            }
        ]
    }
    return {
        "ProcessingJobName": name,
        "RoleArn": ROLE,
        "AppSpecification": {"ImageUri": "local/process:1"},
        "ProcessingResources": {"ClusterConfig": INSTANCES},
        **({"ProcessingOutputConfig": outputs} if output else {}),
        **changes,
    }


def model_request(name: str, **changes: Any) -> dict[str, Any]:
    """A CreateModel request."""
    container = {"Image": "local/serve:1", "ModelDataUrl": "s3://local-models/model.tar.gz"}
    return {"ModelName": name, "ExecutionRoleArn": ROLE, "PrimaryContainer": container, **changes}


def transform_request(name: str, model: str, **changes: Any) -> dict[str, Any]:
    """A CreateTransformJob request."""
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://local-data/batch"}}
    return {
        "TransformJobName": name,
        "ModelName": model,
        "TransformInput": {"DataSource": source},
        "TransformOutput": {"S3OutputPath": f"s3://local-data/{name}"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **changes,
    }


def tuning_request(
    name: str, jobs: int = 4, parallel: int = 2, goal: str = "Minimize", **changes: Any
) -> dict[str, Any]:
    """A CreateHyperParameterTuningJob request for ``jobs`` training jobs; the metric is ``validation:rmse``."""
    training = training_request("")
    del training["TrainingJobName"]
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": goal, "MetricName": "validation:rmse"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": parallel},
            "ParameterRanges": {
                "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "2", "MaxValue": "9"}],
                "ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0.1", "MaxValue": "0.5"}],
                "CategoricalParameterRanges": [{"Name": "booster", "Values": ["tree", "linear"]}],
            },
        },
        "TrainingJobDefinition": {"StaticHyperParameters": {"num_round": "10"}, **training},
        **changes,
    }


def automl_request(name: str, **changes: Any) -> dict[str, Any]:
    """A CreateAutoMLJob request."""
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://local-data/table.csv"}}
    return {
        "AutoMLJobName": name,
        "InputDataConfig": [{"DataSource": source, "TargetAttributeName": "y"}],
        "OutputDataConfig": {"S3OutputPath": "s3://local-models/automl"},
        "ProblemType": "Regression",
        "AutoMLJobObjective": {"MetricName": "MSE"},
        "RoleArn": ROLE,
        **changes,
    }
