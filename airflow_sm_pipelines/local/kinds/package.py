"""Model packages: versions of a group, or packages with a name of their own."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from airflow_sm_pipelines.local.errors import AwsError, invalid
from airflow_sm_pipelines.local.kinds.action import Action, Handler
from airflow_sm_pipelines.local.kinds.package_group import PackageGroupKind
from airflow_sm_pipelines.local.kinds.resource import ResourceKind
from airflow_sm_pipelines.local.scenario import JobRule
from airflow_sm_pipelines.local.state import Job, merged
from airflow_sm_pipelines.local.timeline import Phase, Timeline

UPDATED = (
    *("ModelApprovalStatus", "ApprovalDescription", "ModelCard", "ModelLifeCycle", "InferenceSpecification"),
    *("SourceUri", "ModelPackageRegistrationType"),
)
SUMMARY = (
    *("ModelPackageName", "ModelPackageGroupName", "ModelPackageVersion", "ModelPackageArn"),
    *("ModelPackageDescription", "CreationTime", "ModelPackageStatus", "ModelApprovalStatus"),
)


class PackageKind(ResourceKind):
    """CreateModelPackage and its family. Inside, a version is called ``<group>/<version>``."""

    kind = "model-package"
    label = "ModelPackage"
    resource = "model-package"
    noun = "model package"
    list_key = "ModelPackageSummaryList"

    def __init__(self, groups: PackageGroupKind) -> None:
        self._groups = groups

    def actions(self) -> Mapping[str, Handler]:
        return {**super().actions(), "UpdateModelPackage": self.update}

    def not_there(self, region: str, name: str) -> AwsError:
        return invalid(f"ModelPackage {self.arn(region, name)} does not exist.")

    def name_in(self, parameters: Mapping[str, Any]) -> str:
        name: str = parameters.get("ModelPackageArn") or parameters["ModelPackageName"]
        return name.partition(":model-package/")[2] if name.startswith("arn:") else name

    def existing(self, action: Action) -> Job:
        name = self.name_in(action.parameters)
        for job in action.state.all(self.kind, action.region, action.now):
            if name.lower() == job.name.lower():
                return job
        raise self.not_there(action.region, name)

    def create(self, action: Action) -> dict[str, Any]:
        asked = action.parameters
        if "ModelPackageGroupName" in asked and "ModelPackageName" in asked:
            raise invalid(
                "Both ModelPackageName and ModelPackageGroupName are provided in the input. "
                "Cannot determine which one to use."
            )
        packages = list(action.state.all(self.kind, action.region, action.now))
        token = asked.get("ClientToken")
        if token and (known := next((p for p in packages if p.request.get("ClientToken") == token), None)):
            return {"ModelPackageArn": known.arn}
        if "ModelPackageGroupName" in asked:
            group = self._groups.existing(action)
            number = group.facts.setdefault("versions", itertools.count(1))
            return self._add(action, f"{group.name}/{next(number)}", group.name)
        if "ModelPackageName" not in asked:
            raise invalid("Missing ARN.")
        if known := next((p for p in packages if p.name.lower() == asked["ModelPackageName"].lower()), None):
            raise AwsError("ConflictException", f"Model package already exists: {known.arn}")
        return self._add(action, asked["ModelPackageName"], None)

    def _add(self, action: Action, name: str, group: str | None) -> dict[str, Any]:
        job = self.make(action, name)
        rule = action.state.rule(self.kind, name)
        duration = 0.0
        if rule is not None or "ValidationSpecification" in action.parameters:
            given = None if rule is None else rule.duration
            duration = action.state.defaults.duration if given is None else given
        job.rule = rule or JobRule()
        failed = job.rule.outcome == "Failed"
        job.failure_reason = (job.rule.failure_reason or "Validation failed") if failed else None
        end = Phase(action.now + duration, "Failed" if failed else "Completed")
        job.timeline = Timeline((Phase(action.now, "InProgress"), end))
        job.facts["group"] = group
        job.facts["now"] = {key: value for key, value in job.request.items() if key not in ("Tags", "ClientToken")}
        if group:
            job.facts["now"] |= {"ModelPackageGroupName": group}
            job.facts["now"].setdefault("ModelApprovalStatus", "PendingManualApproval")
        action.state.add(job)
        return {"ModelPackageArn": job.arn}

    def describe(self, action: Action) -> dict[str, Any]:
        job = self.existing(action)
        return merged(self._everything(job, action.now), job.rule.describe)

    def _everything(self, job: Job, now: float) -> dict[str, Any]:
        status = job.timeline.current(now).status
        check: dict[str, Any] = {"Name": job.name, "Status": status}
        if status == "Failed":
            check["FailureReason"] = job.failure_reason
        result: dict[str, Any] = job.facts["now"] | {
            "ModelPackageArn": job.arn,
            "CreationTime": job.created,
            "ModelPackageStatus": status,
            "ModelPackageStatusDetails": {
                "ValidationStatuses": [check] if "ValidationSpecification" in job.request else [],
                "ImageScanStatuses": [],
            },
        }
        if job.modified is not None:
            result["LastModifiedTime"] = job.modified
        if job.facts["group"]:
            result["ModelPackageVersion"] = int(job.name.rpartition("/")[2])
        else:
            result["ModelPackageName"] = job.name
        return result

    def summary(self, job: Job, now: float) -> dict[str, Any]:
        everything = self._everything(job, now)
        return {key: everything[key] for key in SUMMARY if key in everything}

    def update(self, action: Action) -> dict[str, Any]:
        """Change the approval and what else may change."""
        job, asked = self.existing(action), action.parameters
        state = job.facts["now"]
        state |= {key: asked[key] for key in UPDATED if key in asked}
        if "CustomerMetadataProperties" in asked or "CustomerMetadataPropertiesToRemove" in asked:
            kept = state.get("CustomerMetadataProperties", {}) | asked.get("CustomerMetadataProperties", {})
            removed = asked.get("CustomerMetadataPropertiesToRemove", ())
            state["CustomerMetadataProperties"] = {k: v for k, v in kept.items() if k not in removed}
        if more := asked.get("AdditionalInferenceSpecificationsToAdd"):
            state["AdditionalInferenceSpecifications"] = [
                *state.get("AdditionalInferenceSpecifications", ()),
                *more,
            ]
        job.modified = action.now
        return {"ModelPackageArn": job.arn}

    def list(self, action: Action) -> dict[str, Any]:
        asked = action.parameters
        group = asked.get("ModelPackageGroupName", "").rpartition("/")[2]
        kind = "Versioned" if group else asked.get("ModelPackageType", "Unversioned")
        approval = asked.get("ModelApprovalStatus")

        def wanted(job: Job) -> bool:
            own = job.facts["group"]
            return (
                (not group or own == group)
                and (kind == "Both" or (own is not None) == (kind == "Versioned"))
                and (approval is None or job.facts["now"].get("ModelApprovalStatus") == approval)
            )

        return self.page(action, filter(wanted, action.state.all(self.kind, action.region, action.now)))
