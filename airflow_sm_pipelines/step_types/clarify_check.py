"""ClarifyCheck: a processing job of SageMaker Clarify, compared with a baseline (semantics 2.12)."""

from __future__ import annotations

from types import MappingProxyType

from airflow_sm_pipelines.step_types import processing
from airflow_sm_pipelines.step_types.check import (
    BASELINE_CONSTRAINTS,
    CALLS,
    GUIDE,
    PERMISSIONS,
    BaselineFiles,
    CheckKind,
)
from airflow_sm_pipelines.step_types.step_type import CacheKey, StepType, sagemaker

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

STEP_TYPE = StepType(
    name="ClarifyCheck",
    operator="airflow_sm_pipelines.operators.clarify_check.ClarifyCheckStepOperator",
    instance_of=processing.STEP_TYPE.instance_of,
    kind=processing.KIND,
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
