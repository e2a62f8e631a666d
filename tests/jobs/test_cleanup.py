"""What a Cleanup step deletes, and what it tells of it, with S3 as a double."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from airflow_sm_pipelines.aws.failures import ExceptionType
from airflow_sm_pipelines.jobs.cleanup import MAX_LISTED, STORE_KEY, CleanupReport, Deletions, Source
from airflow_sm_pipelines.jobs.step_run import StepRun
from tests.jobs.doubles import SETTINGS, Task, WorkerDied, client_error

EXECUTION, JOB = "abcdefghij01", "pipelines-abcdefghij01-T-0123456789"
FOLDER = f"out/{JOB}/"
TRAINED = Source("T", JOB, (f"s3://b/{FOLDER}",), has_folder=True)


class FakeS3:
    """Buckets of keys. ``errors`` are those of single keys, ``dies_after`` is how many batches are survived."""

    def __init__(self, *keys: str) -> None:
        self.buckets = {"b": set(keys)}
        self.errors: dict[str, str] = {}
        self.batches: list[list[str]] = []
        self.dies_after: int | None = None

    def list_objects_v2(self, *, Bucket: str, Prefix: str, MaxKeys: int, StartAfter: str = "") -> Any:  # noqa: N803
        if Bucket not in self.buckets:
            raise client_error("NoSuchBucket", "there is none", "ListObjectsV2", 404)
        found = sorted(key for key in self.buckets[Bucket] if key.startswith(Prefix) and key > StartAfter)
        return {"Contents": [{"Key": key} for key in found[:MaxKeys]], "IsTruncated": len(found) > MaxKeys}

    def delete_objects(self, *, Bucket: str, Delete: Any) -> Any:  # noqa: N803
        keys = [one["Key"] for one in Delete["Objects"]]
        assert len(keys) <= 1000
        self.batches.append(keys)
        self.buckets[Bucket] -= {key for key in keys if key not in self.errors}
        if self.dies_after is not None and len(self.batches) > self.dies_after:
            raise WorkerDied
        said = [{"Key": key, "Code": self.errors[key], "Message": "m"} for key in keys if key in self.errors]
        return {"Errors": said}

    def delete_object(self, *, Bucket: str, Key: str) -> Any:  # noqa: N803
        self.buckets[Bucket].discard(Key)


@pytest.fixture
def task() -> Task:
    return Task()


def started(task: Task, **settings: Any) -> StepRun:
    task.settings = replace(SETTINGS, **settings)
    run = task.life().run
    run.begin()
    run.save()
    return run


def cleaned(run: StepRun, s3: FakeS3, *sources: Source) -> CleanupReport:
    return Deletions(s3, run, EXECUTION).carry_out(sources)


def test_the_folder_of_the_job_is_emptied_and_nothing_beside_it(task: Task) -> None:
    beside = {f"out/{JOB}", f"out/{JOB}2/x", "out/other/x", "x"}
    s3 = FakeS3(f"{FOLDER}output/model.tar.gz", f"{FOLDER}a", FOLDER, *beside)
    report = cleaned(started(task), s3, TRAINED)
    assert s3.buckets["b"] == beside
    assert report.deleted_count == 3
    assert (report.cleaned_steps, report.failed_steps, report.failure()) == (["T"], [], None)


def test_more_than_a_thousand_keys_go_in_batches_and_not_all_are_listed(task: Task) -> None:
    s3 = FakeS3(*(f"{FOLDER}{number:05}" for number in range(2500)))
    report = cleaned(started(task), s3, TRAINED)
    assert [len(batch) for batch in s3.batches] == [1000, 1000, 500]
    assert (report.deleted_count, len(report.deleted), s3.buckets["b"]) == (2500, MAX_LISTED, set())


def test_exactly_the_named_objects(task: Task) -> None:
    place = f"out/{EXECUTION}"
    s3 = FakeS3(f"{place}/a", f"{place}/ab", f"{place}/a/b", "out2/a", f"{place}/c")
    uris = tuple(f"s3://b/{place}/{name}" for name in ("a", "gone", "a", "../c"))
    report = cleaned(started(task), s3, Source("P", "job", ("s3://b/out",), uris=(*uris, "s3://none/out/x")))
    assert s3.batches == [[f"{place}/a"]]
    assert (list(report.deleted), report.missing) == ([uris[0]], [uris[1]])
    assert [uri for uri, _ in report.refused] == [uris[3], "s3://none/out/x"]
    assert report.failed_steps == ["P"]
    assert report.failure() is not None


def test_without_a_folder_of_the_jobs_own_nothing_is_deleted(task: Task) -> None:
    s3 = FakeS3("out/x")
    report = cleaned(started(task), s3, Source("P", "job", ("s3://b/out",)))
    assert (s3.batches, len(report.refused)) == ([], 1)


def test_a_source_in_a_vpc_is_refused(task: Task) -> None:
    s3 = FakeS3(f"{FOLDER}x")
    report = cleaned(started(task), s3, replace(TRAINED, vpc=True))
    assert (s3.batches, report.failed_steps) == ([], ["T"])


def test_the_deployment_says_where_airflow_may_write(task: Task) -> None:
    s3 = FakeS3(f"{FOLDER}x")
    run = started(task, allowed_s3_prefixes=("s3://elsewhere/",))
    named = Source("P", JOB, (f"s3://b/{FOLDER}",), uris=(f"s3://b/{FOLDER}x",))
    report = cleaned(run, s3, TRAINED, named)
    assert (s3.batches, report.failed_steps) == ([], ["T", "P"])


def test_errors_of_single_keys_are_told_and_the_others_go(task: Task) -> None:
    s3 = FakeS3(f"{FOLDER}a", f"{FOLDER}b", f"{FOLDER}c")
    s3.errors = {f"{FOLDER}b": "AccessDenied"}
    report = cleaned(started(task), s3, TRAINED)
    assert s3.buckets["b"] == {f"{FOLDER}b"}
    message, kind = report.failure() or ("", None)
    assert "AccessDenied" in message
    assert kind is None
    assert (report.deleted_count, [uri for uri, _ in report.failed]) == (2, [f"s3://b/{FOLDER}b"])


@pytest.mark.parametrize(
    ("code", "kind"),
    [("SlowDown", ExceptionType.THROTTLING), ("InternalError", ExceptionType.SERVICE_FAULT), ("AccessDenied", None)],
)
def test_what_passes_is_retried(task: Task, code: str, kind: ExceptionType | None) -> None:
    s3 = FakeS3(f"{FOLDER}a", f"{FOLDER}b")
    s3.errors = {f"{FOLDER}a": code}
    first = cleaned(started(task), s3, TRAINED).failure()
    assert first is not None
    assert first[1] is kind
    s3.errors = {}
    task.try_number += 1
    again = cleaned(started(task), s3, TRAINED)
    assert (sorted(again.deleted), again.failure()) == ([f"s3://b/{FOLDER}a", f"s3://b/{FOLDER}b"], None)


def test_a_try_after_a_killed_one_tells_all_that_was_deleted(task: Task) -> None:
    keys = [f"{FOLDER}{number:05}" for number in range(1500)]
    s3 = FakeS3(*keys, "p/abcdefghij01/x")
    named = Source("P", "job", ("s3://b/p",), uris=("s3://b/p/abcdefghij01/x", "s3://b/p/abcdefghij01/y"))
    s3.dies_after = 1
    with pytest.raises(WorkerDied):
        cleaned(started(task), s3, named, TRAINED)
    s3.dies_after = None
    task.try_number += 1
    report = cleaned(started(task), s3, named, TRAINED)
    assert s3.buckets["b"] == set()
    assert (report.deleted_count, report.missing) == (1501, ["s3://b/p/abcdefghij01/y"])


OTHER = f"out/{JOB}-2/"
OTHER_TRAINED = Source("U", f"{JOB}-2", (f"s3://b/{OTHER}",), has_folder=True)


def test_what_is_deleted_and_not_listed_is_not_missing(task: Task) -> None:
    named = Source("P", JOB, (f"s3://b/{FOLDER}",), uris=(f"s3://b/{OTHER}x", f"s3://b/{FOLDER}y", f"s3://b/{FOLDER}z"))
    named = replace(named, places=("s3://b/out/",))
    s3 = FakeS3(*(f"{FOLDER}{number:05}" for number in range(1500)), f"{OTHER}x", f"{FOLDER}z")
    gone = Source("V", "none", ("s3://b/out/none/",), has_folder=True)
    report = cleaned(started(task), s3, TRAINED, OTHER_TRAINED, named, TRAINED, gone)
    assert (report.deleted_count, s3.buckets["b"]) == (1502, set())
    assert report.missing == [f"s3://b/{FOLDER}y", "s3://b/out/none/"]


@pytest.mark.parametrize("is_older", [False, True])
def test_a_later_try_knows_what_was_deleted_and_not_listed(task: Task, is_older: bool) -> None:
    s3 = FakeS3(*(f"{FOLDER}{number:05}" for number in range(1500)), f"{OTHER}x", "p/abcdefghij01/x")
    named = Source("P", "job", ("s3://b/p",), uris=("s3://b/p/abcdefghij01/x",))
    last = Source("W", "w", ("s3://b/out/w/",), has_folder=True)
    s3.buckets["b"].add("out/w/1")
    s3.dies_after = 4
    with pytest.raises(WorkerDied):
        cleaned(started(task), s3, TRAINED, OTHER_TRAINED, named, last)
    s3.dies_after = None
    task.try_number += 1
    run = started(task)
    kept: Any = run.load_state(STORE_KEY)
    assert kept["gone"] == [f"s3://b/{FOLDER}", f"s3://b/{OTHER}", "s3://b/p/abcdefghij01/x"]
    if is_older:
        del kept["gone"]
        run.save_state(STORE_KEY, kept)
    report = cleaned(run, s3, TRAINED, OTHER_TRAINED, named, last)
    assert (report.deleted_count, s3.buckets["b"]) == (1503, set())
    # A record of the version before knows of no more than it lists.
    assert report.missing == ([f"s3://b/{OTHER}", "s3://b/p/abcdefghij01/x"] if is_older else [])


def test_after_a_clear_what_is_gone_is_missing(task: Task) -> None:
    s3 = FakeS3(f"{FOLDER}a")
    run = started(task)
    cleaned(run, s3, TRAINED)
    run.close()
    task.try_number, task.max_tries = task.try_number + 1, task.max_tries + 1
    task.clock.now += 60
    report = cleaned(started(task), s3, TRAINED)
    assert (report.deleted_count, report.missing) == (0, [f"s3://b/{FOLDER}"])


def test_keys_that_no_xml_can_have_are_deleted_by_themselves(task: Task) -> None:
    s3 = FakeS3(f"{FOLDER}a\x01b", f"{FOLDER}c")
    assert cleaned(started(task), s3, TRAINED).deleted_count == 2
    assert s3.batches == [[f"{FOLDER}c"]]
    assert s3.buckets["b"] == set()


def test_a_skipped_source_is_told_and_no_failure(task: Task) -> None:
    report = cleaned(started(task), FakeS3(), Source("T", skipped="cache"))
    assert report.to_json()["SkippedSteps"] == ["T"]
    assert report.failure() is None
