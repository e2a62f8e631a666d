"""Files in S3 that a step reads or writes itself."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from msgspec import Struct

from airflow_sm_pipelines.aws.failures import CallError
from airflow_sm_pipelines.definition.evaluation_errors import UnresolvedError
from airflow_sm_pipelines.definition.text import unstorable

SCHEME = "s3://"
MAX_FILE_BYTES = 33_554_432
"""How large a file may be that is read into memory, where nobody says: 32 MiB."""

MISSING_CODES = frozenset({"NoSuchKey", "NoSuchBucket", "404"})
DENIED_CODES = frozenset({"AccessDenied", "403"})


class S3File(Struct, frozen=True):
    """A file as it was read. ``version`` differs between any two writes; ``encryption`` are the arguments of
    PutObject that encrypt another file in the same way."""

    content: bytes
    version: str
    encryption: dict[str, str]


def bucket_and_key(uri: str) -> tuple[str, str]:
    """The bucket and key of a file's S3 URI.

    :raises UnresolvedError: for what is no such URI
    """
    if (character := unstorable(uri)) is not None:
        raise UnresolvedError(ascii(uri), f"is not the S3 URI of a file: it has {character}.")
    bucket, _, key = uri.removeprefix(SCHEME).partition("/")
    if not uri.startswith(SCHEME) or not bucket or not key or key.endswith("/"):
        raise UnresolvedError(repr(uri), "is not the S3 URI of a file.")
    return bucket, key


def get_object(client: Any, max_bytes: int, **request: str) -> tuple[dict[str, Any], bytes | None]:
    """What S3 says of an object, and its content: None where it has more bytes, and no more than these are read."""
    response = client.get_object(**request)
    with closing(response["Body"]) as body:
        content = b"" if (is_larger := response.get("ContentLength", 0) > max_bytes) else body.read(max_bytes + 1)
    return response, None if is_larger or len(content) > max_bytes else content


def read_file(client: Any, uri: str, max_bytes: int = MAX_FILE_BYTES) -> S3File | None:
    """A file, or None where there is none; any other error of S3 is raised as it is.

    :raises UnresolvedError: for what is no URI of a file, and for a file of more bytes; no more than these are read
    """
    bucket, key = bucket_and_key(uri)
    try:
        response, content = get_object(client, max_bytes, Bucket=bucket, Key=key)
    except client.exceptions.ClientError as error:
        if CallError.of(error).code in MISSING_CODES:
            return None
        raise
    if content is None:
        limit = f"[sagemaker_pipelines] max_json_file_size allows {max_bytes}"
        raise UnresolvedError(uri, f"has {max(response.get('ContentLength', 0), max_bytes + 1)} bytes, and {limit}.")
    encryption = ("ServerSideEncryption", "SSEKMSKeyId")
    return S3File(
        content,
        f"{response['ETag']} {response['LastModified'].isoformat()} {response.get('VersionId', '')}".strip(),
        {name: response[name] for name in encryption if response.get(name)},
    )


def is_denied(error: Exception) -> bool:
    """Whether S3 refuses a read; without s3:ListBucket it does so for a file that is not there, too."""
    from botocore.exceptions import ClientError

    return isinstance(error, ClientError) and CallError.of(error).code in DENIED_CODES
