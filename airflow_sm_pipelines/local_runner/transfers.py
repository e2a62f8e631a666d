"""What a job gets from S3 before it starts, and what of its files goes there."""

from __future__ import annotations

import io
import json
import os
import posixpath
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from airflow_sm_pipelines.local_runner.folder import JobFolder
from airflow_sm_pipelines.local_runner.objects import ObjectStore, split_uri

LOCAL_TYPES = ("S3Prefix", "ManifestFile")


class InputError(Exception):
    """An input that the job cannot be given. The message is a job's FailureReason."""


class OutputError(Exception):
    """An output that S3 does not take. The message is a job's FailureReason."""


@dataclass(frozen=True)
class Input:
    """Objects, and the job's folder they go to. An ``optional`` one may have none, as checkpoints at first."""

    name: str
    uri: str
    path: str
    data_type: str = "S3Prefix"
    mode: str = "File"
    optional: bool = False


@dataclass(frozen=True)
class Output:
    """A folder of the job's, and the address its files go to; ``continuous`` ones go while it runs too."""

    name: str
    path: str
    uri: str
    continuous: bool = False


@dataclass(frozen=True)
class Place:
    """Where inputs are looked for, for AWS's words about missing ones."""

    store: ObjectStore
    region: str
    role: str


def check(inputs: tuple[Input, ...], place: Place) -> None:
    """Raise :class:`InputError` for the first input that is not there."""
    for each in inputs:
        for _ in _objects(each, place):
            pass


def fetch(each: Input, folder: JobFolder, place: Place) -> None:
    """Copy an input's objects into the job's folder; raises :class:`InputError` where there are none."""
    folder.make(each.path)
    for bucket, key, relative in _objects(each, place):
        body = place.store.get(bucket, key)
        if body is None:
            raise _missing(f"s3://{bucket}/{key}", bucket, place)
        folder.write(f"{each.path}/{relative}", body)


def _objects(each: Input, place: Place) -> Iterator[tuple[str, str, str]]:
    """Bucket, key and path below the input's folder of each object."""
    if each.mode == "Pipe":
        raise InputError(f"ClientError: input {each.name!r}: Pipe mode does not work locally; File and FastFile do")
    if each.data_type not in LOCAL_TYPES:
        raise InputError(f"ClientError: input {each.name!r}: {each.data_type} does not work locally")
    try:
        bucket, key = split_uri(each.uri)
    except ValueError as error:
        raise InputError(f"ClientError: input {each.name!r}: {error}") from None
    if each.data_type == "ManifestFile":
        yield from _of_manifest(each, place, bucket, key)
        return
    # What ends with "/" marks a folder of the console.
    keys = [found for found in place.store.keys(bucket, key) if not found.endswith("/")]
    if not keys and not each.optional:
        raise _missing(each.uri, bucket, place)
    for found in keys:
        yield bucket, found, _below(found, key)


def _of_manifest(each: Input, place: Place, bucket: str, key: str) -> Iterator[tuple[str, str, str]]:
    """A manifest is a list: an object with the prefix, then what follows it in each key."""
    body = place.store.get(bucket, key)
    if body is None:
        raise _missing(each.uri, bucket, place)
    try:
        head, *rest = json.loads(body)
        prefix = head["prefix"]
        base_bucket, base = split_uri(prefix)
        relatives = [str(entry) for entry in rest]
    except (ValueError, TypeError, KeyError):
        raise InputError(f"ClientError: Failed to parse the manifest {each.uri}: it is no list with a prefix") from None
    for relative in relatives:
        if place.store.get(base_bucket, base + relative) is None:
            raise _missing(prefix + relative, base_bucket, place)
        yield base_bucket, base + relative, relative


def _below(key: str, prefix: str) -> str:
    """A key's path below its prefix: ``a/b/c`` is ``b/c`` below ``a`` and ``a/``, and ``c`` below ``a/b/c``."""
    if key == prefix:
        return posixpath.basename(key)
    rest = key.removeprefix(prefix)
    if prefix.endswith("/") or not prefix or rest.startswith("/"):
        return rest.lstrip("/")
    return key[len(posixpath.dirname(prefix)) :].lstrip("/")


def _missing(uri: str, bucket: str, place: Place) -> InputError:
    return InputError(
        f'ClientError: No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the'
        f" bucket exists in the selected region ({place.region}), that objects exist under that S3 prefix, and that the"
        f' role "{place.role}" has "s3:ListBucket" permissions on bucket "{bucket}".'
    )


class Upload:
    """Sends the files of an output, each again only when it has changed."""

    def __init__(self, output: Output, folder: JobFolder, store: ObjectStore) -> None:
        self._output, self._folder, self._store = output, folder, store
        self._sent: dict[str, tuple[int, int]] = {}

    def send(self) -> None:
        """Send what is new. What the job takes away at the same time is left out."""
        bucket, key = split_uri(self._output.uri)
        for relative, file in self._folder.files(self._output.path):
            with self._folder.opened(file) as stream:
                if stream is None:
                    continue
                about = os.fstat(stream.fileno())
                state = (about.st_mtime_ns, about.st_size)
                if self._sent.get(relative) != state:
                    self._store.put(bucket, posixpath.join(key, relative), stream.read())
                    self._sent[relative] = state


def archive(folder: JobFolder, path: str) -> bytes | None:
    """A ``tar.gz`` of a folder's content, links as links; ``None`` where it holds nothing."""
    start = folder.real(folder.inside(path))
    if start is None or not start.is_dir() or not any(start.iterdir()):
        return None
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archived:
        for entry in sorted(start.iterdir()):
            archived.add(entry, arcname=entry.name)
    return packed.getvalue()


def unpack(content: bytes, folder: Path, name: str) -> None:
    """Unpack a ``tar.gz``; raises :class:`InputError` for what is none, or would leave the folder."""
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:*") as archived:
            if hasattr(tarfile, "data_filter"):
                archived.extractall(folder, filter="data")
            else:  # Python before 3.11.4, which Debian 12 has
                archived.extractall(folder, members=_plain_members(archived))  # noqa: S202 # each is looked at
    except (tarfile.TarError, OSError, EOFError) as error:
        raise InputError(f"ClientError: {name} cannot be unpacked: {error}") from None


def _plain_members(archived: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Files and folders that stay within where the archive is unpacked; anything else is an error."""
    for member in archived:
        path = PurePosixPath(member.name)
        if not (member.isreg() or member.isdir()) or path.is_absolute() or ".." in path.parts:
            raise tarfile.TarError(f"{member.name!r} is no plain file or folder within it")
        yield member
