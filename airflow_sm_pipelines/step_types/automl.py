"""AutoML: CreateAutoMLJob, and CreateAutoMLJobV2 where the Arguments are of its shape (semantics 2.6)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from typing_extensions import override

from airflow_sm_pipelines.definition.step_types import NO_SETTINGS
from airflow_sm_pipelines.step_types.adapter import JobAdapter
from airflow_sm_pipelines.step_types.console_locations import ConsoleLocations, sagemaker_page
from airflow_sm_pipelines.step_types.datasets import CHANNEL, DatasetPaths
from airflow_sm_pipelines.step_types.job_kind import JobKind
from airflow_sm_pipelines.step_types.step_type import (
    CacheKey,
    Guide,
    RetryTypes,
    StepType,
    Variant,
    job_calls,
    sagemaker,
)

LIMIT = "CompletionCriteria.MaxAutoMLJobRuntimeInSeconds"
PROBLEM_TYPES = (
    *("ImageClassificationJobConfig", "TabularJobConfig", "TextClassificationJobConfig"),
    *("TextGenerationJobConfig", "TimeSeriesForecastingJobConfig"),
)
KIND = JobKind(
    noun="AutoML job",
    create="CreateAutoMLJob",
    describe="DescribeAutoMLJob",
    stop="StopAutoMLJob",
    name_field="AutoMLJobName",
    describe_field="AutoMLJobName",
    arn_field="AutoMLJobArn",
    status_field="AutoMLJobStatus",
    name_limit=32,
    limit_fields=(f"AutoMLJobConfig.{LIMIT}",),
)
KIND_V2 = JobKind(
    noun="AutoML job",
    create="CreateAutoMLJobV2",
    describe="DescribeAutoMLJobV2",
    stop="StopAutoMLJob",
    name_field="AutoMLJobName",
    describe_field="AutoMLJobName",
    arn_field="AutoMLJobArn",
    status_field="AutoMLJobStatus",
    name_limit=32,
    limit_fields=tuple(f"AutoMLProblemTypeConfig.{problem}.{LIMIT}" for problem in PROBLEM_TYPES),
)
# Members that only the request of the second version has.
MEMBERS_OF_V2 = ("AutoMLJobInputDataConfig", "AutoMLProblemTypeConfig", "AutoMLComputeConfig", "DataSplitConfig")

GUIDE = Guide(
    "AutoML",
    """\
```json
{"Name": "Search", "Type": "AutoML", "Arguments": {
  "InputDataConfig": [{"TargetAttributeName": "rings", "DataSource": {"S3DataSource": {
    "S3DataType": "S3Prefix", "S3Uri": "s3://bucket/train"}}}],
  "OutputDataConfig": {"S3OutputPath": "s3://bucket/candidates"},
  "RoleArn": "arn:aws:iam::123456789012:role/SageMaker"}}
```

```text
Search  AutoMLStepOperator
```

The task calls `CreateAutoMLJob`, and waits for the job.

**Which version is called.** `CreateAutoMLJobV2` where the Arguments have `AutoMLJobInputDataConfig`,
`AutoMLProblemTypeConfig`, `AutoMLComputeConfig` or `DataSplitConfig`; else `CreateAutoMLJob`. A member that is `null`
does not count. Arguments and references are checked against the version that is called.

**Files of the best candidate.** AWS does not say how the files of `BestCandidateProperties` are named.
`statistics.json` and `analysis.json` are taken.
""",
)


# The files that AWS writes below a candidate's artifact locations; their names are not documented.
REPORTS = MappingProxyType(
    {
        "ModelInsightsJsonReportPath": ("ModelInsights", "statistics.json"),
        "ExplainabilityJsonReportPath": ("Explainability", "analysis.json"),
    }
)


class AutoMLAdapter(JobAdapter):
    """An AutoML step.

    Its result is the Describe response and, as ``BestCandidateProperties``, the S3 URIs of the best reports.
    """

    @override
    def result(self, described: dict[str, Any]) -> dict[str, Any]:
        candidate = described.get("BestCandidate", {})
        locations = candidate.get("CandidateProperties", {}).get("CandidateArtifactLocations", {})
        reports = {
            name: f"{locations[location].rstrip('/')}/{file}"
            for name, (location, file) in REPORTS.items()
            if location in locations
        }
        return {**described, "BestCandidateProperties": reports}


STEP_TYPE = StepType(
    name="AutoML",
    syntax=NO_SETTINGS,
    operator="airflow_sm_pipelines.operators.sagemaker.AutoMLStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.sagemaker.SageMakerAutoMLOperator",
    kind=KIND,
    adapter=AutoMLAdapter,
    calls=job_calls(KIND),
    arguments=sagemaker("CreateAutoMLJob"),
    properties=sagemaker("DescribeAutoMLJob"),
    extra_properties=("BestCandidateProperties",),
    variants=(
        Variant(MEMBERS_OF_V2, KIND_V2, job_calls(KIND_V2), sagemaker(KIND_V2.create), sagemaker(KIND_V2.describe)),
    ),
    retries=RetryTypes.ALL_BUT_INTERNAL,
    cached=True,
    cache_key=CacheKey(
        arguments=(
            "AutoMLJobConfig.CompletionCriteria",
            "AutoMLJobConfig.CandidateGenerationConfig",
            "AutoMLJobConfig.DataSplitConfig",
            "AutoMLJobConfig.Mode",
            "AutoMLJobObjective",
            "InputDataConfig",
            "ProblemType",
            # What version 2 of the API calls the same.
            "AutoMLJobInputDataConfig",
            "AutoMLProblemTypeConfig",
            "DataSplitConfig",
        )
    ),
    datasets=DatasetPaths(
        inputs=(CHANNEL, "AutoMLJobInputDataConfig[].DataSource.S3DataSource.S3Uri"),
        outputs=("OutputDataConfig.S3OutputPath",),
        results=("BestCandidate.InferenceContainers[].ModelDataUrl",),
    ),
    console=ConsoleLocations(sagemaker_page("auto-ml/{name}")),
    guide=GUIDE,
)
