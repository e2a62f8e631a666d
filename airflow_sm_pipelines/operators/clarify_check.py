"""ClarifyCheck: bias or feature attributions, by SageMaker Clarify (semantics 2.12)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from botocore.exceptions import BotoCoreError, ClientError
from typing_extensions import override

from airflow_sm_pipelines.aws.failures import CallError, StepFailure, type_of_call_error
from airflow_sm_pipelines.aws.s3_files import bucket_and_key, read_file
from airflow_sm_pipelines.expressions.errors import UnresolvedError
from airflow_sm_pipelines.expressions.json_text import read_json
from airflow_sm_pipelines.operators.check import CheckStepOperator
from airflow_sm_pipelines.step_types.clarify_check import CHECK

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_sm_pipelines.expressions.scope import TaskScope
    from airflow_sm_pipelines.expressions.stringify import Json

CONFIG_INPUT = "analysis_config"
CONFIG_FILE = "analysis_config.json"


class ClarifyCheckStepOperator(CheckStepOperator):
    """A ClarifyCheck step.

    The SDK takes the model's name out of the analysis config that it uploads when the pipeline is built, since it is
    often known only at run time. It is put back into a copy, which the job reads instead:
    ``<output>/analysis_config/<execution id>/<job name>/analysis_config.json``.
    """

    check_kind = CHECK

    _execution_id = ""
    _original_config = ""

    @override
    def resolve(self, context: Context, scope: TaskScope) -> Json:
        self._execution_id = scope.execution_id
        return super().resolve(context, scope)

    @override
    def complete_request(self, request: dict[str, Json]) -> dict[str, Json]:
        completed = super().complete_request(request)
        if self.check.model_name is not None:
            self._point_to_copy(completed)
        return completed

    def _point_to_copy(self, request: dict[str, Any]) -> None:
        inputs = request.get("ProcessingInputs") or []
        config = next((one for one in inputs if one.get("InputName") == CONFIG_INPUT), None)
        if config is None:
            raise UnresolvedError(
                "Arguments.ProcessingInputs", f"has no input {CONFIG_INPUT!r} to put the ModelName into."
            )
        self._original_config = _config_file(str(config["S3Input"]["S3Uri"]))
        config["S3Input"]["S3Uri"] = self._copy_uri(request)

    def _copy_uri(self, request: dict[str, Any]) -> str:
        place = f"{self._output_uri(request)}/{CONFIG_INPUT}/{self._execution_id}/{self.record.job_name}"
        return f"{place}/{CONFIG_FILE}"

    @override
    def create(self, context: Context, client: Any) -> None:
        if self.check.model_name is not None:
            self._write_copy(context)
        super().create(context, client)

    def _write_copy(self, context: Context) -> None:
        """Write the config with the model's name; a later try writes the same file again."""
        source, target = self._original_config, self._copy_uri(self.config)
        s3 = self.access.client("s3")
        try:
            original = read_file(s3, source, self.settings.max_json_file_size)
            if original is None:
                self._fail_config(context, f"{source} does not exist, and the check needs it")
            content = with_model_name(original.content, self.check.model_name or "")
            bucket, key = bucket_and_key(target)
            s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType="application/json", **original.encryption)
        except (ValueError, TypeError) as error:
            self._fail_config(context, f"{source} is no analysis config: {error}")
        except (ClientError, BotoCoreError) as error:
            told = f"the analysis config {source} could not be read, or not be written to {target}: "
            failure = StepFailure(
                f"Step {self.task_id!r} failed: {told}{CallError.of(error)}", type_of_call_error(error)
            )
            self.fail_attempt(context, failure)
        self.log.info("The analysis config with the model %s is %s", self.check.model_name, target)

    def _fail_config(self, context: Context, what: str) -> NoReturn:
        self.fail_attempt(context, StepFailure(f"Step {self.task_id!r} failed: {what}."))


def with_model_name(config: bytes, model_name: str) -> bytes:
    """An analysis config with ``predictor.model_name``; all else in it stays.

    :raises ValueError: for what is no JSON
    :raises TypeError: for what is no JSON object, or has a predictor that is none
    """
    document = read_json(config)
    if not isinstance(document, dict):
        raise TypeError("it is no JSON object")
    predictor = document.get("predictor") or {}
    if not isinstance(predictor, dict):
        raise TypeError("its predictor is no JSON object")
    return json.dumps({**document, "predictor": {**predictor, "model_name": model_name}}).encode()


def _config_file(uri: str) -> str:
    """The config's file, which the container looks for by its name where the input is a folder."""
    return uri if uri.endswith(".json") else f"{uri.rstrip('/')}/{CONFIG_FILE}"
