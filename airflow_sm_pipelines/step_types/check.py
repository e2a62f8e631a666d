"""What the two types of check steps share: a job whose results are compared with a baseline (semantics 2.12)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct
from msgspec.structs import replace
from typing_extensions import override

from airflow_sm_pipelines.aws.failures import CallError, StepFailure, type_of_call_error
from airflow_sm_pipelines.aws.s3_files import bucket_and_key, is_denied
from airflow_sm_pipelines.definition.frozen import FrozenDict
from airflow_sm_pipelines.definition.step_types import SettingKind, StepSyntax
from airflow_sm_pipelines.step_types.adapter import JobAdapter
from airflow_sm_pipelines.step_types.baselines import Check, SettingError, find_latest_approved, read_check
from airflow_sm_pipelines.step_types.console_locations import LOG_CALLS
from airflow_sm_pipelines.step_types.job_kind import JobState
from airflow_sm_pipelines.step_types.processing import KIND
from airflow_sm_pipelines.step_types.step_type import Guide, job_calls
from airflow_sm_pipelines.step_types.violations import EXIT_MESSAGE, Violation, describe_violations, read_violations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.exceptions import BotoCoreError, ClientError

    from airflow_sm_pipelines.step_types.adapter import JobRun

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

    ``compares_statistics`` says whether the container compares with the statistics; the others only hand them on.
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


def check_syntax(kind: CheckKind, own: str) -> StepSyntax:
    """The keys beside Arguments of a type of check; ``own`` is the one that the other type lacks."""
    texts = ("ModelPackageGroupName", "SuppliedBaselineConstraints", own)
    flags = ("SkipCheck", "FailOnViolation", "RegisterNewBaseline")
    settings: dict[str, SettingKind] = {"CheckType": "check"}
    settings |= dict.fromkeys(texts, "text")
    settings |= dict.fromkeys(flags, "flag")
    return StepSyntax(FrozenDict(settings), "CheckType", tuple(kind.baselines))


GUIDE = Guide(
    "QualityCheck and ClarifyCheck",
    """\
```json
{"Name": "CheckData", "Type": "QualityCheck", "CheckType": "DATA_QUALITY",
  "SkipCheck": false, "RegisterNewBaseline": false, "ModelPackageGroupName": "abalone",
  "Arguments": {
    "AppSpecification": {"ImageUri": "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"},
    "Environment": {
      "dataset_format": "{\\"csv\\": {\\"header\\": true}}", "dataset_source": "/opt/ml/processing/input/data",
      "output_path": "/opt/ml/processing/output", "publish_cloudwatch_metrics": "Disabled"},
    "ProcessingInputs": [{"InputName": "data", "S3Input": {"S3Uri": "s3://bucket/data.csv",
      "LocalPath": "/opt/ml/processing/input/data", "S3DataType": "S3Prefix", "S3InputMode": "File"}}],
    "ProcessingOutputConfig": {"Outputs": [{"OutputName": "quality_check_output", "S3Output": {
      "S3Uri": "s3://bucket/check", "LocalPath": "/opt/ml/processing/output", "S3UploadMode": "EndOfJob"}}]},
    "ProcessingResources": {"ClusterConfig": {
      "InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 20}},
    "RoleArn": "arn:aws:iam::123456789012:role/SageMaker"}}
```

```text
CheckData  QualityCheckStepOperator
```

The task runs one processing job. The job computes a new baseline of `data.csv`, and compares the data with the
baseline of the latest approved package in the group `abalone`. Data that breaks that baseline fails the step.

**The job** is Model Monitor's analyzer (QualityCheck) or SageMaker Clarify (ClarifyCheck). It always computes a new
baseline. Unless `SkipCheck` is true, it also compares the data with the previous one. `MonitorBatchTransform` of the
SDK is a Transform step and one of these.

