"""Files in S3, read no further than is allowed."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_sm_pipelines.aws.s3_files import bucket_and_key, read_file
from airflow_sm_pipelines.definition.evaluation_errors import UnresolvedError


class Body(io.RawIOBase):
    """Gigabytes that nobody holds in memory; ``taken`` is how many bytes of it were read."""

    taken = 0

    def read(self, size: int = -1) -> bytes:
        assert size >= 0
        self.taken += size
        return b" " * size


class S3:
    """A bucket with one file, which says its length or does not."""

    def __init__(self, body: io.RawIOBase | io.BytesIO, length: int | None) -> None:
        self.response: dict[str, Any] = {"Body": body, "ETag": "e", "LastModified": datetime(2026, 1, 1, tzinfo=UTC)}
        if length is not None:
            self.response["ContentLength"] = length

    def get_object(self, **_: str) -> dict[str, Any]:
        return self.response


@pytest.mark.parametrize(("length", "taken"), [(5_000_000_000, 0), (None, 101)])
def test_a_file_that_is_too_large_is_not_read(length: int | None, taken: int) -> None:
    body = Body()
    with pytest.raises(UnresolvedError, match=r"^s3://b/k has \d+ bytes, and .* max_json_file_size allows 100\.$"):
        read_file(S3(body, length), "s3://b/k", 100)
    assert body.taken == taken
    assert body.closed


def test_a_file_of_the_largest_size() -> None:
    file = read_file(S3(io.BytesIO(b"x" * 100), 100), "s3://b/k", 100)
    assert file is not None
    assert len(file.content) == 100


@pytest.mark.parametrize(
    "uri", ["", "s3://", "s3://b", "s3://b/", "s3://b/k/", "http://b/k", "s3://[b/\0", "s3://b/\ud800"]
)
def test_what_is_no_uri_of_a_file(uri: str) -> None:
    with pytest.raises(UnresolvedError, match="is not the S3 URI of a file") as caught:
        bucket_and_key(uri)
    assert str(caught.value).isprintable()
