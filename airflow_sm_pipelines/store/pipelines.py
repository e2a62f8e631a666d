"""Pipelines by name and version, in the files of a store.

``<name>.json`` is the version that runs, as a describe-pipeline document: the file of which the dag-processor makes the
Dag. Where it is, there is a pipeline, and its PipelineVersionId is the current version: an upsert is done when that
file has been replaced, and not before. ``.pipelines/<name>/`` has the versions, ``<number>.json``, and what is known
beside them, ``record-<first>.json``, by the number of the version with which the pipeline was created. Both stay when a
pipeline is deleted, for the runs that are left of it and for calls that come twice. Names are in lower case there: AWS
distinguishes no pipelines by case.

Of two hosts that create one name at the same moment, the one is done that puts ``<name>.json`` where none is. The
other has written a version and a record of its own, which nobody shows.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from airflow_sm_pipelines.store.files import Files
from airflow_sm_pipelines.store.model import Record, Stored, Version, VersionLabel, to_json
from airflow_sm_pipelines.wire.errors import ApiError

log = logging.getLogger(__name__)

HISTORY = ".pipelines"
_RECORD = re.compile(r"record-([0-9]+)\.json")


class _Document(Struct, frozen=True):
    PipelineVersionId: int | None = None


T = TypeVar("T")
_DOCUMENT = msgspec.json.Decoder(_Document)
_VERSIONS = msgspec.json.Decoder(Version)
_RECORDS = msgspec.json.Decoder(Record)


class PipelineExistsError(Exception):
    """There is a pipeline of that name."""


class NoSuchPipelineError(Exception):
    """There is no pipeline of that name."""


class TokenUsedError(Exception):
    """The token has created a pipeline of that name, which was deleted since."""


class StoredFileError(ApiError):
    """A file of the store is not what the store has written, or is in the way of what it has to write."""

    def __init__(self, path: str, what: str) -> None:
        super().__init__("ConflictException", f"The file {path} in the store of the pipelines {what}.")


class PipelineStore:
    """The pipelines of the API.

    :param files: where they lie
    :param changed: called with the document's path below the root, after it was written or removed
    :param clock: epoch seconds
    """

    def __init__(
        self, files: Files, changed: Callable[[str], None] = lambda _: None, clock: Callable[[], float] = time.time
    ) -> None:
        self._files = files
        self._changed = changed
        self._clock = clock

    # Reading ------------------------------------------------------------------------------------------------

    def get(self, name: str) -> Stored:
        """A pipeline.

        :raises NoSuchPipelineError: where there is none of that name, in upper or lower case
        :raises StoredFileError: where a file of it cannot be used
        """
        number = self._current(name)
        if number is None:
            raise NoSuchPipelineError(name)
        try:
            version = self._needed_version(name, number)
        except StoredFileError:
            if self._files.names(f"{HISTORY}/{name.lower()}"):
                raise
            # Somebody else's document.
            raise NoSuchPipelineError(name) from None
        return Stored(self._record(name, version.first), version)

    def name_of(self, name: str) -> str:
        """A name as the pipeline was given it, in upper and lower case; as it is where there is no such pipeline."""
        try:
            return self.get(name).record.name
        except (NoSuchPipelineError, StoredFileError):
            return name

    def version(self, name: str, number: int) -> Version:
        """A version of a pipeline, also of one that was deleted since.

        :raises LookupError: where there is no such version
        """
        current = self._current(name)
        if current is not None and number > current:
            raise LookupError(number)
        return self._version(name, number)

    def versions(self, name: str) -> list[Version]:
        """Those since the pipeline was created, the oldest first.

        :raises NoSuchPipelineError: where there is none of that name
        """
        present = self.get(name)
        first, last = present.record.first, present.version.number
        found = [self._version(name, number) for number in self._numbers(name) if first <= number <= last]
        # Of a creation that came second, there can be another one between.
        return [version for version in found if version.first == first]

    def all(self) -> Iterator[Stored]:
        """Every pipeline, in the order of their names in lower case; one that cannot be read is logged."""
        for key in self._files.names(HISTORY):
            try:
                found = self.get(key)
            except NoSuchPipelineError:
                continue
            except StoredFileError as error:
                log.error("The pipeline %s is left out: %s", key, error)
                continue
            yield found

    def deleted_by(self, name: str, token: str) -> Stored | None:
        """A pipeline that the call with this token has deleted, with its first version; None where there is none."""
        try:
            present = self.get(name).record.first
        except NoSuchPipelineError:
            present = None
        for record in self._records(name):
            if record.deletion == token and record.first != present:
                return Stored(record, self._needed_version(name, record.first))
        return None

    # Writing ------------------------------------------------------------------------------------------------

    def create(
        self, given: Mapping[str, Any], *, user: str, token: str | None = None, tags: Mapping[str, str] | None = None
    ) -> Stored:
        """A new pipeline; ``given`` are the members of a :class:`Version`.

        :raises PipelineExistsError: where there is one of that name
        :raises TokenUsedError: where the token has created one that was deleted since
        :raises StoredFileError: where somebody else's file is in the place of the document
        """
        name, now = str(given["name"]), self._clock()
        with self._files.lock():
            self._check_free(name)
            self._check_unused(name, token)
            version = self._add(name, given, now, user)
            record = Record(
                name=name, first=version.number, created_at=now, created_by=user, token=token, tags=dict(tags or {})
            )
            self._write(record)
            if not self._files.create(document_path(name), to_json(version.document())):
                raise PipelineExistsError(name)
        self._changed(document_path(name))
        return Stored(record, version)

    def update(self, name: str, given: Mapping[str, Any], *, user: str) -> Stored:
        """A new version of a pipeline: the present one with other members.

        :raises NoSuchPipelineError: where there is none of that name
        """
        with self._files.lock():
            present = self.get(name)
            members = {**asdict(present.version), **given, "name": present.record.name}
            version = self._add(present.record.name, members, self._clock(), user)
            self._commit(version)
        return Stored(present.record, version)

    def delete(self, name: str, token: str = "") -> None:
        """Take a pipeline out.

        :param token: a digest of the call's token, by which :meth:`deleted_by` finds the pipeline
        :raises NoSuchPipelineError: where there is none of that name
        """
        with self._files.lock():
            self._write(replace(self.get(name).record, deletion=token))
            self._files.delete(document_path(name))
        self._changed(document_path(name))

    def remind(self, name: str) -> None:
        """Report once more that a pipeline has changed: the dag-processor takes up a change only some time after an
        earlier one ([core] min_serialized_dag_update_interval).
        """
        self._changed(document_path(name))

    def tag(self, name: str, change: Callable[[dict[str, str]], dict[str, str]]) -> dict[str, str]:
        """Change a pipeline's tags; the new ones.

        :raises NoSuchPipelineError: where there is none of that name
        """
        with self._files.lock():
            record = self.get(name).record
            record = replace(record, tags=change(dict(record.tags)))
            self._write(record)
        return record.tags

    def label(self, name: str, number: int, label: VersionLabel) -> None:
        """Call a version something.

        :raises NoSuchPipelineError: where there is none of that name
        :raises LookupError: where it has no such version
        """
        with self._files.lock():
            present = self.get(name)
            if number > present.version.number or self._version(name, number).first != present.record.first:
                raise LookupError(number)
            self._write(replace(present.record, labels={**present.record.labels, str(number): label}))

    # Files --------------------------------------------------------------------------------------------------

    def _add(self, name: str, given: Mapping[str, Any], now: float, user: str) -> Version:
        """Write a version under the next free number: an upsert that died may have left one that nobody shows."""
        number = max(self._numbers(name), default=0) + 1
        while True:
            members = {"first": number, **given, "name": name, "number": number, "created_at": now, "user": user}
            version = Version(**members)
            if self._files.create(version_path(name, number), to_json(version)):
                return version
            number += 1

    def _commit(self, version: Version) -> None:
        self._files.write(document_path(version.name), to_json(version.document()))
        self._changed(document_path(version.name))

    def _write(self, record: Record) -> None:
        self._files.write(_record_path(record.name, record.first), to_json(record))

    def _check_free(self, name: str) -> None:
        path = document_path(name)
        if self._files.read(path) is None:
            return
        try:
            self.get(name)
        except NoSuchPipelineError:
            raise StoredFileError(path, "was not put there by this API: no pipeline is created over it") from None
        raise PipelineExistsError(name)

    def _check_unused(self, name: str, token: str | None) -> None:
        # A creation that died has left its record, too: that one is to be done when it comes again.
        deleted = [record.token for record in self._records(name) if record.deletion is not None]
        if token is not None and token in deleted:
            raise TokenUsedError(name)

    def _current(self, name: str) -> int | None:
        """The number of the version that runs, None where there is no such pipeline."""
        document = self._read(document_path(name), _DOCUMENT)
        return None if document is None else document.PipelineVersionId

    def _numbers(self, name: str) -> list[int]:
        names = self._files.names(f"{HISTORY}/{name.lower()}")
        return sorted(int(stem) for stem in (name.removesuffix(".json") for name in names) if stem.isdecimal())

    def _record(self, name: str, first: int) -> Record:
        path = _record_path(name, first)
        record = self._read(path, _RECORDS)
        if record is None:
            raise StoredFileError(path, "is missing")
        return record

    def _records(self, name: str) -> Iterator[Record]:
        """Those of the pipelines that have or had the name."""
        for each in self._files.names(f"{HISTORY}/{name.lower()}"):
            if (found := _RECORD.fullmatch(each)) is not None:
                yield self._record(name, int(found[1]))

    def _version(self, name: str, number: int) -> Version:
        version = self._read(version_path(name, number), _VERSIONS)
        if version is None:
            raise LookupError(number)
        return version

    def _needed_version(self, name: str, number: int) -> Version:
        try:
            return self._version(name, number)
        except LookupError:
            raise StoredFileError(version_path(name, number), "is missing") from None

    def _read(self, path: str, decoder: msgspec.json.Decoder[T]) -> T | None:
        content = self._files.read(path)
        try:
            return None if content is None else decoder.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise StoredFileError(path, f"cannot be read: {error}") from None


def documents_in(files: Files) -> dict[str, bytes]:
    """The documents of all pipelines, by their paths."""
    paths = [document_path(key) for key in files.names(HISTORY)]
    return {path: content for path in paths if (content := files.read(path)) is not None}


def document_path(name: str) -> str:
    """Where the version that runs lies below the root."""
    return f"{name.lower()}.json"


def version_path(name: str, number: int) -> str:
    """Where a version lies below the root."""
    return f"{HISTORY}/{name.lower()}/{number}.json"


def _record_path(name: str, first: int) -> str:
    return f"{HISTORY}/{name.lower()}/record-{first}.json"
