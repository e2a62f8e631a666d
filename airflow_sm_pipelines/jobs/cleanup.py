"""What a Cleanup step does: judge, delete, and report what came of it (semantics 2.18). No Airflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct, field

from airflow_sm_pipelines.aws.failures import (
    FAULT_CODES,
    THROTTLING_CODES,
    CallError,
    ExceptionType,
    type_of_call_error,
)
from airflow_sm_pipelines.aws.s3_deletion import BATCH, delete, is_there, keys_below
from airflow_sm_pipelines.aws.s3_files import SCHEME, bucket_and_key
from airflow_sm_pipelines.definition.text import storable, unstorable
from airflow_sm_pipelines.step_types.cleanup import STEP_NAME, URIS
from airflow_sm_pipelines.step_types.cleanup_places import refusal_of

if TYPE_CHECKING:
    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.jobs.step_run import StepRun

STORE_KEY = "sagemaker_cleanup"
MAX_LISTED = 1000
"""How many URIs of a kind a result lists: XCom is no place for more."""
MAX_SHOWN = 10


class Source(Struct, frozen=True):
    """A source step in this run.

    ``places`` are where its job wrote, ``has_folder`` whether that is a folder of the job's own. ``uris`` are the
    objects that are named, None where none are. ``skipped`` is why it is no source in this run.
    """

    name: str
    job_name: str = ""
    places: tuple[str, ...] = ()
    has_folder: bool = False
    uris: tuple[Any, ...] | None = None
    vpc: bool = False
    skipped: str | None = None

    def shown(self) -> dict[str, Json]:
        """What the UI shows of it."""
        if self.skipped is not None:
            return {STEP_NAME: self.name, "Skipped": self.skipped}
        if self.uris is not None:
            return {STEP_NAME: self.name, URIS: list(self.uris)}
        return {STEP_NAME: self.name, "Below": list(self.places)}


class CleanupReport(Struct):
    """What came of a Cleanup step. ``deleted_count`` says how much was deleted, also where not all is listed."""

    deleted: dict[str, None] = field(default_factory=dict)
    deleted_count: int = 0
    missing: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    cleaned_steps: list[str] = field(default_factory=list)
    failed_steps: list[str] = field(default_factory=list)
    exception_types: list[ExceptionType | None] = field(default_factory=list)

    def deleted_one(self, uri: str) -> None:
        self.deleted_count += 1
        if len(self.deleted) < MAX_LISTED:
            # A key may hold what Airflow cannot store.
            self.deleted[storable(uri)] = None

    def fail(self, uri: str, error: CallError, exception_type: ExceptionType | None) -> None:
        self.failed.append((storable(uri), storable(str(error))))
        self.exception_types.append(exception_type)

    def to_json(self) -> dict[str, Json]:
        def listed(pairs: Sequence[tuple[str, str]], name: str) -> list[Json]:
            return [{name: what, "Reason": why} for what, why in pairs[:MAX_LISTED]]

        return {
            "Deleted": [*self.deleted],
            "DeletedCount": self.deleted_count,
            "Missing": [*self.missing],
            "Refused": listed(self.refused, "S3Uri"),
            "Failed": listed(self.failed, "S3Uri"),
            "Skipped": listed(self.skipped, STEP_NAME),
            "CleanedSteps": [*self.cleaned_steps],
            "FailedSteps": [*self.failed_steps],
            "SkippedSteps": [name for name, _ in self.skipped],
        }

    def lines(self) -> Iterator[str]:
        """What the task's log says of it."""
        yield f"Deleted {self.deleted_count} objects; {len(self.missing)} were not there"
        yield from (f"Skipped the step {name}: {why}" for name, why in self.skipped)

    def failure(self) -> tuple[str, ExceptionType | None] | None:
        """The message and the type with which the step fails; None where nothing was refused and all was deleted.

        It is retried only where that can help: where nothing failed but what passes.
        """
        lines = [f"{uri} is not deleted: {why}" for uri, why in self.refused]
        lines += [f"{uri} could not be deleted: {why}" for uri, why in self.failed]
        if not lines:
            return None
        more = f"\n(and {len(lines) - MAX_SHOWN} more)" if len(lines) > MAX_SHOWN else ""
        passing = not self.refused and None not in self.exception_types
        return "\n".join(lines[:MAX_SHOWN]) + more, self.exception_types[0] if passing else None


