"""Versions of a bundle: hashed, stored, and put in place."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_sm_pipelines.store.snapshot import Snapshot, SnapshotError
from airflow_sm_pipelines.store.snapshots import Snapshots

FILES = {"sagemaker_pipelines.py": "load", "pipelines/a.json": "1", "pipelines/b.json": "ä"}


def content(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_version_is_a_hash_of_the_files() -> None:
    version = Snapshot(FILES).version
    assert Snapshot(dict(reversed(FILES.items()))).version == version
    assert Snapshot({**FILES, "pipelines/a.json": "2"}).version != version
    assert Snapshot({"pipelines/a": "b"}).version != Snapshot({"pipelines/ab": ""}).version


def test_a_folder_gets_these_files_and_no_other(tmp_path: Path) -> None:
    assert Snapshot(FILES).write(tmp_path)
    assert content(tmp_path) == FILES
    before = (tmp_path / "pipelines" / "a.json").stat()
    assert not Snapshot(FILES).write(tmp_path)
    (tmp_path / "pipelines" / "stray.json").write_text("{}")
    fewer = {path: text for path, text in FILES.items() if path != "pipelines/b.json"}
    assert Snapshot(fewer).write(tmp_path)
    assert content(tmp_path) == fewer
    after = (tmp_path / "pipelines" / "a.json").stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


def test_what_python_has_compiled_stays(tmp_path: Path) -> None:
    Snapshot(FILES).write(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "x.pyc").write_text("")
    assert not Snapshot(FILES).write(tmp_path)


@pytest.mark.parametrize("path", ["../x.json", "/x.json", "pipelines/../../x.json", "pipelines/.x.json", "a/b.json"])
def test_no_path_leads_out_of_the_folder(tmp_path: Path, path: str) -> None:
    with pytest.raises(SnapshotError, match="no bundle has a file"):
        Snapshot({path: "x"}).write(tmp_path / "bundle")
    assert content(tmp_path) == {}


def test_a_new_folder_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError):
        Snapshot({**FILES, "../x.json": "x"}).write_new(tmp_path / "versions" / "v")
    assert list((tmp_path / "versions").iterdir()) == []
    Snapshot(FILES).write_new(tmp_path / "versions" / "v")
    assert content(tmp_path / "versions" / "v") == FILES
    assert (tmp_path / "versions" / "v").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("is_url", [False, True])
def test_what_is_stored_is_read_by_others(tmp_path: Path, is_url: bool) -> None:
    root = f"file://{tmp_path}/stored" if is_url else f"{tmp_path}/stored"
    (tmp_path / "stored").mkdir()
    first, second = Snapshot(FILES), Snapshot({**FILES, "pipelines/a.json": "2"})
    assert Snapshots(root).latest() is None
    assert Snapshots(root).get(first.version) is None
    Snapshots(root).put(first)
    Snapshots(root).put(second)
    assert Snapshots(root).latest() == second
    assert Snapshots(root).get(first.version) == first
    Snapshots(root).put(first)
    assert Snapshots(root).latest() == first


def test_what_is_not_that_version_is_refused(tmp_path: Path) -> None:
    stored, snapshot = Snapshots(str(tmp_path)), Snapshot(FILES)
    stored.put(snapshot)
    path = tmp_path / f"{snapshot.version}.json"
    path.write_bytes(Snapshot({}).encode())
    with pytest.raises(SnapshotError, match=f"what is stored as the version {snapshot.version} is the version"):
        stored.get(snapshot.version)
    path.write_bytes(path.read_bytes()[:5])
    with pytest.raises(SnapshotError, match="cannot be read"):
        stored.latest()
    path.unlink()
    with pytest.raises(SnapshotError, match="has the name of the version"):
        stored.latest()
    with pytest.raises(SnapshotError, match="is no version"):
        stored.get("../../x")
