"""ClarifyCheck: a processing job of SageMaker Clarify, compared with a baseline (semantics 2.12)."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from airflow_sm_pipelines.aws.failures import CallError, type_of_call_error
from airflow_sm_pipelines.aws.s3_files import bucket_and_key
from airflow_sm_pipelines.step_types import processing
from airflow_sm_pipelines.step_types.check import (
    BASELINE_CONSTRAINTS,
    CALLS,
    GUIDE,
    PERMISSIONS,
    BaselineFiles,
    CheckAdapter,
    CheckKind,
    check_syntax,
)
from airflow_sm_pipelines.step_types.step_type import CacheKey, StepType, sagemaker

if TYPE_CHECKING:
    from airflow_sm_pipelines.step_types.adapter import JobRun

CHECK = CheckKind(
    title="Clarify check",
    output_name="analysis_result",
    constraints_file="analysis.json",
    baselines=MappingProxyType(
        {
            "DATA_BIAS": BaselineFiles(("Bias", "PreTrainingConstraints")),
            "MODEL_BIAS": BaselineFiles(("Bias", "PostTrainingConstraints")),
            "MODEL_EXPLAINABILITY": BaselineFiles(("Explainability", "Constraints")),
        }
    ),
)

CONFIG_INPUT = "analysis_config"
CONFIG_FILE = "analysis_config.json"


class ClarifyCheckAdapter(CheckAdapter):
    """A ClarifyCheck step.

    The SDK takes the model's name out of the analysis config that it uploads when the pipeline is built, since it is
    often known only at run time. It is put back into a copy, which the job reads instead:
    ``<output>/analysis_config/<execution id>/<job name>/analysis_config.json``.
    """

    check_kind = CHECK

    def __init__(self, run: JobRun) -> None:
        super().__init__(run)
        self._original_config = ""

    @override
    def complete_request(self, request: dict[str, Any]) -> dict[str, Any]:
        completed = super().complete_request(request)
        if self.check.model_name is not None:
            self._point_to_copy(completed)
        return completed

    def _point_to_copy(self, request: dict[str, Any]) -> None:
        inputs = request.get("ProcessingInputs") or []
        config = next((one for one in inputs if one.get("InputName") == CONFIG_INPUT), None)
        if config is None:
            message = f"Arguments.ProcessingInputs has no input {CONFIG_INPUT!r} to put the ModelName into."
            raise self.run.failure(message)
        self._original_config = _config_file(str(config["S3Input"]["S3Uri"]))
        self.run.check_place(self._original_config)
        config["S3Input"]["S3Uri"] = self._copy_uri(request)

    def _copy_uri(self, request: dict[str, Any]) -> str:
        place = f"{self.output_uri(request)}/{CONFIG_INPUT}/{self.run.execution_id}/{self.run.record.job_name}"
        return f"{place}/{CONFIG_FILE}"

    @override
    def create(self) -> None:
        if self.check.model_name is not None:
            self._write_copy(self.check.model_name)
        super().create()

    def _write_copy(self, model_name: str) -> None:
        """Write the config with the model's name; a later try writes the same file again."""
        source, target = self._original_config, self._copy_uri(self.run.request)
        try:
            original = self.run.read_file(source)
            if original is None:
                raise self.run.failure(f"{source} does not exist, and the check needs it.")
            content = with_model_name(self.run.read_json(original.content), model_name)
            bucket, key = bucket_and_key(target)
            self.run.client("s3").put_object(
                Bucket=bucket, Key=key, Body=content, ContentType="application/json", **original.encryption
            )
        except (ValueError, TypeError) as error:
            raise self.run.failure(f"{source} is no analysis config: {error}.") from None
        except self.run.call_errors as error:
            message = f"the analysis config {source} could not be read, or not be written to {target}: "
            raise self.run.failure(f"{message}{CallError.of(error)}", type_of_call_error(error)) from error
        self.run.log.info("The analysis config with the model %s is %s", model_name, target)


def with_model_name(document: object, model_name: str) -> bytes:
    """An analysis config with ``predictor.model_name``; all else in it stays.

    :raises TypeError: for what is no JSON object, or has a predictor that is none
    """
    if not isinstance(document, dict):
        raise TypeError("it is no JSON object")
    predictor = document.get("predictor") or {}
    if not isinstance(predictor, dict):
        raise TypeError("its predictor is no JSON object")
    return json.dumps({**document, "predictor": {**predictor, "model_name": model_name}}).encode()


def _config_file(uri: str) -> str:
    """The config's file, which the container looks for by its name where the input is a folder."""
    return uri if uri.endswith(".json") else f"{uri.rstrip('/')}/{CONFIG_FILE}"


STEP_TYPE = StepType(
    name="ClarifyCheck",
    syntax=check_syntax(CHECK, "ModelName"),
    operator="airflow_sm_pipelines.operators.sagemaker.ClarifyCheckStepOperator",
    instance_of=processing.STEP_TYPE.instance_of,
    kind=processing.KIND,
    adapter=ClarifyCheckAdapter,
    calls=(*CALLS, "s3:PutObject"),
    permissions=PERMISSIONS,
    passed_roles=processing.STEP_TYPE.passed_roles,
    arguments=sagemaker("CreateProcessingJob"),
    extra_properties=BASELINE_CONSTRAINTS,
    cached=True,
    # The check's and its job's configs, which the service names here, are spread over all of the Arguments.
    cache_key=CacheKey(
        settings=(
            "CheckType",
            "ModelName",
            "SkipCheck",
            "RegisterNewBaseline",
            "ModelPackageGroupName",
            "SuppliedBaselineConstraints",
        )
    ),
    datasets=processing.DATASETS,
    console=processing.CONSOLE,
    guide=GUIDE,
)
