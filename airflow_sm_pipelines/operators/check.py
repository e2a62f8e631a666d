"""What the two types of check steps share: a processing job that is compared with a previous baseline."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerProcessingOperator
from airflow.sdk.execution_time.context import NEVER_EXPIRE
from botocore.exceptions import BotoCoreError, ClientError
from msgspec.structs import replace
from typing_extensions import override

from airflow_sm_pipelines.aws.failures import CallError, StepFailure, type_of_call_error
from airflow_sm_pipelines.aws.s3_files import S3File, bucket_and_key, is_denied, read_file
from airflow_sm_pipelines.expressions.errors import UnresolvedError
from airflow_sm_pipelines.jobs.baselines import Check, find_latest_approved, read_check
from airflow_sm_pipelines.jobs.violations import EXIT_MESSAGE, Violation, read_violations, tell
from airflow_sm_pipelines.operators.job import JobStepOperator
from airflow_sm_pipelines.step_types.check import VIOLATIONS_FILE
from airflow_sm_pipelines.step_types.job_kind import JobState
from airflow_sm_pipelines.step_types.processing import KIND

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_sm_pipelines.expressions.scope import TaskScope
    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.step_types.check import CheckKind

CHECK_STORE_KEY = "sagemaker_check"
# Model Monitor's own jobs mount a baseline like this, and tell the container where it is in its environment.
CONSTRAINTS_INPUT, CONSTRAINTS_FOLDER = "constraints", "/opt/ml/processing/baseline/constraints"
STATISTICS_INPUT, STATISTICS_FOLDER = "baseline", "/opt/ml/processing/baseline/stats"


class CheckStepOperator(JobStepOperator, SageMakerProcessingOperator):
    """A step whose processing job computes a baseline and compares the data with the previous one.

    Its result is what the API's metadata of the step lists: the S3 URIs of the baselines, of the violations report if
    there are violations, the job's ARN and the settings. What is checked is on record before the job is created: a
    later try goes on with it, whatever has been approved or edited since.
    """

    kind = KIND
    check_kind: CheckKind

    _check: Check | None = None
    _check_is_recorded = False
    _violations: tuple[Violation, ...] = ()

    @property
    def check(self) -> Check:
        if self._check is None:
            raise RuntimeError(f"the settings of the step {self.task_id} have not been resolved")
        return self._check

    @override
    def resolve(self, context: Context, scope: TaskScope) -> Json:
        stored = context["task_state_store"].get(CHECK_STORE_KEY)
        recorded = None if stored is None else Check.from_json(stored)
        self._check_is_recorded = recorded is not None and recorded.token == self.record.token
        if self._check_is_recorded:
            self._check = recorded
        else:
            find = partial(find_latest_approved, self.access.client("sagemaker"))
            self._check = read_check(self.step.settings, self.check_kind, scope, self.record.token, find)
        return super().resolve(context, scope)

    @override
    def complete_request(self, request: dict[str, Json]) -> dict[str, Json]:
        """Mount the previous baseline, and say in the environment where it is."""
        completed: dict[str, Any] = super().complete_request(request)
        # A place that the report could not be read from is told before the job, not after it.
        bucket_and_key(self._report_uri(completed))
        mounted = {} if self.check.skip else self._baseline_inputs()
        if mounted:
            inputs = [_baseline_input(*where) for where in mounted.values()]
            paths = {variable: f"{folder}/{_file_name(uri)}" for variable, (_, folder, uri) in mounted.items()}
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
    def create(self, context: Context, client: Any) -> None:
        if not self._check_is_recorded:
            self._check = replace(self.check, earlier_report=self._earlier_report(context))
            context["task_state_store"].set(CHECK_STORE_KEY, self._check.to_json(), retention=NEVER_EXPIRE)
            self._check_is_recorded = True
        super().create(context, client)

    def _earlier_report(self, context: Context) -> str | None:
        """The version of the report that an earlier execution left where this one's will be.

        Output places are often literal, and a job without violations need not write a report.
        """
        if self.check.skip:
            return None
        try:
            report = self._read_report(self._report_uri(self.config))
        except (ClientError, BotoCoreError) as error:
            if is_denied(error):
                return None
            self._fail_reading(context, self._report_uri(self.config), error)
        return None if report is None else report.version

    @override
    def _end(self, context: Context, described: dict[str, Any]) -> Any:
        if self.kind.state_of(described) is JobState.SUCCEEDED:
            self._job_in_flight = None
            if self._check is None:
                self.check_resolved(context)
            if not self.check.skip:
                self._violations = self._read_violations(context, described)
            if self._violations:
                # A later step that lets none pass would be green by the result of this one.
                self.amend(cache_attributes=None)
                found = f"See violation report {self._report_uri(described)}. {tell(self._violations)}"
                if self.check.fail_on_violation:
                    self._push_job(context, described)
                    message = f"Step {self.task_id!r} failed: ClientError: {self.check_kind.title} failed. {found}"
                    self.fail_attempt(context, StepFailure(self.with_console(message)))
                self.log.warning("%s: FailOnViolation is false. %s", self.check_kind.title, found)
        return super()._end(context, described)

    def _read_report(self, uri: str) -> S3File | None:
        return read_file(self.access.client("s3"), uri, self.settings.max_json_file_size)

    def _read_violations(self, context: Context, described: dict[str, Any]) -> tuple[Violation, ...]:
        uri = self._report_uri(described)
        found: tuple[Violation, ...] = ()
        try:
            report = self._read_report(uri)
            if report is not None and report.version != self.check.earlier_report:
                found = read_violations(report.content)
        except (ClientError, BotoCoreError) as error:
            self._fail_reading(context, uri, error)
        except (ValueError, TypeError) as error:
            message = f"Step {self.task_id!r} failed: {uri} is not a violations report: {error}."
            self.fail_attempt(context, StepFailure(message))
        said = str(described.get("ExitMessage") or "")
        if not found and said.startswith(EXIT_MESSAGE):
            # The container found some, and its report is not where it should be: no false green.
            found = (Violation("", "", said),)
        return found

    def _fail_reading(self, context: Context, uri: str, error: ClientError | BotoCoreError) -> NoReturn:
        hint = " The step needs s3:GetObject there, and s3:ListBucket to be told that a file is missing."
        self.fail_attempt(
            context,
            StepFailure(
                f"Step {self.task_id!r} failed: {uri} could not be read: {CallError.of(error)}."
                f"{hint if is_denied(error) else ''}",
                type_of_call_error(error),
                outcome_unknown=True,
            ),
        )

    @override
    def result_of(self, described: dict[str, Any]) -> dict[str, Any]:
        check, kind = self.check, self.check_kind
        output = self._output_uri(described)
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

    def _output_uri(self, request: dict[str, Any]) -> str:
        """Where the job's files go, without a slash at its end; the request may be a Describe response."""
        outputs = (request.get("ProcessingOutputConfig") or {}).get("Outputs") or []
        named = next((output for output in outputs if output.get("OutputName") == self.check_kind.output_name), None)
        if named is None:
            raise UnresolvedError(
                "Arguments.ProcessingOutputConfig", f"has no output {self.check_kind.output_name!r} for the results."
            )
        return str(named["S3Output"]["S3Uri"]).rstrip("/")

    def _report_uri(self, request: dict[str, Any]) -> str:
        return f"{self._output_uri(request)}/{VIOLATIONS_FILE}"


def _baseline_input(name: str, folder: str, uri: str) -> dict[str, Json]:
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
