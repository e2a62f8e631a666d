"""The tags that a step's job carries: the definition's own, the deployment's, and whose job it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.step_types.job_kind import JobKind

MAX_TAGS = 50
MAX_VALUE_LENGTH = 256
# What AWS takes in a tag's value: letters, spaces and digits of any script, and these.
NOT_IN_A_VALUE = re.compile(r"[^\w .:/=+\-@]")

EXECUTION_ARN_TAG = "sagemaker:pipeline-execution-arn"
STEP_TAG = "sagemaker:pipeline-step-name"
PIPELINE_TAG = "airflow:pipeline-name"
DAG_TAG = "airflow:dag-id"
RUN_TAG = "airflow:run-id"


def own_tags(*, pipeline: str, step: str, execution_arn: str | None, dag_id: str, run_id: str) -> dict[str, str]:
    """Whose job it is: the two tags of SageMaker Pipelines (semantics 2.0) first, then Airflow's names for the same."""
    return {
        STEP_TAG: tag_value(step),
        **({EXECUTION_ARN_TAG: tag_value(execution_arn)} if execution_arn is not None else {}),
        PIPELINE_TAG: tag_value(pipeline),
        DAG_TAG: tag_value(dag_id),
        RUN_TAG: tag_value(run_id),
    }


def tag_value(text: str) -> str:
    """A text as AWS takes it for a tag's value."""
    return NOT_IN_A_VALUE.sub("_", text)[:MAX_VALUE_LENGTH]


def with_tags(
    request: Mapping[str, Json], kind: JobKind, tags: Mapping[str, str]
) -> tuple[dict[str, Json], tuple[str, ...]]:
    """A Create request with tags added, and the keys of those that did not fit.

    A tag that the request has stays as it is, and so does its place; AWS takes 50 tags at most, so what comes last in
    ``tags`` is left out first.
    """
    if kind.tags_field is None:
        return dict(request), ()
    given: Any = request.get(kind.tags_field) or ({} if kind.tags_are_a_map else [])
    taken = set(given) if kind.tags_are_a_map else {tag.get("Key") for tag in given}
    missing = {key: value for key, value in tags.items() if key not in taken}
    room = max(MAX_TAGS - len(taken), 0)
    added, left_out = dict(list(missing.items())[:room]), tuple(missing)[room:]
    if not added:
        return dict(request), left_out
    listed: list[Json] = [{"Key": key, "Value": value} for key, value in added.items()]
    merged: Json = {**given, **added} if kind.tags_are_a_map else [*given, *listed]
    return {**request, kind.tags_field: merged}, left_out