**Settings.** `SkipCheck`, `RegisterNewBaseline` (both false by default), `FailOnViolation` (true by default),
`ModelPackageGroupName`, `SuppliedBaselineConstraints`, `SuppliedBaselineStatistics` and `ModelName` may be
expressions. `null` and `""` count as not given. A text `true` or `false` (of a String parameter, say) is taken for
the flag.

**The previous baseline** is looked for file by file: first the supplied one, else that of `DriftCheckBaselines` of
the latest approved package in the model package group. That package is the first of `ListModelPackages` by creation
time with `ModelApprovalStatus=Approved`. An approved package without a baseline is not passed over for an older one.

The previous baseline is needed unless both `SkipCheck` and `RegisterNewBaseline` are true. Where it is needed and
missing, the step fails before any job is created. Statistics are needed for `DATA_QUALITY` only.

| CheckType | DriftCheckBaselines | mounted |
|---|---|---|
| DATA_QUALITY | ModelDataQuality.Constraints, .Statistics | both |
| MODEL_QUALITY | ModelQuality.Constraints, .Statistics | constraints; the statistics are only handed on |
| DATA_BIAS | Bias.PreTrainingConstraints | constraints |
| MODEL_BIAS | Bias.PostTrainingConstraints | constraints |
| MODEL_EXPLAINABILITY | Explainability.Constraints | constraints |

**What is added to the request.** AWS does not say how its pipeline service mounts a baseline. The jobs of Model
Monitor's own schedules are the pattern here, for both containers. With `SkipCheck` nothing is added.

| file | input | mounted at | environment variable with the path of the file |
|---|---|---|---|
| constraints | `constraints` | `/opt/ml/processing/baseline/constraints` | `baseline_constraints` |
| statistics | `baseline` | `/opt/ml/processing/baseline/stats` | `baseline_statistics` |

**ModelName** (Clarify). The SDK takes the model's name out of the analysis config that it uploads. The step reads
that file, adds `predictor.model_name`, and writes a copy, encrypted like the original. The job reads the copy. The
original stays as it is. The copy's place is
`<the output's S3Uri>/analysis_config/<execution id>/<job name>/analysis_config.json`. The Airflow connection needs
`s3:GetObject` on the original and `s3:PutObject` below the output.

**Violations.** When the job has completed, `constraint_violations.json` is read from its output
`quality_check_output` or `analysis_result`.

- This needs `s3:GetObject`. Without `s3:ListBucket`, S3 does not tell a missing file from a forbidden one, and the
  step fails.
- No file means no violations. A file that lay there before the job was created means the same, for output places are
  often literal.
- An exit message that begins with `CompletedWithViolations` counts where the file says nothing.

With violations the step fails, and no retry policy applies. The message is
`ClientError: Quality check failed. See violation report s3://…` (or `Clarify check failed`) and up to 20 of them,
each with its feature (facet and metric, or label), check and description. With `FailOnViolation` false the step
succeeds, logs the violations as a warning, and has `ViolationReport` in its result.

**Cache.** A result with violations is not kept for reuse, since `FailOnViolation` is no key attribute. A supplied
baseline is one, but the baseline that the model package group gives is none. So a hit says nothing of what has been
approved since the kept result.

**Result.**

| member | what it is |
|---|---|
| `CalculatedBaselineConstraints` | `constraints.json` or `analysis.json` of the output |
| `CalculatedBaselineStatistics` (QualityCheck) | `statistics.json` of the output |
| `BaselineUsedForDriftCheckConstraints`, `BaselineUsedForDriftCheckStatistics` (QualityCheck) | the new ones where \
`RegisterNewBaseline` is true, else the previous ones; absent where there is none |
| `CheckType`, `CheckJobArn`, `ModelPackageGroupName`, `SkipCheck`, `RegisterNewBaseline`, `ViolationReport` | what \
they say; no step can refer to these, as in the SDK |

**Later tries.** The resolved settings and the baseline are on record before the job is created. A try that adopts the
job goes on with them, even if another package has been approved meanwhile. A new attempt looks anew.

