"""What a Cleanup step may delete, by its S3 URI alone (semantics 2.18, docs/security.md)."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from airflow_sm_pipelines.aws.s3_files import SCHEME, bucket_and_key
from airflow_sm_pipelines.definition.evaluation_errors import UnresolvedError


def refusal_of(uri: object, declared: Iterable[str], marks: Iterable[str], prefixes: Iterable[str]) -> str | None:
    """Why an object may not be deleted, None where it may.

    :param declared: where the source step says that it writes
    :param marks: the names of which one has to be in the path: of the source's job, and the execution's id
    :param prefixes: where none has to be: the setting ``cleanup_prefixes``
    """
    if not isinstance(uri, str):
        return f"{uri!r} is no text"
    if (why := fault_of_form(uri)) is not None:
        return why
    if not any(is_below(uri, place) for place in declared):
        return "it is not below an output that the step declares in this run"
    if is_marked(bucket_and_key(uri)[1], marks) or any(_allows(prefix, uri) for prefix in prefixes):
        return None
    return (
        "no folder of its path has the name of the step's job or the execution's id in it, so another run may need it."
        " [sagemaker_pipelines] cleanup_prefixes can allow it"
    )


def fault_of_form(uri: str) -> str | None:
    """Why a text names no object that may be deleted, whatever the run; None where it may be one."""
    try:
        _, key = bucket_and_key(uri)
    except UnresolvedError as error:
        return str(error)
    if not {".", ".."}.isdisjoint(key.split("/")):
        return "its path has a part . or .., which no output has"
    return None


def is_below(uri: str, place: str) -> bool:
    """Whether an object is in a folder: its path goes on after the folder's with a slash."""
    bucket, _, key = uri.removeprefix(SCHEME).partition("/")
    other, _, prefix = place.removeprefix(SCHEME).partition("/")
    if not (uri.startswith(SCHEME) and place.startswith(SCHEME) and bucket and bucket == other):
        return False
    folder = prefix.removesuffix("/")
    return key.startswith(f"{folder}/") and len(key) > len(folder) + 1 if folder else bool(key)


def _allows(prefix: str, uri: str) -> bool:
    """Whether a folder of the setting has an object; the bucket's name may be a glob there."""
    bucket, slash, folder = prefix.removeprefix(SCHEME).partition("/")
    own = uri.removeprefix(SCHEME).partition("/")[0]
    return fnmatchcase(own, bucket) and is_below(uri, f"{SCHEME}{own}{slash}{folder}")


def is_marked(key: str, marks: Iterable[str]) -> bool:
    """Whether a folder of a key's path has one of the names in it; the object's own name does not count."""
    folders = key.split("/")[:-1]
    return any(mark in folder for mark in marks if mark for folder in folders)
