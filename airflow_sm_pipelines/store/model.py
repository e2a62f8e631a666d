"""What is stored of a pipeline, as frozen data and as JSON."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct, field


class Version(Struct, frozen=True, kw_only=True):
    """One version of a pipeline: what an upsert has given. Times are epoch seconds, ``user`` is an Airflow user.

    ``first`` is the number of the version with which the pipeline was created: a name that was deleted and created
    again goes on counting.
    """

    number: int
    first: int = 1
    name: str
    definition: str
    role_arn: str | None = None
    display_name: str | None = None
    description: str | None = None
    parallelism: int | None = None
    created_at: float
    user: str

    def document(self) -> dict[str, Any]:
        """The version as a describe-pipeline document, which is what a Dag is made of."""
        members = {
            "PipelineName": self.name,
            "PipelineDisplayName": self.display_name,
            "PipelineDescription": self.description,
            "RoleArn": self.role_arn,
            "ParallelismConfiguration": (
                None if self.parallelism is None else {"MaxParallelExecutionSteps": self.parallelism}
            ),
            "PipelineVersionId": self.number,
            "PipelineDefinition": self.definition,
        }
        return {name: value for name, value in members.items() if value is not None}


class VersionLabel(Struct, frozen=True):
    """What people call a version."""

    display_name: str | None = None
    description: str | None = None


class Record(Struct, frozen=True, kw_only=True):
    """What is known of a pipeline beside its versions.

    ``first`` is the number of the version with which the pipeline was created. ``token`` is a digest of the
    ClientRequestToken that created it, ``deletion`` of the one that deleted it: None where it
    was not deleted, empty where there was no token. ``labels`` are by the number of the
    version.
    """

    name: str
    first: int = 1
    created_at: float
    created_by: str
    token: str | None = None
    deletion: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    labels: dict[str, VersionLabel] = field(default_factory=dict)


class Stored(Struct, frozen=True):
    """A pipeline and the version of it that runs."""

    record: Record
    version: Version


def to_json(value: Struct | dict[str, Any]) -> bytes:
    """The stored form, which people can read too."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"
