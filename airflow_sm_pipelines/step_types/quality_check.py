"""QualityCheck: a processing job of Model Monitor's analyzer, compared with a baseline (semantics 2.12)."""

from __future__ import annotations

from types import MappingProxyType

from airflow_sm_pipelines.step_types import processing
from airflow_sm_pipelines.step_types.check import (
    BASELINE_CONSTRAINTS,
    BASELINE_STATISTICS,
    CALLS,
    GUIDE,
    PERMISSIONS,
    BaselineFiles,
    CheckAdapter,
    CheckKind,
    check_syntax,
)
from airflow_sm_pipelines.step_types.step_type import CacheKey, StepType, sagemaker

CHECK = CheckKind(
    title="Quality check",
    output_name="quality_check_output",
    constraints_file="constraints.json",
    statistics_file="statistics.json",
    baselines=MappingProxyType(
        {
            "DATA_QUALITY": BaselineFiles(
                ("ModelDataQuality", "Constraints"), ("ModelDataQuality", "Statistics"), compares_statistics=True
            ),
            "MODEL_QUALITY": BaselineFiles(("ModelQuality", "Constraints"), ("ModelQuality", "Statistics")),
        }
    ),
)


class QualityCheckAdapter(CheckAdapter):
    """A QualityCheck step. A MODEL_QUALITY check compares with constraints alone, and hands its statistics on."""

    check_kind = CHECK


STEP_TYPE = StepType(
    name="QualityCheck",
    syntax=check_syntax(CHECK, "SuppliedBaselineStatistics"),
    operator="airflow_sm_pipelines.operators.sagemaker.QualityCheckStepOperator",
    instance_of=processing.STEP_TYPE.instance_of,
    kind=processing.KIND,
    adapter=QualityCheckAdapter,
    calls=CALLS,
    permissions=PERMISSIONS,
    passed_roles=processing.STEP_TYPE.passed_roles,
    arguments=sagemaker("CreateProcessingJob"),
    extra_properties=BASELINE_CONSTRAINTS + BASELINE_STATISTICS,
    cached=True,
    # The check's and its job's configs, which the service names here, are spread over all of the Arguments.
    cache_key=CacheKey(
        settings=(
            "CheckType",
            "SkipCheck",
            "RegisterNewBaseline",
            "ModelPackageGroupName",
            "SuppliedBaselineConstraints",
            "SuppliedBaselineStatistics",
        )
    ),
    datasets=processing.DATASETS,
    console=processing.CONSOLE,
    guide=GUIDE,
)
