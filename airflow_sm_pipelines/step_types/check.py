"""What the two types of check steps share, as data (semantics 2.12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from airflow_sm_pipelines.step_types.console_locations import LOG_CALLS
from airflow_sm_pipelines.step_types.processing import KIND
from airflow_sm_pipelines.step_types.step_type import Guide, job_calls

if TYPE_CHECKING:
    from collections.abc import Mapping

VIOLATIONS_FILE = "constraint_violations.json"
"""The report that the containers of Model Monitor and of Clarify write beside their results."""

CALLS = (
    *job_calls(KIND),
    *LOG_CALLS,
    *("sagemaker:ListModelPackages", "sagemaker:DescribeModelPackage", "s3:GetObject"),
)
# Without it, S3 says of a file that is not there that it may not be read: of the report of a check without violations.
PERMISSIONS = ("s3:ListBucket",)
BASELINE_CONSTRAINTS = ("CalculatedBaselineConstraints", "BaselineUsedForDriftCheckConstraints")
BASELINE_STATISTICS = ("CalculatedBaselineStatistics", "BaselineUsedForDriftCheckStatistics")


class BaselineFiles(Struct, frozen=True):
    """The baseline of one check type: the paths of its files in a model package's DriftCheckBaselines.

    ``compares_statistics`` tells whether the container compares with the statistics; the others only hand them on.
    """

    constraints: tuple[str, str]
    statistics: tuple[str, str] | None = None
    compares_statistics: bool = False


class CheckKind(Struct, frozen=True):
    """What makes one type of check step different.

    ``title`` is what SageMaker calls it in a failure, ``output_name`` the job's output that holds its files, and
    ``baselines`` what each CheckType compares with. The file names are those that the container writes.
    """

    title: str
    output_name: str
    baselines: Mapping[str, BaselineFiles]
    constraints_file: str
    statistics_file: str | None = None


GUIDE = Guide(
    "QualityCheck and ClarifyCheck",
    """\
Each runs one processing job (Model Monitor's analyzer, or SageMaker Clarify), which always computes a new baseline
and, unless `SkipCheck` is true, compares the data with the previous one. `MonitorBatchTransform` of the SDK is a
Transform step and one of these.

**Settings.** `SkipCheck`, `RegisterNewBaseline` (both false by default), `FailOnViolation` (true by default),
`ModelPackageGroupName`, `SuppliedBaselineConstraints`, `SuppliedBaselineStatistics` and `ModelName` may be
expressions; `null` and `""` count as not given. A text `true` or `false` (of a String parameter, say) is taken for
the flag.

**The previous baseline** is, file by file, the supplied one, else that of `DriftCheckBaselines` of the latest
approved package in the model package group (`ListModelPackages` by creation time, `ModelApprovalStatus=Approved`). An
approved package without it is not passed over for an older one. It is needed unless both `SkipCheck` and
`RegisterNewBaseline` are true; where it is needed and missing, the step fails before any job is created. Statistics
are needed for `DATA_QUALITY` only.

| CheckType | DriftCheckBaselines | mounted |
|---|---|---|
| DATA_QUALITY | ModelDataQuality.Constraints, .Statistics | both |
| MODEL_QUALITY | ModelQuality.Constraints, .Statistics | constraints; the statistics are only handed on |
| DATA_BIAS | Bias.PreTrainingConstraints | constraints |
| MODEL_BIAS | Bias.PostTrainingConstraints | constraints |
| MODEL_EXPLAINABILITY | Explainability.Constraints | constraints |

**What is added to the request.** AWS does not say how its pipeline service mounts a baseline. The jobs of Model
Monitor's own schedules are the pattern here, for both containers: an input `constraints` at
`/opt/ml/processing/baseline/constraints` and an input `baseline` (the statistics) at
`/opt/ml/processing/baseline/stats`, and the environment variables `baseline_constraints` and `baseline_statistics`
with the paths of the files in the container. With `SkipCheck` nothing is added.

**ModelName** (Clarify). The SDK takes the model's name out of the analysis config that it uploads. The step reads
that file, adds `predictor.model_name`, and writes a copy, encrypted like the original, to `<the output's
S3Uri>/analysis_config/<execution id>/<job name>/analysis_config.json`, where the job reads it. The original stays as
it is. The Airflow connection needs `s3:GetObject` on the original and `s3:PutObject` below the output.

**Violations.** When the job has completed, `constraint_violations.json` is read from its output
`quality_check_output` or `analysis_result` (`s3:GetObject`; without `s3:ListBucket`, S3 does not tell a missing file
from a forbidden one, and the step fails). No file means no violations, and so does a file that lay there before the
job was created: output places are often literal. An exit message that begins with `CompletedWithViolations` counts
where the file says nothing. With violations the step fails with `ClientError: Quality check failed. See violation
report s3://…` (or `Clarify check failed`) and up to 20 of them, each with its feature (facet and metric, or label),
check and description; no retry policy applies. With `FailOnViolation` false it succeeds, logs them as a warning, and
has `ViolationReport` in its result.

**Cache.** A result with violations is not kept for reuse, since `FailOnViolation` is no key attribute. Neither is the
baseline that the model package group gives (only a supplied one is): a hit says nothing of what has been approved
since the kept result.

**Result.** `CalculatedBaselineConstraints` (`constraints.json` or `analysis.json` of the output) and
`CalculatedBaselineStatistics` (`statistics.json`, QualityCheck), `BaselineUsedForDriftCheckConstraints` and
`…Statistics` (the new ones where `RegisterNewBaseline` is true, else the previous ones; absent where there is none),
and `CheckType`, `CheckJobArn`, `ModelPackageGroupName`, `SkipCheck`, `RegisterNewBaseline`, `ViolationReport`. Only
the first four (two) can be referred to, as in the SDK.

**Later tries.** The resolved settings and the baseline are on record before the job is created: a try that adopts the
job goes on with them, even if another package has been approved meanwhile. A new attempt looks anew.

**Not sure.** That Clarify's container reads `baseline_constraints` and writes `constraint_violations.json` is
documented for its monitoring jobs (bias drift, feature attribution drift) and used like this in an AWS sample, but
not stated for check steps of pipelines.
""",
)
