"""S3 as the runner needs it, and addresses of it."""

from __future__ import annotations

import urllib.parse
from collections.abc import Sequence
from typing import Protocol


class ObjectStore(Protocol):
    """Objects in buckets, in one region."""

    def keys(self, bucket: str, prefix: str) -> Sequence[str]:
        """The keys that begin with ``prefix``, in order; none where the bucket is not there."""
        ...

    def get(self, bucket: str, key: str) -> bytes | None:
        """An object's content; ``None`` where it is not there."""
        ...

    def put(self, bucket: str, key: str, body: bytes) -> None:
        """Write an object; the bucket need not exist. Raises :class:`~.transfers.OutputError` where S3 refuses it."""
        ...


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of ``s3://bucket/key``; raises ``ValueError`` for anything else."""
    parts = urllib.parse.urlsplit(uri)
    if parts.scheme != "s3" or not parts.netloc:
        raise ValueError(f"not an S3 address: {uri!r}")
    # A key may have "?" and "#" in it.
    return parts.netloc, uri.removeprefix(f"s3://{parts.netloc}").removeprefix("/")
