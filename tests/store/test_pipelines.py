"""Pipelines and their versions in a folder."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import pytest

from airflow_sm_pipelines.store.files import Files, FolderFiles
from airflow_sm_pipelines.store.model import VersionLabel
from airflow_sm_pipelines.store.object_storage import ObjectFiles
from airflow_sm_pipelines.store.pipelines import (
    NoSuchPipelineError,
    PipelineExistsError,
    PipelineStore,
    StoredFileError,
)


def objects(root: Path) -> ObjectFiles:
    from airflow.sdk import ObjectStoragePath

    return ObjectFiles(ObjectStoragePath(f"file://{root}"))


class Kept:
    """A store in a folder, or in the objects of one; ``changes`` are the documents that it has told of."""

    def __init__(self, root: Path, files: Files) -> None:
        self.root = root
        self.changes: list[str] = []
        ticks = itertools.count(1000)
        self.store = PipelineStore(files, self.changes.append, lambda: float(next(ticks)))

    def create(self, name: str = "Abalone", definition: str = "{}", **further: str) -> None:
        self.store.create({"name": name, "definition": definition, **further}, user="anna")


@pytest.fixture(params=[FolderFiles, objects])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    root = tmp_path / "store"
    return Kept(root, request.param(root))


def test_each_upsert_is_a_version_and_the_last_one_is_what_the_dag_processor_reads(kept: Kept) -> None:
    kept.create(description="first", role_arn="arn:aws:iam::123456789012:role/r")
    changed = kept.store.update("abalone", {"definition": '{"Steps": []}', "parallelism": 3}, user="ben")
    assert (changed.version.number, changed.version.user, changed.version.description) == (2, "ben", "first")
    assert json.loads((kept.root / "abalone.json").read_text()) == {
        "PipelineName": "Abalone",
        "PipelineDescription": "first",
        "RoleArn": "arn:aws:iam::123456789012:role/r",
        "ParallelismConfiguration": {"MaxParallelExecutionSteps": 3},
        "PipelineVersionId": 2,
        "PipelineDefinition": '{"Steps": []}',
    }
    assert kept.store.get("ABALONE") == changed
    assert [(each.number, each.definition) for each in kept.store.versions("Abalone")] == [
        (1, "{}"),
        (2, '{"Steps": []}'),
    ]
    assert kept.changes == ["abalone.json", "abalone.json"]


def test_a_name_is_taken_whatever_its_case(kept: Kept) -> None:
    kept.create()
    with pytest.raises(PipelineExistsError):
        kept.create("aBALONE")


def test_a_deleted_pipeline_is_gone_and_its_versions_are_kept_for_its_runs(kept: Kept) -> None:
    kept.create()
    kept.store.update("Abalone", {"definition": "[2]"}, user="anna")
    kept.store.delete("Abalone")
    assert not (kept.root / "abalone.json").exists()
    assert list(kept.store.all()) == []
    for change in (lambda: kept.store.get("Abalone"), lambda: kept.store.delete("Abalone")):
        with pytest.raises(NoSuchPipelineError):
            change()
    assert kept.store.version("Abalone", 2).definition == "[2]"
    kept.create(definition="[3]")
    assert [each.number for each in kept.store.versions("Abalone")] == [3]


def test_what_died_before_the_document_was_replaced_is_no_version(kept: Kept) -> None:
    kept.create()
    (kept.root / ".pipelines/abalone/2.json").write_text("{}")
    assert [each.number for each in kept.store.versions("Abalone")] == [1]
    with pytest.raises(LookupError):
        kept.store.version("Abalone", 2)
    assert kept.store.update("Abalone", {"definition": "[3]"}, user="anna").version.number == 3


def test_upserts_at_the_same_time_are_versions_one_after_the_other(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "store", FolderFiles(tmp_path / "store"))
    kept.create()
    stores = [PipelineStore(FolderFiles(kept.root)) for _ in range(4)]

    def upsert(number: int) -> int:
        changed = stores[number % 4].update("Abalone", {"definition": f"[{number}]"}, user="anna")
        return changed.version.number

    with ThreadPoolExecutor(8) as pool:
        numbers = sorted(pool.map(upsert, range(20)))
    assert numbers == list(range(2, 22))
    assert kept.store.get("Abalone").version.number == 21
    assert not list(kept.root.rglob("*.new"))


def test_tags_and_labels_are_no_versions(kept: Kept) -> None:
    kept.create()
    assert kept.store.tag("Abalone", lambda tags: {**tags, "team": "sea"}) == {"team": "sea"}
    kept.store.label("Abalone", 1, VersionLabel("good", "the first"))
    with pytest.raises(LookupError):
        kept.store.label("Abalone", 2, VersionLabel("none"))
    found = kept.store.get("Abalone")
    assert (found.record.tags, found.record.labels, found.version.number) == (
        {"team": "sea"},
        {"1": VersionLabel("good", "the first")},
        1,
    )


def test_a_file_that_somebody_else_has_put_there_is_no_pipeline_of_the_api(kept: Kept) -> None:
    kept.root.mkdir()
    (kept.root / "other.json").write_text('{"Steps": []}')
    assert list(kept.store.all()) == []
    with pytest.raises(NoSuchPipelineError):
        kept.store.get("other")


@pytest.mark.parametrize("text", ['{"Steps": []}', '{"PipelineVersionId": 1}', '{"Steps": ['])
def test_a_file_of_somebody_elses_is_not_created_over(kept: Kept, text: str) -> None:
    for had_one in (False, True):
        if had_one:
            kept.create("mine")
            kept.store.delete("mine")
        kept.root.mkdir(exist_ok=True)
        (kept.root / "mine.json").write_text(text)
        expected = PipelineExistsError if had_one and "VersionId" in text else StoredFileError
        with pytest.raises(expected, match=r"(?i)mine"):
            kept.create("Mine")
        assert (kept.root / "mine.json").read_text() == text
        (kept.root / "mine.json").unlink()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("abalone.json", '{"PipelineVersionId": '),
        ("abalone.json", '{"PipelineVersionId": "one"}'),
        ("abalone.json", '{"PipelineVersionId": 7}'),
        (".pipelines/abalone/record-1.json", ""),
        (".pipelines/abalone/record-1.json", None),
        (".pipelines/abalone/1.json", "{}"),
        (".pipelines/abalone/1.json", None),
    ],
)
def test_a_file_that_cannot_be_read_hides_no_other_pipeline(
    kept: Kept, caplog: pytest.LogCaptureFixture, path: str, text: str | None
) -> None:
    kept.create()
    kept.create("other")
    if text is None:
        (kept.root / path).unlink()
    else:
        (kept.root / path).write_text(text)
    assert [each.record.name for each in kept.store.all()] == ["other"]
    named = ".pipelines/abalone/7.json" if text is not None and "7" in text else path
    assert f"The pipeline abalone is left out: The file {named} " in caplog.text
    with pytest.raises(StoredFileError, match=named) as caught:
        kept.store.get("Abalone")
    assert caught.value.code == "ConflictException"
    assert kept.store.name_of("abalone") == "abalone"


class Late:
    """Files of a host that looks at the document of a pipeline, and is then overtaken by another host."""

    def __init__(self, files: Files, overtake: Callable[[], None]) -> None:
        self._files = files
        self._overtake = overtake

    def read(self, path: str) -> bytes | None:
        content = self._files.read(path)
        if path == "abalone.json" and content is None:
            self._overtake()
            return None
        return content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)


@pytest.mark.parametrize("kind", [FolderFiles, objects])
def test_of_two_hosts_that_create_one_name_one_has_created_it(kind: Callable[[Path], Files], tmp_path: Path) -> None:
    root = tmp_path / "store"
    other = PipelineStore(objects(root))

    def overtake() -> None:
        other.create({"name": "Abalone", "definition": "[1]"}, user="ben", token="ben's", tags={"team": "sea"})

    # A folder's lock is let go of, as by a file system that has none.
    late = Late(kind(root), overtake)
    late.lock = nullcontext  # type: ignore[attr-defined] # for the test alone
    store = PipelineStore(cast(Files, late))
    with pytest.raises(PipelineExistsError):
        store.create({"name": "abalone", "definition": "[2]"}, user="anna", token="anna's")
    found = store.get("abalone")
    assert (found.record.created_by, found.record.token, found.record.tags) == ("ben", "ben's", {"team": "sea"})
    assert (found.version.definition, found.version.number, found.record.first) == ("[1]", 1, 1)
    assert store.update("abalone", {"definition": "[3]"}, user="ben").version.number == 3
    assert [each.definition for each in store.versions("abalone")] == ["[1]", "[3]"]
    with pytest.raises(LookupError):
        store.label("abalone", 2, VersionLabel("lost"))


def test_what_died_before_the_document_was_there_is_created_when_it_comes_again(kept: Kept) -> None:
    kept.store.create({"name": "a", "definition": "{}"}, user="anna", token="once")
    (kept.root / "a.json").unlink()
    assert list(kept.store.all()) == []
    made = kept.store.create({"name": "a", "definition": "{}"}, user="anna", token="once")
    assert [each.number for each in kept.store.versions("a")] == [made.version.number] == [2]


@pytest.mark.parametrize("kind", [FolderFiles, objects])
def test_a_file_is_created_once(kind: Callable[[Path], Files], tmp_path: Path) -> None:
    files = kind(tmp_path)
    assert files.create("a/1.json", b"first")
    assert not files.create("a/1.json", b"second")
    assert (files.read("a/1.json"), files.read("a/2.json")) == (b"first", None)
    assert (files.names("a"), files.names("b")) == (["1.json"], [])
    files.delete("a/1.json")
    files.delete("a/1.json")
    assert files.names("a") == []
