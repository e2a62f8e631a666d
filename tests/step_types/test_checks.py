"""Which baseline a check is compared with, and how its violations are told: without Airflow or AWS."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest

from airflow_sm_pipelines.aws.s3_files import S3File, bucket_and_key, read_file
from airflow_sm_pipelines.definition.evaluation_errors import UnresolvedError
from airflow_sm_pipelines.definition.expressions import ParameterReference
from airflow_sm_pipelines.expressions.stringify import to_text
from airflow_sm_pipelines.expressions.values import resolve
from airflow_sm_pipelines.step_types import clarify_check, quality_check
from airflow_sm_pipelines.step_types.baselines import (
    ApprovedPackage,
    Check,
    SettingError,
    find_latest_approved,
    read_check,
)
from airflow_sm_pipelines.step_types.clarify_check import with_model_name
from airflow_sm_pipelines.step_types.violations import (
    MAX_DESCRIPTION_LENGTH,
    Violation,
    describe_violations,
    read_violations,
)
from tests.expressions.scope import FixedScope

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.expressions import Object, Value
    from airflow_sm_pipelines.step_types.check import CheckKind

SCOPE = FixedScope(parameters={"Empty": "", "Yes": True, "Text": "False", "Number": 2, "Uri": "s3://b/c.json"})
FILES = {
    "ModelDataQuality": {"Constraints": {"S3Uri": "s3://p/dc"}, "Statistics": {"S3Uri": "s3://p/ds"}},
    "ModelQuality": {"Constraints": {"S3Uri": "s3://p/mc"}, "Statistics": {"S3Uri": "s3://p/ms"}},
    "Bias": {"PreTrainingConstraints": {"S3Uri": "s3://p/pre"}, "PostTrainingConstraints": {"S3Uri": "s3://p/post"}},
    "Explainability": {"Constraints": {"S3Uri": "s3://p/shap"}},
}
PACKAGE = ApprovedPackage("arn:package", FILES)
CHECK_TYPES = [
    (quality_check.CHECK, "DATA_QUALITY", "s3://p/dc", "s3://p/ds"),
    (quality_check.CHECK, "MODEL_QUALITY", "s3://p/mc", "s3://p/ms"),
    (clarify_check.CHECK, "DATA_BIAS", "s3://p/pre", None),
    (clarify_check.CHECK, "MODEL_BIAS", "s3://p/post", None),
    (clarify_check.CHECK, "MODEL_EXPLAINABILITY", "s3://p/shap", None),
]


def check(kind: CheckKind = quality_check.CHECK, package: ApprovedPackage | None = PACKAGE, **settings: Any) -> Check:
    return read_check({"CheckType": "DATA_QUALITY", **settings}, kind, text_of, "token", lambda group: package)


def text_of(value: Value) -> str:
    found = resolve(value, SCOPE)
    return "" if found is None else to_text(found)


@pytest.mark.parametrize(("kind", "check_type", "constraints", "statistics"), CHECK_TYPES)
def test_each_check_type_has_its_place_in_the_drift_check_baselines(
    kind: CheckKind, check_type: str, constraints: str, statistics: str | None
) -> None:
    found = check(kind, CheckType=check_type, ModelPackageGroupName="g")
    assert (found.constraints, found.statistics) == (constraints, statistics)


def test_settings_are_resolved_and_have_their_defaults() -> None:
    found = check(
        ModelPackageGroupName="g",
        SkipCheck=ParameterReference("Yes"),
        RegisterNewBaseline=ParameterReference("Text"),
        FailOnViolation=None,
        SuppliedBaselineConstraints=ParameterReference("Uri"),
        SuppliedBaselineStatistics=ParameterReference("Empty"),
    )
    assert found == Check(
        token="token",
        check_type="DATA_QUALITY",
        group="g",
        skip=True,
        register_new_baseline=False,
        fail_on_violation=True,
        model_name=None,
        constraints="s3://b/c.json",
        statistics="s3://p/ds",
    )
    assert Check.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_a_flag_that_is_none_is_refused() -> None:
    with pytest.raises(SettingError, match="SkipCheck must be true or false, not '2'"):
        check(SkipCheck=ParameterReference("Number"))


def test_a_record_that_is_no_object_is_refused() -> None:
    with pytest.raises(TypeError, match="not list"):
        Check.from_json([])


@pytest.mark.parametrize(
    ("settings", "package", "why"),
    [
        ({}, PACKAGE, "SuppliedBaselineConstraints and SuppliedBaselineStatistics is not given, and no ModelPackageG"),
        ({"SuppliedBaselineConstraints": "s3://b/c"}, PACKAGE, ": SuppliedBaselineStatistics is not given, and no Mod"),
        ({"ModelPackageGroupName": "g"}, None, "the model package group 'g' has no approved package"),
        ({"ModelPackageGroupName": "g", "SkipCheck": True}, None, "SkipCheck and RegisterNewBaseline are both true"),
        ({"ModelPackageGroupName": "g", "RegisterNewBaseline": True}, None, "has no approved package"),
        (
            {"ModelPackageGroupName": "g"},
            ApprovedPackage("arn:p", {"ModelDataQuality": {"Constraints": {"S3Uri": "s3://p/c"}}}),
            "the latest approved package arn:p has no DriftCheckBaselines.ModelDataQuality.Statistics",
        ),
        (
            {"ModelPackageGroupName": "g", "CheckType": "MODEL_QUALITY"},
            ApprovedPackage("arn:p", {}),
            "SuppliedBaselineConstraints is not given, and the latest approved package arn:p has no DriftCheck",
        ),
    ],
)
def test_a_baseline_that_is_needed_and_missing_is_an_error(
    settings: dict[str, Any], package: ApprovedPackage | None, why: str
) -> None:
    with pytest.raises(SettingError) as raised:
        check(package=package, **settings)
    assert why in str(raised.value)


def test_no_baseline_is_looked_for_where_none_is_needed() -> None:
    def unexpected(group: str) -> ApprovedPackage:
        raise AssertionError(group)

    settings: Object = {"CheckType": "DATA_QUALITY", "ModelPackageGroupName": "g"}
    first: Object = {
        **settings,
        "SkipCheck": True,
        "RegisterNewBaseline": True,
        "SuppliedBaselineConstraints": "s3://b/c",
    }
    found = read_check(first, quality_check.CHECK, text_of, "t", unexpected)
    assert (found.constraints, found.statistics) == (None, None)
    supplied: Object = {**settings, "SuppliedBaselineConstraints": "s3://b/c", "SuppliedBaselineStatistics": "s3://b/s"}
    found = read_check(supplied, quality_check.CHECK, text_of, "t", unexpected)
    assert (found.constraints, found.statistics) == ("s3://b/c", "s3://b/s")


class Registry:
    """A SageMaker client whose first page of packages is empty."""

    def get_paginator(self, name: str) -> Registry:
        assert name == "list_model_packages"
        return self

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        assert asked == {
            "ModelPackageGroupName": "g",
            "ModelApprovalStatus": "Approved",
            "SortBy": "CreationTime",
            "SortOrder": "Descending",
        }
        return [{"ModelPackageSummaryList": []}, {"ModelPackageSummaryList": [{"ModelPackageArn": "a"}]}]

    def describe_model_package(self, ModelPackageName: str) -> dict[str, Any]:  # noqa: N803 # the API's name
        assert ModelPackageName == "a"
        return {"DriftCheckBaselines": FILES}


def test_an_empty_page_of_packages_is_not_the_end() -> None:
    assert find_latest_approved(Registry(), "g") == ApprovedPackage("a", FILES)


def test_the_entries_of_each_container_are_read() -> None:
    entries = [
        {"feature_name": "age", "constraint_check_type": "completeness_check", "description": "0.9 < 1.0"},
        {
            "facet": "Age",
            "facet_value": "40",
            "metric_name": "CI",
            "constraint_check_type": "bias_drift_check",
            "description": "Value 0.07 does not meet",
        },
        {
            "label": "label0",
            "metric_name": "shap",
            "constraint_check_type": "feature_attribution_drift_check",
            "description": "nDCG 0.7",
        },
        {"metric_name": "mse", "constraint_check_type": "GreaterThanThreshold", "description": None},
    ]
    assert [str(violation) for violation in read_violations({"violations": entries})] == [
        "age: completeness_check: 0.9 < 1.0",
        "Age = 40, CI: bias_drift_check: Value 0.07 does not meet",
        "label0, shap: feature_attribution_drift_check: nDCG 0.7",
        "mse: GreaterThanThreshold",
    ]


@pytest.mark.parametrize("report", [{}, {"violations": []}, {"violations": None}])
def test_a_report_without_violations(report: object) -> None:
    assert read_violations(report) == ()


@pytest.mark.parametrize("report", [[], {"violations": {}}, {"violations": [1]}, "text", None])
def test_what_is_no_report(report: object) -> None:
    with pytest.raises(TypeError):
        read_violations(report)


def test_many_and_long_violations_are_cut() -> None:
    told = describe_violations([Violation(f"f{number}", "c", "x" * 1000) for number in range(23)])
    lines = told.splitlines()
    assert lines[0] == "23 violations:"
    assert lines[1] == f"- f0: c: {'x' * MAX_DESCRIPTION_LENGTH}…"
    assert len(lines) == 22
    assert lines[-1] == "- and 3 more"
    assert describe_violations([Violation("f", "", "")]) == "1 violation:\n- f"


def test_the_models_name_is_put_into_the_analysis_config() -> None:
    config = {"headers": ["a"], "predictor": {"instance_type": "ml.m5.large"}}
    written = json.loads(with_model_name(config, "m"))
    assert written == {"headers": ["a"], "predictor": {"instance_type": "ml.m5.large", "model_name": "m"}}
    assert json.loads(with_model_name({}, "m")) == {"predictor": {"model_name": "m"}}
    wrong: object
    for wrong in ([], {"predictor": "x"}, "no"):
        with pytest.raises(TypeError):
            with_model_name(wrong, "m")


class Bucket:
    """An S3 client with one file, encrypted with a key of the user's."""

    def get_object(self, **asked: str) -> dict[str, Any]:
        assert asked == {"Bucket": "b", "Key": "k"}
        return {
            "Body": BytesIO(b"x"),
            "ETag": '"e"',
            "LastModified": datetime(2026, 1, 2, tzinfo=UTC),
            "ServerSideEncryption": "aws:kms",
            "SSEKMSKeyId": "key",
            "BucketKeyEnabled": True,
        }


def test_a_file_knows_how_another_one_is_encrypted_like_it() -> None:
    assert read_file(Bucket(), "s3://b/k") == S3File(
        b"x", '"e" 2026-01-02T00:00:00+00:00', {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "key"}
    )


def test_uris() -> None:
    assert bucket_and_key("s3://b/a/c#1?.json") == ("b", "a/c#1?.json")
    for wrong in ("b/a", "https://b/a", "s3://b", "s3://b/", "s3://b/a/", ""):
        with pytest.raises(UnresolvedError, match="is not the S3 URI of a file"):
            bucket_and_key(wrong)
