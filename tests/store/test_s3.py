"""The store of pipelines and the versions of a bundle in S3 itself, by Airflow's ObjectStoragePath and s3fs."""

from __future__ import annotations

import json

import pytest
from airflow.sdk import ObjectStoragePath

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.store.object_storage import ObjectFiles
from airflow_sm_pipelines.store.pipelines import PipelineExistsError, PipelineStore, documents_in
from airflow_sm_pipelines.store.snapshot import Snapshot
from airflow_sm_pipelines.store.snapshots import Snapshots

BUCKET = "airflow-pipelines"
HOSTS = ("here", "there")


@pytest.fixture
def urls(local_endpoint: LocalEndpoint, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The store's URL as each of two hosts has it: s3fs keeps listings by connection."""
    local_endpoint.client("s3").create_bucket(Bucket=BUCKET)
    for host in HOSTS:
        extra = {"endpoint_url": local_endpoint.url, "region_name": "us-east-1", "config_kwargs": {"user_agent": host}}
        connection = {"conn_type": "aws", "login": "key", "password": "secret", "extra": extra}
        monkeypatch.setenv(f"AIRFLOW_CONN_{host.upper()}", json.dumps(connection))
    return {host: f"s3://{host}@{BUCKET}/store" for host in HOSTS}


def test_two_hosts_share_a_store(urls: dict[str, str]) -> None:
    here, there = (PipelineStore(ObjectFiles(ObjectStoragePath(urls[host]))) for host in HOSTS)
    here.create({"name": "Abalone", "definition": "{}"}, user="anna")
    assert [each.record.name for each in there.all()] == ["Abalone"]
    with pytest.raises(PipelineExistsError):
        there.create({"name": "abalone", "definition": "{}"}, user="ben")
    assert there.update("Abalone", {"description": "second"}, user="ben").version.number == 2
    assert here.get("abalone").version.description == "second"
    assert list(documents_in(ObjectFiles(ObjectStoragePath(urls["there"])))) == ["abalone.json"]
    here.delete("Abalone")
    assert list(there.all()) == []


def test_of_two_that_put_an_object_at_the_same_moment_one_is_refused(urls: dict[str, str]) -> None:
    here, there = (ObjectFiles(ObjectStoragePath(urls[host])) for host in HOSTS)
    assert here.create("folder/a", b"1")
    # As one that has asked before the other wrote.
    target = there.root / "folder/a"
    with pytest.raises(FileExistsError):
        target.fs.pipe_file(target.path, b"2", mode="create")
    assert there.read("folder/a") == b"1"


def test_a_worker_reads_the_version_that_the_dag_processor_stored(urls: dict[str, str]) -> None:
    processor, worker = (Snapshots(urls[host]) for host in HOSTS)
    assert worker.latest() is None
    for text in ("first", "second"):
        stored = Snapshot({"a.py": text})
        processor.put(stored)
        assert (worker.latest(), worker.get(stored.version)) == (stored, stored)
