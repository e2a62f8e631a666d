"""Turns S3 requests that name the bucket in the host, ``http://bucket.local-aws:5000/key``, into ones by path."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

S3_CONTROL = "/v20180820/"
"""S3's account API puts the account before the host, not a bucket."""


def ask_by_path(environ: WSGIEnvironment, bucket: str, port: str) -> None:
    """Change an S3 request into one to ``localhost`` with the bucket, if there is one, in its path.

    moto takes what stands before the first dot of any other host for the bucket: ``aws`` of ``aws.example``, ``my`` of
    ``my.bucket.local-aws``.
    """
    environ["HTTP_HOST"] = f"localhost{port}"
    if not bucket or environ["PATH_INFO"].startswith(S3_CONTROL):
        return
    environ["PATH_INFO"] = f"/{bucket}{environ['PATH_INFO']}"
    for name in ("RAW_URI", "REQUEST_URI"):
        uri = environ[name]
        if not uri.startswith("/"):  # the whole URL, as to a proxy
            parts = urlsplit(uri)
            uri = f"{parts.path or '/'}?{parts.query}"
        environ[name] = f"/{bucket}{uri}"