class Deletions:
    """The deletions of one try.

    Before each batch it is on record what is about to be deleted. So a try after one that died can report what that one
    deleted from what was never there. The record lists no more than a result does, so it also has what the sources name
    (folders and objects) of which something was deleted.
    """

    def __init__(self, client: Any, run: StepRun, execution_id: str) -> None:
        self._client = client
        self._run = run
        self._execution_id = execution_id
        self._report = CleanupReport()
        self._folders: tuple[str, ...] = ()
        self._objects: frozenset[Any] = frozenset()
        self._gone: dict[str, None] = {}

    def carry_out(self, sources: Sequence[Source]) -> CleanupReport:
        """Clean up every source, whatever becomes of the others."""
        report = self._report
        within = [place for source in sources if source.has_folder for place in source.places]
        self._folders = tuple(dict.fromkeys(within))
        self._objects = frozenset(_hashable(uri) for source in sources for uri in source.uris or ())
        self._take_up()
        for source in sources:
            if source.skipped is not None:
                report.skipped.append((source.name, source.skipped))
                continue
            before = len(report.refused) + len(report.failed)
            self._clean(source)
            is_clean = len(report.refused) + len(report.failed) == before
            names = report.cleaned_steps if is_clean else report.failed_steps
            if source.name not in names:
                names.append(source.name)
        return report

    # One source ---------------------------------------------------------------------------------------------

    def _clean(self, source: Source) -> None:
        if source.vpc:
            what = source.uris or source.places
            self._report.refused += [(str(uri), "the step has a VpcConfig, and cannot be cleaned up") for uri in what]
        elif source.uris is None:
            self._clean_folders(source)
        else:
            self._clean_objects(source, source.uris)

    def _clean_objects(self, source: Source, uris: Sequence[Any]) -> None:
        settings = self._run.settings
        marks = source.job_name, self._execution_id
        batches: dict[str, list[str]] = {}
        for uri in dict.fromkeys(map(_hashable, uris)):
            why = refusal_of(uri, source.places, marks, settings.cleanup_prefixes) or settings.allowed.refuse_s3(uri)
            if why is not None:
                self._report.refused.append((str(uri), why))
                continue
            bucket, key = bucket_and_key(uri)
            if self._ask(uri, partial(is_there, self._client, bucket, key)):
                batches.setdefault(bucket, []).append(key)
            elif self._is_missing(uri):
                self._report.missing.append(uri)
        for bucket, keys in batches.items():
            for start in range(0, len(keys), BATCH):
                self._delete(bucket, keys[start : start + BATCH])

    def _clean_folders(self, source: Source) -> None:
        if not source.has_folder:
            unnamed = "its outputs are no folder of the job's own: the objects have to be named by S3Uris"
            self._report.refused += [(place, unnamed) for place in source.places]
            return
        for place in source.places:
            if (why := self._run.settings.allowed.refuse_s3(place)) is not None:
                self._report.refused.append((place, why))
                continue
            bucket, prefix = _split(place)
            self._ask(place, partial(self._delete_below, bucket, prefix))
            if self._is_missing(place):
                self._report.missing.append(place)

    def _delete_below(self, bucket: str, prefix: str) -> None:
        for keys in keys_below(self._client, bucket, prefix):
            self._delete(bucket, keys)

    # One call -----------------------------------------------------------------------------------------------

    def _delete(self, bucket: str, keys: Sequence[str]) -> None:
        uris = {key: f"{SCHEME}{bucket}/{key}" for key in keys}
        self._keep([uri for uri in uris.values() if unstorable(uri) is None])
        try:
            errors = delete(self._client, bucket, keys)
        except (ClientError, BotoCoreError) as error:
            for uri in uris.values():
                self._report.fail(uri, CallError.of(error), type_of_call_error(error))
            return
        for key, uri in uris.items():
            if (said := errors.get(key)) is None:
                self._deleted_one(uri)
            else:
                self._report.fail(uri, said, _type_of(said))

    def _ask(self, uri: str, look: Callable[[], Any]) -> Any:
        try:
            return look()
        except (ClientError, BotoCoreError) as error:
            self._report.fail(uri, CallError.of(error), type_of_call_error(error))
            return None

    # What is missing ----------------------------------------------------------------------------------------

    def _deleted_one(self, uri: str) -> None:
        self._report.deleted_one(uri)
        self._mark(uri)

    def _mark(self, uri: str) -> None:
        """Keep in mind that an object is deleted, for all that the sources name it by."""
        for folder in self._folders:
            if uri.startswith(folder):
                self._gone[folder] = None
        if uri in self._objects:
            self._gone[uri] = None

    def _is_missing(self, name: str) -> bool:
        """Whether nothing was there of a folder or object: nothing of it is deleted, and nothing of it failed."""
        failed = (uri for uri, _ in self._report.failed)
        is_folder = name in self._folders
        return name not in self._gone and not any(uri.startswith(name) if is_folder else uri == name for uri in failed)

    # The record ---------------------------------------------------------------------------------------------

    def _keep(self, pending: list[str]) -> None:
        report = self._report
        # The folders come first. An object that is listed as deleted need not be listed twice.
        gone = [*(name for name in self._folders if name in self._gone)]
        gone += [name for name in self._gone if name not in self._folders and name not in report.deleted]
        kept: dict[str, Json] = {"deleted": [*report.deleted], "count": report.deleted_count, "pending": [*pending]}
        kept["gone"] = [*gone[:MAX_LISTED]]
        self._run.save_state(STORE_KEY, {"life": self._run.record.started_at, **kept})

    def _take_up(self) -> None:
        """Take up what earlier tries have deleted: what was pending and is gone, they did."""
        kept = self._run.load_state(STORE_KEY)
        if not isinstance(kept, dict) or kept.get("life") != self._run.record.started_at:
            return
        self._report.deleted = dict.fromkeys(kept["deleted"])
        self._report.deleted_count = kept["count"]
        # A version before has kept none of these.
        self._gone = dict.fromkeys(kept.get("gone", ()))
        for uri in kept["deleted"]:
            self._mark(uri)
        for uri in kept["pending"]:
            if self._ask_quietly(*_split(uri)) is False:
                self._deleted_one(uri)

    def _ask_quietly(self, bucket: str, key: str) -> bool | None:
        try:
            return is_there(self._client, bucket, key)
        except (ClientError, BotoCoreError):
            return None


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix(SCHEME).partition("/")
    return bucket, key


def _hashable(uri: Any) -> Any:
    return uri if isinstance(uri, str) else repr(uri)


def _type_of(said: CallError) -> ExceptionType | None:
    if said.code in THROTTLING_CODES:
        return ExceptionType.THROTTLING
    return ExceptionType.SERVICE_FAULT if said.code in FAULT_CODES else None
