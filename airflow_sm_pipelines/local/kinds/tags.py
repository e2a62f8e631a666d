"""Tags of the resources the endpoint holds; those of moto's resources are moto's affair."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_sm_pipelines.local.kinds.action import Action, Handler
from airflow_sm_pipelines.local.kinds.listing import cut


class Tags:
    """AddTags, ListTags, DeleteTags; ``None`` for a resource the endpoint does not hold."""

    def actions(self) -> Mapping[str, Handler]:
        """The actions by name."""
        return {"AddTags": self.add, "ListTags": self.list, "DeleteTags": self.delete}

    def add(self, action: Action) -> dict[str, Any] | None:
        """Set tags; answers with the given ones."""
        tags = _tags(action)
        if tags is None:
            return None
        given = action.parameters["Tags"]
        tags.update({tag["Key"]: tag["Value"] for tag in given})
        return {"Tags": given}

    def list(self, action: Action) -> dict[str, Any] | None:
        """A page of tags."""
        tags = _tags(action)
        if tags is None:
            return None
        found = [{"Key": key, "Value": value} for key, value in tags.items()]
        page, token = cut(found, {"MaxResults": 50, **action.parameters})
        return {"Tags": page, **token}

    def delete(self, action: Action) -> dict[str, Any] | None:
        """Remove tags by key."""
        tags = _tags(action)
        if tags is None:
            return None
        for key in action.parameters["TagKeys"]:
            tags.pop(key, None)
        return {}


def _tags(action: Action) -> dict[str, str] | None:
    job = action.state.find_arn(action.parameters["ResourceArn"], action.now)
    return None if job is None else job.tags
