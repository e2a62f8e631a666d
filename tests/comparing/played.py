"""A SageMaker that has run an execution: what it tells of it and of its jobs, over HTTP."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from tests.store.http_service import RefusedError

if TYPE_CHECKING:
    from tests.store.http_service import HttpService

ARN = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/abalone"
EXECUTION = f"{ARN}/execution/abcdefghijkl"
ROLE = "arn:aws:iam::123456789012:role/SageMaker"
BEGAN = 1_790_000_000.0

OUTPUT = "s3://bucket/abcdefghijkl/evaluation"
OUTPUT_JOIN = {"On": "/", "Values": ["s3://bucket", {"Get": "Execution.PipelineExecutionId"}, "evaluation"]}
MSE = {"PropertyFile": {"Get": "Steps.Prepare.PropertyFiles.Report"}, "Path": "mse"}
DEFINITION: dict[str, Any] = {
    "Version": "2020-12-01",
    "Parameters": [
        {"Name": "InputUri", "Type": "String"},
        {"Name": "Depth", "Type": "Integer", "DefaultValue": 5},
        {"Name": "Limit", "Type": "Float", "DefaultValue": 6.0},
    ],
    "Steps": [
        {
            "Name": "Prepare",
            "Type": "Processing",
            "Arguments": {
                "AppSpecification": {"ImageUri": "registry/image:1"},
                "ProcessingResources": {
                    "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
                },
                "ProcessingInputs": [
                    {
                        "InputName": "data",
                        "S3Input": {
                            "S3Uri": {"Get": "Parameters.InputUri"},
                            "LocalPath": "/opt/ml/processing/input",
                            "S3DataType": "S3Prefix",
                            "S3InputMode": "File",
                        },
                    }
                ],
                "ProcessingOutputConfig": {
                    "Outputs": [
                        {
                            "OutputName": "evaluation",
                            "S3Output": {
                                "S3Uri": {"Std:Join": OUTPUT_JOIN},
                                "LocalPath": "/opt/ml/processing/evaluation",
                                "S3UploadMode": "EndOfJob",
                            },
                        }
                    ]
                },
            },
            "PropertyFiles": [
                {"PropertyFileName": "Report", "OutputName": "evaluation", "FilePath": "evaluation.json"}
            ],
        },
        {
            "Name": "Train",
            "Type": "Training",
            "Arguments": {
                "AlgorithmSpecification": {"TrainingImage": "registry/image:1", "TrainingInputMode": "File"},
                "HyperParameters": {"max_depth": {"Get": "Parameters.Depth"}},
                "InputDataConfig": [
                    {
                        "ChannelName": "train",
                        "DataSource": {
                            "S3DataSource": {
                                "S3DataType": "S3Prefix",
                                "S3Uri": {
                                    "Get": "Steps.Prepare.ProcessingOutputConfig.Outputs['evaluation'].S3Output.S3Uri"
                                },
                            }
                        },
                    }
                ],
                "OutputDataConfig": {"S3OutputPath": "s3://bucket/model"},
                "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30},
                "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
                "Environment": {"DB_PASSWORD": "the-definitions-own"},
            },
        },
        {
            "Name": "Check",
            "Type": "Condition",
            "DependsOn": ["Train"],
            "Arguments": {
                "Conditions": [
                    {
                        "Type": "LessThanOrEqualTo",
                        "LeftValue": {"Std:JsonGet": MSE},
                        "RightValue": {"Get": "Parameters.Limit"},
                    }
                ],
                "IfSteps": [
                    {
                        "Name": "Create",
                        "Type": "Model",
                        "Arguments": {
                            "PrimaryContainer": {
                                "Image": "registry/image:1",
                                "ModelDataUrl": {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"},
                            }
                        },
                    },
                    {
                        "Name": "Tell",
                        "Type": "Lambda",
                        "Arguments": {"model": {"Get": "Steps.Create.ModelName"}},
                        "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:tell",
                        "OutputParameters": [{"OutputName": "count", "OutputType": "Integer"}],
                    },
                ],
                "ElseSteps": [
                    {"Name": "Reject", "Type": "Fail", "Arguments": {"ErrorMessage": "The error is too large."}}
                ],
            },
        },
    ],
}


class Played:
    """An execution that went well, to be changed by a test: ``steps``, ``jobs`` by the call that describes them,
    ``parameters``, and the ``report`` that the property file is.
    """

    def __init__(self, http: HttpService) -> None:
        self.http = http
        self.status = "Succeeded"
        self.definition: Any = copy.deepcopy(DEFINITION)
        self.parameters = {"InputUri": "s3://bucket/input", "Depth": "7"}
        self.report = {"mse": 4.5}
        self.execution: dict[str, Any] = {}
        self.jobs: dict[str, dict[str, Any]] = copy.deepcopy(JOBS)
        self.steps: dict[str, dict[str, Any]] = copy.deepcopy(STEPS)
        http.answers |= {
            "DescribePipelineExecution": lambda _: {
                "PipelineExecutionArn": EXECUTION,
                "PipelineExecutionStatus": self.status,
                "CreationTime": BEGAN,
                **self.execution,
            },
            "DescribePipelineDefinitionForExecution": lambda _: {"PipelineDefinition": json.dumps(self.definition)},
            "ListPipelineParametersForExecution": self._parameters,
            "ListPipelineExecutionSteps": self._steps,
            "DescribePipeline": lambda _: {"PipelineName": "abalone", "RoleArn": ROLE},
        }
        for action in JOBS:
            http.answers[action] = self._job_of(action)

    def put_report(self) -> None:
        self.http.objects["/bucket/abcdefghijkl/evaluation/evaluation.json"] = json.dumps(self.report).encode()

    def _parameters(self, request: dict[str, Any]) -> dict[str, Any]:
        return _page("PipelineParameters", [{"Name": k, "Value": v} for k, v in self.parameters.items()], request)

    def _steps(self, request: dict[str, Any]) -> dict[str, Any]:
        listed = [{"StepName": name, "StartTime": BEGAN, **step} for name, step in self.steps.items()]
        return _page("PipelineExecutionSteps", listed, request)

    def _job_of(self, action: str) -> Any:
        def answer(request: dict[str, Any]) -> dict[str, Any]:
            if action not in self.jobs:
                raise RefusedError("ResourceNotFound", "Requested resource not found.")
            return {**self.jobs[action], **request}

        return answer


def _page(member: str, values: list[Any], request: dict[str, Any]) -> dict[str, Any]:
    """Two at a time, so that all is asked for only by who follows the pages."""
    start = int(request.get("NextToken", 0))
    more = {"NextToken": str(start + 2)} if start + 2 < len(values) else {}
    return {member: values[start : start + 2], **more}


def _metadata(key: str, kind: str, name: str) -> dict[str, Any]:
    return {key: {"Arn": f"arn:aws:sagemaker:us-east-1:123456789012:{kind}/{name}"}}


STEPS: dict[str, dict[str, Any]] = {
    "Prepare": {
        "StepStatus": "Succeeded",
        "Metadata": _metadata("ProcessingJob", "processing-job", "pipelines-abcdefghijkl-Prepare-0123456789"),
    },
    "Train": {
        "StepStatus": "Succeeded",
        "Metadata": _metadata("TrainingJob", "training-job", "pipelines-abcdefghijkl-Train-0123456789"),
    },
    "Check": {"StepStatus": "Succeeded", "Metadata": {"Condition": {"Outcome": "True"}}},
    "Create": {
        "StepStatus": "Succeeded",
        "Metadata": _metadata("Model", "model", "pipelines-abcdefghijkl-Create-0123456789"),
    },
    "Tell": {
        "StepStatus": "Succeeded",
        "Metadata": {
            "Lambda": {
                "Arn": "arn:aws:lambda:us-east-1:123456789012:function:tell",
                "OutputParameters": [{"Name": "count", "Value": "3"}],
            }
        },
    },
}
JOBS: dict[str, dict[str, Any]] = {
    "DescribeProcessingJob": {
        "ProcessingJobArn": STEPS["Prepare"]["Metadata"]["ProcessingJob"]["Arn"],
        "ProcessingJobStatus": "Completed",
        "CreationTime": BEGAN,
        "RoleArn": ROLE,
        "AppSpecification": {"ImageUri": "registry/image:1"},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 86400},
        "ProcessingInputs": [
            {
                "InputName": "data",
                "AppManaged": False,
                "S3Input": {
                    "S3Uri": "s3://bucket/input",
                    "LocalPath": "/opt/ml/processing/input",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                    "S3DataDistributionType": "FullyReplicated",
                    "S3CompressionType": "None",
                },
            }
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "evaluation",
                    "AppManaged": False,
                    "S3Output": {
                        "S3Uri": OUTPUT,
                        "LocalPath": "/opt/ml/processing/evaluation",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
    },
    "DescribeTrainingJob": {
        "TrainingJobArn": STEPS["Train"]["Metadata"]["TrainingJob"]["Arn"],
        "TrainingJobStatus": "Completed",
        "SecondaryStatus": "Completed",
        "CreationTime": BEGAN,
        "RoleArn": ROLE,
        "ModelArtifacts": {"S3ModelArtifacts": "s3://bucket/model/output/model.tar.gz"},
        "AlgorithmSpecification": {
            "TrainingImage": "registry/image:1",
            "TrainingInputMode": "File",
            "EnableSageMakerMetricsTimeSeries": False,
        },
        "HyperParameters": {"max_depth": "7"},
        "InputDataConfig": [
            {
                "ChannelName": "train",
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": OUTPUT,
                        "S3DataDistributionType": "FullyReplicated",
                    }
                },
                "CompressionType": "None",
                "RecordWrapperType": "None",
            }
        ],
        "OutputDataConfig": {"KmsKeyId": "", "S3OutputPath": "s3://bucket/model", "CompressionType": "GZIP"},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "EnableNetworkIsolation": False,
        "EnableManagedSpotTraining": False,
        "Environment": {"DB_PASSWORD": "the-definitions-own"},
    },
    "DescribeModel": {
        "ModelArn": STEPS["Create"]["Metadata"]["Model"]["Arn"],
        "CreationTime": BEGAN,
        "ExecutionRoleArn": ROLE,
        "PrimaryContainer": {
            "Image": "registry/image:1",
            "Mode": "SingleModel",
            "ModelDataUrl": "s3://bucket/model/output/model.tar.gz",
            "Environment": {},
        },
        "EnableNetworkIsolation": False,
    },
}
