"""What an attempt of a check step checks, and the previous baseline it is compared with (semantics 2.12, 14.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct
from msgspec.structs import asdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_sm_pipelines.definition.expressions import Object, Value
    from airflow_sm_pipelines.step_types.check import BaselineFiles, CheckKind

FLAGS = {"true": True, "false": False}
FIRST_RUN = "The first run of a check has none: SkipCheck and RegisterNewBaseline are both true there."


class SettingError(ValueError):
    """What a check step has beside its Arguments makes no sense; the message says why."""


class ApprovedPackage(Struct, frozen=True):
    """The latest approved model package of a group."""

    arn: str
    baselines: Mapping[str, Any]

    def uri(self, path: tuple[str, str] | None) -> str | None:
        """The S3 URI of a file of DriftCheckBaselines."""
        if path is None:
            return None
        found: str | None = (self.baselines.get(path[0]) or {}).get(path[1], {}).get("S3Uri")
        return found or None


class Check(Struct, frozen=True):
    """A check step's settings, resolved.

    ``token`` is that of the attempt it is for. ``constraints`` and ``statistics`` are the S3 URIs of the previous
    baseline's files, None where none is needed or there is none. ``earlier_report`` is the version of the violations
    report that lay at the place of this attempt's before its job was created.
    """

    token: str
    check_type: str
    group: str | None
    skip: bool
    register_new_baseline: bool
    fail_on_violation: bool
    model_name: str | None
    constraints: str | None
    statistics: str | None
    earlier_report: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Any) -> Check:
        if not isinstance(stored, dict):
            raise TypeError(f"a check's record is a JSON object, not {type(stored).__name__}")
        return cls(**cast("dict[str, Any]", stored))


def read_check(
    settings: Object,
    kind: CheckKind,
    text_of: Callable[[Value], str],
    token: str,
    latest_approved: Callable[[str], ApprovedPackage | None],
) -> Check:
    """Resolve the settings of a check step, and find the previous baseline where one is needed.

    ``text_of`` resolves a setting to its text, and ``latest_approved`` gives the latest approved package of a model
    package group.

    :raises SettingError: for a setting that makes no sense, and for a baseline that is needed and missing
    """
    skip = _flag(settings, "SkipCheck", text_of, default=False)
    register = _flag(settings, "RegisterNewBaseline", text_of, default=False)
    group = _text(settings, "ModelPackageGroupName", text_of)
    check_type = str(settings["CheckType"])
    constraints = statistics = None
    if not (skip and register):
        files = kind.baselines[check_type]
        constraints = _text(settings, "SuppliedBaselineConstraints", text_of)
        statistics = _text(settings, "SuppliedBaselineStatistics", text_of)
        package = None
        if group is not None and (constraints is None or (statistics is None and files.statistics is not None)):
            package = latest_approved(group)
            if package is not None:
                constraints = constraints or package.uri(files.constraints)
                statistics = statistics or package.uri(files.statistics)
        _check_previous(files, constraints, statistics, group, package)
    return Check(
        token=token,
        check_type=check_type,
        group=group,
        skip=skip,
        register_new_baseline=register,
        fail_on_violation=_flag(settings, "FailOnViolation", text_of, default=True),
        model_name=_text(settings, "ModelName", text_of),
        constraints=constraints,
        statistics=statistics,
    )


def _check_previous(
    files: BaselineFiles,
    constraints: str | None,
    statistics: str | None,
    group: str | None,
    package: ApprovedPackage | None,
) -> None:
    needed = {"Constraints": (constraints, files.constraints)}
    if files.compares_statistics:
        needed["Statistics"] = (statistics, files.statistics or files.constraints)
    missing = {name: path for name, (uri, path) in needed.items() if uri is None}
    if not missing:
        return
    if group is None:
        why = "no ModelPackageGroupName says where to look for one"
    elif package is None:
        why = f"the model package group {group!r} has no approved package"
    else:
        places = " and ".join(f"DriftCheckBaselines.{'.'.join(path)}" for path in missing.values())
        why = f"the latest approved package {package.arn} has no {places}"
    names = " and ".join(f"SuppliedBaseline{name}" for name in missing)
    raise SettingError(f"The previous baseline is needed and missing: {names} is not given, and {why}. {FIRST_RUN}")


def _text(settings: Object, name: str, text_of: Callable[[Value], str]) -> str | None:
    """A setting as text; an empty one counts as not given."""
    return text_of(settings.get(name)) or None


def _flag(settings: Object, name: str, text_of: Callable[[Value], str], *, default: bool) -> bool:
    text = text_of(settings.get(name))
    if not text:
        return default
    flag = FLAGS.get(text.lower())
    if flag is None:
        raise SettingError(f"{name} must be true or false, not {text!r}.")
    return flag


def find_latest_approved(client: Any, group: str) -> ApprovedPackage | None:
    """The package of a group that was approved and created last, with its DriftCheckBaselines."""
    pages = client.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
    )
    # A page may be empty, and the next one not: the service filters what it has read.
    summary = next((package for page in pages for package in page["ModelPackageSummaryList"]), None)
    if summary is None:
        return None
    arn = str(summary["ModelPackageArn"])
    described = client.describe_model_package(ModelPackageName=arn)
    return ApprovedPackage(arn, described.get("DriftCheckBaselines") or {})
