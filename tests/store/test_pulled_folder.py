"""What a pull makes of the files of a folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from airflow_sm_pipelines.store.pulled_folder import MANIFEST, FolderError, PulledFolder, file_name


def pull(folder: Path, contents: dict[str, bytes], *, prune: bool = False, overwrite: bool = False) -> dict[str, str]:
    pulled = PulledFolder(folder)
    with pulled.locked():
        changes = pulled.changes(contents, prune=prune, overwrite=overwrite)
        pulled.apply(changes)
    return {change.name: change.reason or change.state.value for change in changes}


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != MANIFEST}


def test_new_changed_unchanged_removed(tmp_path: Path) -> None:
    folder = tmp_path / "pipelines"
    assert pull(folder, {"a.json": b"1", "b.json": b"1", "c.json": b"1"}) == dict.fromkeys(
        ("a.json", "b.json", "c.json"), "new"
    )
    before = {path.name: path.stat() for path in folder.iterdir()}
    assert pull(folder, {"a.json": b"2", "b.json": b"1"}) == {"a.json": "changed", "b.json": "unchanged"}
    assert files(folder) == {"a.json": b"2", "b.json": b"1", "c.json": b"1"}
    after = (folder / "b.json").stat()
    assert (after.st_mtime_ns, after.st_ino) == (before["b.json"].st_mtime_ns, before["b.json"].st_ino)
    assert pull(folder, {"b.json": b"1"}, prune=True) == {
        "a.json": "removed",
        "b.json": "unchanged",
        "c.json": "removed",
    }
    assert files(folder) == {"b.json": b"1"}
    manifest = (folder / MANIFEST).stat().st_mtime_ns
    assert pull(folder, {"b.json": b"1"}, prune=True) == {"b.json": "unchanged"}
    assert (folder / MANIFEST).stat().st_mtime_ns == manifest


def test_what_pull_has_not_written_stays(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_bytes(b"mine")
    (tmp_path / "folder.json").mkdir()
    pull(tmp_path, {"edited.json": b"1"})
    (tmp_path / "edited.json").write_bytes(b"edited")
    contents = {"mine.json": b"theirs", "edited.json": b"2", "folder.json": b"3"}
    assert pull(tmp_path, contents) == {
        "mine.json": "pull has not written it",
        "edited.json": "it was edited since it was pulled",
        "folder.json": "it is no file",
    }
    assert pull(tmp_path, {}, prune=True) == {"edited.json": "it was edited since it was pulled"}
    assert (tmp_path / "mine.json").read_bytes() == b"mine"
    assert pull(tmp_path, contents, overwrite=True) == {
        "mine.json": "changed",
        "edited.json": "changed",
        "folder.json": "it is no file",
    }
    assert pull(tmp_path, {}, prune=True) == {"mine.json": "removed", "edited.json": "removed"}


def test_a_file_that_is_as_pull_would_write_it_is_taken_for_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"1")
    assert pull(tmp_path, {"a.json": b"1"}) == {"a.json": "unchanged"}
    assert pull(tmp_path, {"a.json": b"2"}) == {"a.json": "changed"}


def test_a_link_is_never_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.json"
    outside.write_bytes(b"outside")
    folder = tmp_path / "pipelines"
    folder.mkdir()
    (folder / "a.json").symlink_to(outside)
    assert pull(folder, {"a.json": b"1"}) == {"a.json": "it is a link, which pull has not made"}
    assert pull(folder, {"a.json": b"1"}, overwrite=True) == {"a.json": "changed"}
    assert not (folder / "a.json").is_symlink()
    assert outside.read_bytes() == b"outside"


def test_files_are_readable_to_whom_the_umask_lets_read_them(tmp_path: Path) -> None:
    older = os.umask(0o022)
    try:
        pull(tmp_path, {"a.json": b"1"})
    finally:
        os.umask(older)
    assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    "manifest",
    ["{", '{"version": 2, "files": {}}', '{"version": 1, "files": {"../a.json": "00"}}', '{"version": 1, "files": []}'],
)
def test_a_manifest_that_pull_has_not_written_is_refused(tmp_path: Path, manifest: str) -> None:
    (tmp_path / "a.json").write_text("1")
    folder = tmp_path / "pipelines"
    folder.mkdir()
    (folder / MANIFEST).write_text(manifest)
    with pytest.raises(FolderError, match="is not what pull has written"):
        pull(folder, {}, prune=True)
    assert (tmp_path / "a.json").exists()


@pytest.mark.parametrize(
    "name", ["../a", "a/b", "/etc/passwd", ".", "..", "", ".hidden", "a\\b", "a.airflow", "a\n", "a\0", "é", "-a"]
)
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    with pytest.raises(ValueError, match="is no name of a pipeline"):
        file_name(name)


def test_a_long_name_fits_into_a_file_system(tmp_path: Path) -> None:
    names = [file_name("a" * 255 + last) for last in "bc"]
    assert len(set(names)) == 2
    pull(tmp_path, dict.fromkeys(names, b"1"))
    assert json.loads((tmp_path / MANIFEST).read_text())["files"].keys() == set(names)
