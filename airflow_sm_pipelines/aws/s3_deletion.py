"""Objects in S3 that are looked for and deleted, a thousand at a time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from airflow_sm_pipelines.aws.failures import CallError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BATCH = 1000
"""Keys of one DeleteObjects call, and of one page of a listing."""
# The request of DeleteObjects is XML, which cannot have these.
NOT_IN_XML = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def is_there(client: Any, bucket: str, key: str) -> bool:
    """Whether there is an object of exactly this key.

    It is asked for by a listing, which needs no right to read the object: the first key that begins so is the key
    itself, if it is there.
    """
    try:
        found = client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
    except ClientError as error:
        if CallError.of(error).code == "NoSuchBucket":
            return False
        raise
    return [one["Key"] for one in found] == [key]


def keys_below(client: Any, bucket: str, prefix: str) -> Iterator[list[str]]:
    """The keys that begin with a prefix, in their order, by batches; what is listed may be deleted meanwhile."""
    last = ""
    while True:
        after = {"StartAfter": last} if last else {}
        page = client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=BATCH, **after)
        keys = [one["Key"] for one in page.get("Contents", [])]
        if keys:
            yield keys
            last = keys[-1]
        if not keys or not page.get("IsTruncated"):
            return


def delete(client: Any, bucket: str, keys: Sequence[str]) -> dict[str, CallError]:
    """Delete a batch of objects; what kept some of them from being deleted, by their keys.

    :raises ClientError, BotoCoreError: where the batch as a whole was refused, or got no answer
    """
    errors: dict[str, CallError] = {}
    named = [key for key in keys if not NOT_IN_XML.search(key)]
    if named:
        request = {"Objects": [{"Key": key} for key in named], "Quiet": True}
        for error in client.delete_objects(Bucket=bucket, Delete=request).get("Errors", []):
            errors[error["Key"]] = CallError(error.get("Code", ""), error.get("Message", ""))
    for key in keys:
        if NOT_IN_XML.search(key):
            try:
                client.delete_object(Bucket=bucket, Key=key)
            except ClientError as error:
                errors[key] = CallError.of(error)
    return errors