**Not sure.** That Clarify's container reads `baseline_constraints` and writes `constraint_violations.json` is
documented for its monitoring jobs (bias drift, feature attribution drift). An AWS sample uses it like this. But AWS
does not state it for check steps of pipelines.
""",
)


CHECK_STORE_KEY = "sagemaker_check"
# Model Monitor's own jobs mount a baseline like this, and say to the container where it is in its environment.
CONSTRAINTS_INPUT, CONSTRAINTS_FOLDER = "constraints", "/opt/ml/processing/baseline/constraints"
STATISTICS_INPUT, STATISTICS_FOLDER = "baseline", "/opt/ml/processing/baseline/stats"


class CheckAdapter(JobAdapter):
    """A step whose processing job computes a baseline and compares the data with the previous one.

    Its result is what the API's metadata of the step lists: the S3 URIs of the baselines, of the violations report if
    there are violations, the job's ARN and the settings. What is checked is on record before the job is created: a
    later try goes on with it, whatever has been approved or edited since.
    """

    check_kind: ClassVar[CheckKind]

    def __init__(self, run: JobRun) -> None:
        super().__init__(run)
        self._check: Check | None = None
        self._check_is_recorded = False
        self._violations: tuple[Violation, ...] = ()

    @property
    def check(self) -> Check:
        if self._check is None:
            raise RuntimeError(f"the settings of the step {self.run.step.name} have not been resolved")
        return self._check

    @override
    def resolve_settings(self) -> None:
        run, token = self.run, self.run.record.token
        stored = run.load_state(CHECK_STORE_KEY)
        recorded = None if stored is None else Check.from_json(stored)
        self._check_is_recorded = recorded is not None and recorded.token == token
        if self._check_is_recorded:
            self._check = recorded
            return
        find = partial(find_latest_approved, run.client())
        try:
            self._check = read_check(run.step.settings, self.check_kind, run.resolve_text, token, find)
        except SettingError as error:
            raise run.failure(str(error)) from None

    @override
    def complete_request(self, request: dict[str, Any]) -> dict[str, Any]:
        """Mount the previous baseline, and say in the environment where it is."""
        completed = super().complete_request(request)
        mounted = {} if self.check.skip else self._baseline_inputs()
        # A place that the report could not be read from fails the step before the job, not after it.
        bucket_and_key(self._report_uri(completed))
        self.run.check_place(self._report_uri(completed))
        if mounted:
            paths = {variable: f"{folder}/{_file_name(uri)}" for variable, (_, folder, uri) in mounted.items()}
            inputs = [_baseline_input(*where) for where in mounted.values()]
            completed["ProcessingInputs"] = [*(completed.get("ProcessingInputs") or ()), *inputs]
            completed["Environment"] = {**(completed.get("Environment") or {}), **paths}
        return completed

    def _baseline_inputs(self) -> dict[str, tuple[str, str, str]]:
        """By environment variable: the input's name, its folder in the container, and the S3 URI."""
        files = self.check_kind.baselines[self.check.check_type]
        inputs = {}
        if self.check.constraints is not None:
            inputs["baseline_constraints"] = (CONSTRAINTS_INPUT, CONSTRAINTS_FOLDER, self.check.constraints)
        if self.check.statistics is not None and files.compares_statistics:
            inputs["baseline_statistics"] = (STATISTICS_INPUT, STATISTICS_FOLDER, self.check.statistics)
        return inputs

    @override
    def create(self) -> None:
        if not self._check_is_recorded:
            self._check = replace(self.check, earlier_report=self._earlier_report())
            self.run.save_state(CHECK_STORE_KEY, self._check.to_json())
            self._check_is_recorded = True
        super().create()

    def _earlier_report(self) -> str | None:
        """The version of the report that an earlier execution left where this one's will be.

        Output places are often literal, and a job without violations need not write a report.
        """
        if self.check.skip:
            return None
        uri = self._report_uri(self.run.request)
        try:
            report = self.run.read_file(uri)
        except self.run.call_errors as error:
            if is_denied(error):
                return None
            raise self._unreadable(uri, error) from error
        return None if report is None else report.version

    @override
    def check_end(self, described: dict[str, Any]) -> None:
        if self.kind.state_of(described) is not JobState.SUCCEEDED:
            return
        if self._check is None:
            self.run.check_resolved()
        if not self.check.skip:
            self._violations = self._read_violations(described)
        if not self._violations:
            return
        # A later step that lets none pass would be green by the result of this one.
        self.run.forget_cache_key()
        found = f"See violation report {self._report_uri(described)}. {describe_violations(self._violations)}"
        if self.check.fail_on_violation:
            raise self.run.job_failure(f"ClientError: {self.check_kind.title} failed. {found}", with_log=False)
        self.run.log.warning("%s: FailOnViolation is false. %s", self.check_kind.title, found)

    def _read_violations(self, described: dict[str, Any]) -> tuple[Violation, ...]:
        uri = self._report_uri(described)
        found: tuple[Violation, ...] = ()
        try:
            report = self.run.read_file(uri)
            if report is not None and report.version != self.check.earlier_report:
                found = read_violations(self.run.read_json(report.content))
        except self.run.call_errors as error:
            raise self._unreadable(uri, error) from error
        except (ValueError, TypeError) as error:
            raise self.run.failure(f"{uri} is not a violations report: {error}.") from None
        said = str(described.get("ExitMessage") or "")
        if not found and said.startswith(EXIT_MESSAGE):
            # The container found some, and its report is not where it should be: no false green.
            found = (Violation("", "", said),)
        return found

    def _unreadable(self, uri: str, error: ClientError | BotoCoreError) -> StepFailure:
        hint = " The step needs s3:GetObject there, and s3:ListBucket to learn that a file is missing."
        message = f"{uri} could not be read: {CallError.of(error)}.{hint if is_denied(error) else ''}"
        return self.run.failure(message, type_of_call_error(error), outcome_unknown=True)

    @override
    def result(self, described: dict[str, Any]) -> dict[str, Any]:
        check, kind = self.check, self.check_kind
        output = self.output_uri(described)
        calculated = {"Constraints": f"{output}/{kind.constraints_file}"}
        previous = {"Constraints": check.constraints}
        if kind.statistics_file is not None:
            calculated["Statistics"] = f"{output}/{kind.statistics_file}"
            previous["Statistics"] = check.statistics
        used = calculated if check.register_new_baseline else previous
        result = {
            "CheckType": check.check_type,
            **{f"CalculatedBaseline{name}": uri for name, uri in calculated.items()},
            **{f"BaselineUsedForDriftCheck{name}": uri for name, uri in used.items()},
            "ModelPackageGroupName": check.group,
            "ViolationReport": self._report_uri(described) if self._violations else None,
            "CheckJobArn": described[KIND.arn_field],
            "SkipCheck": check.skip,
            "RegisterNewBaseline": check.register_new_baseline,
        }
        return {name: value for name, value in result.items() if value is not None}

    def output_uri(self, request: dict[str, Any]) -> str:
        """Where the job's files go, without a slash at its end; the request may be a Describe response."""
        outputs = (request.get("ProcessingOutputConfig") or {}).get("Outputs") or []
        wanted = self.check_kind.output_name
        named = next((output for output in outputs if output.get("OutputName") == wanted), None)
        if named is None:
            raise self.run.failure(f"Arguments.ProcessingOutputConfig has no output {wanted!r} for the results.")
        return str(named["S3Output"]["S3Uri"]).rstrip("/")

    def _report_uri(self, request: dict[str, Any]) -> str:
        return f"{self.output_uri(request)}/{VIOLATIONS_FILE}"


def _baseline_input(name: str, folder: str, uri: str) -> dict[str, Any]:
    return {
        "InputName": name,
        "AppManaged": False,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": folder,
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
            "S3CompressionType": "None",
        },
    }


def _file_name(uri: str) -> str:
    return bucket_and_key(uri)[1].rpartition("/")[2]
