"""The files of a store in an object store, as several hosts read and write them."""

from __future__ import annotations

from airflow_sm_pipelines.store.object_storage import ObjectFiles
from airflow_sm_pipelines.store.pipelines import PipelineStore, documents_in
from airflow_sm_pipelines.store.snapshot import Snapshot
from airflow_sm_pipelines.store.snapshots import Snapshots
from tests.store.hosts import one_more_host


def test_a_host_sees_what_another_one_has_written() -> None:
    here, there = (ObjectFiles(one_more_host("files")) for _ in range(2))
    assert (here.names("folder"), here.read("folder/a"), there.names("folder")) == ([], None, [])
    there.write("folder/a", b"1")
    assert (here.names("folder"), here.read("folder/a")) == (["a"], b"1")
    assert not here.create("folder/a", b"2")
    there.write("folder/a", b"longer")
    assert here.read("folder/a") == b"longer"
    there.delete("folder/a")
    assert (here.names("folder"), here.read("folder/a")) == ([], None)
    assert here.create("folder/a", b"2")
    there.delete("folder/a")


def test_an_upsert_is_seen_by_the_other_api_server_and_by_the_dag_processor() -> None:
    files = [ObjectFiles(one_more_host("upserts")) for _ in range(3)]
    here, there = (PipelineStore(each) for each in files[:2])
    here.create({"name": "Abalone", "definition": "{}"}, user="anna")
    assert [each.record.name for each in there.all()] == ["Abalone"]
    assert list(documents_in(files[2])) == ["abalone.json"]
    here.update("Abalone", {"description": "second"}, user="anna")
    here.create({"name": "Other", "definition": "{}"}, user="anna")
    assert there.get("abalone").version.number == 2
    assert there.update("Abalone", {"description": "third"}, user="anna").version.number == 3
    assert list(documents_in(files[2])) == ["abalone.json", "other.json"]


def test_a_worker_sees_the_version_that_was_stored_after_it_looked() -> None:
    processor, worker = (Snapshots(str(one_more_host("versions"))) for _ in range(2))
    assert worker.latest() is None
    first, second = (Snapshot({"a.py": text}) for text in ("first", "second"))
    for each in (first, second):
        processor.put(each)
        assert (worker.latest(), worker.get(each.version)) == (each, each)
