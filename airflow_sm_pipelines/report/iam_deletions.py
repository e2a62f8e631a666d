"""What a Cleanup step needs in IAM: to delete and list in the buckets of its sources' outputs, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.aws.s3_files import SCHEME
from airflow_sm_pipelines.definition.expressions import Join
from airflow_sm_pipelines.step_types.cleanup import SOURCES, source_names
from airflow_sm_pipelines.step_types.member_paths import members_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.definition.model import Step

ANY = "*"


def deletion_statements(cleanups: Iterable[Step], steps: Mapping[str, Step]) -> list[dict[str, Any]]:
    """The statements for the Cleanup steps of a pipeline.

    A bucket that is known only when the pipeline runs is ``*``.
    """
    buckets = {bucket for cleanup in cleanups for bucket in _buckets(cleanup, steps)}
    if not buckets:
        return []
    known = [ANY] if ANY in buckets else sorted(buckets)
    return [
        _statement("CleanupDeletes", "s3:DeleteObject", [f"arn:*:s3:::{bucket}/*" for bucket in known]),
        _statement("CleanupLists", "s3:ListBucket", [f"arn:*:s3:::{bucket}" for bucket in known]),
    ]


def _statement(sid: str, action: str, resources: list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": [action], "Resource": resources}


def _buckets(cleanup: Step, steps: Mapping[str, Step]) -> Iterator[str]:
    for _, name in source_names(cleanup.arguments):
        source = steps.get(name)
        if source is not None and (kind := SOURCES.get(source.type)) is not None:
            for place in members_at(source.arguments, kind.outputs):
                yield _bucket(place)


def _bucket(place: Value) -> str:
    """The bucket of a place, where the text before its first expression gives it whole."""
    text, is_whole = _beginning(place)
    bucket, slash, _ = text.removeprefix(SCHEME).partition("/")
    return bucket if text.startswith(SCHEME) and bucket and (slash or is_whole) else ANY


def _beginning(value: Value) -> tuple[str, bool]:
    """The literal text with which a value begins, and whether that is all of it."""
    if isinstance(value, str):
        return value, True
    if not isinstance(value, Join):
        return "", False
    texts: list[str] = []
    for one in value.values:
        text, is_whole = _beginning(one)
        texts.append(text)
        if not is_whole:
            return value.separator.join(texts), False
    return value.separator.join(texts), True
