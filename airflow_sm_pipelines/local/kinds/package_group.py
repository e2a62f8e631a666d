"""Model package groups."""

from __future__ import annotations

from typing import Any

from airflow_sm_pipelines.local.errors import AwsError, invalid
from airflow_sm_pipelines.local.kinds.action import Action
from airflow_sm_pipelines.local.kinds.resource import ResourceKind
from airflow_sm_pipelines.local.state import Job


class PackageGroupKind(ResourceKind):
    """CreateModelPackageGroup and its family."""

    kind = "model-package-group"
    label = "ModelPackageGroup"
    resource = "model-package-group"
    noun = "model package group"
    list_key = "ModelPackageGroupSummaryList"
    sort_order = "Ascending"

    def already_there(self, job: Job) -> AwsError:
        return invalid(f"Model Package Group already exists: {job.arn}")

    def not_there(self, region: str, name: str) -> AwsError:
        return invalid(f"ModelPackageGroup {self.arn(region, name)} does not exist.")

    def delete(self, action: Action) -> dict[str, Any]:
        group = self.existing(action)
        packages = action.state.all("model-package", action.region, action.now)
        if any(package.facts.get("group") == group.name for package in packages):
            raise AwsError(
                "ConflictException",
                f"Model Package Group {group.arn} cannot be deleted as it contains model packages.",
            )
        return super().delete(action)

    def summary(self, job: Job, now: float) -> dict[str, Any]:
        result = super().summary(job, now) | {"ModelPackageGroupStatus": "Completed"}
        if description := job.request.get("ModelPackageGroupDescription"):
            result["ModelPackageGroupDescription"] = description
        return result
