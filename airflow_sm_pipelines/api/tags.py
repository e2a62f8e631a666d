"""AddTags, ListTags and DeleteTags of pipelines."""

from __future__ import annotations

from typing import Any

from airflow_sm_pipelines.api.arns import tagged_pipeline
from airflow_sm_pipelines.api.operation import Call
from airflow_sm_pipelines.api.paging import position_of
from airflow_sm_pipelines.wire.errors import ApiError

MAX_TAGS = 50


def add_tags(call: Call) -> dict[str, Any]:
    added = {tag["Key"]: tag["Value"] for tag in call.request["Tags"]}

    def change(tags: dict[str, str]) -> dict[str, str]:
        changed = {**tags, **added}
        if len(changed) > MAX_TAGS:
            raise ApiError("ValidationException", f"A pipeline has at most {MAX_TAGS} tags.")
        return changed

    name = call.pipeline(tagged_pipeline(call.request["ResourceArn"])).record.name
    return {"Tags": _shown(call.ports.store.tag(name, change))}


def list_tags(call: Call) -> dict[str, Any]:
    """All at once: there are never more than a page holds."""
    if position_of(call.request) is not None:
        raise ApiError("ValidationException", "The NextToken is not one of this list: it has one page.")
    found = call.pipeline(tagged_pipeline(call.request["ResourceArn"]))
    return {"Tags": _shown(found.record.tags)}


def delete_tags(call: Call) -> dict[str, Any]:
    gone = set(call.request["TagKeys"])
    name = call.pipeline(tagged_pipeline(call.request["ResourceArn"])).record.name
    call.ports.store.tag(name, lambda tags: {key: value for key, value in tags.items() if key not in gone})
    return {}


def _shown(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
