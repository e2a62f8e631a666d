"""The folder of a job: what the job has put there leads nowhere else, also while it runs."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest

from airflow_sm_pipelines.local_runner.folder import FolderError, JobFolder, Workplace
from airflow_sm_pipelines.local_runner.transfers import Output, Upload, archive

OUT = "/opt/ml/processing/out"


class Store:
    """Objects in memory; ``meanwhile`` happens when the first one is written."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.meanwhile: Callable[[], object] = dict

    def keys(self, _bucket: str, prefix: str) -> Sequence[str]:
        return [key for key in self.objects if key.startswith(prefix)]

    def get(self, _bucket: str, key: str) -> bytes | None:
        return self.objects.get(key)

    def put(self, _bucket: str, key: str, body: bytes) -> None:
        if not self.objects:
            self.meanwhile()
        self.objects[key] = body


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file of the user's, in a folder of its own."""
    file = tmp_path / "user" / "secret"
    file.parent.mkdir()
    file.write_text("secret")
    return file


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    made = JobFolder(tmp_path / "job")
    made.make(OUT)
    return made


@pytest.mark.parametrize("slashes", ["/", "//", "///"])
def test_no_link_leads_to_a_file_or_folder_of_the_machine(folder: JobFolder, secret: Path, slashes: str) -> None:
    out = folder.inside(OUT)
    (out / "file").symlink_to(f"{slashes}{str(secret)[1:]}")
    (out / "folder").symlink_to(f"{slashes}{str(secret.parent)[1:]}")
    (out / "root").symlink_to(slashes)
    assert list(folder.files(OUT)) == []
    assert folder.real(out / "folder" / "secret") is None
    assert folder.real(out / "root") == folder.root
    assert folder.read_text(f"{OUT}/file", 100) == ""
    assert list(folder.files(f"{OUT}/folder")) == []
    assert archive(folder, f"{OUT}/folder") is None


def test_a_link_to_the_jobs_own_file_is_that_file(folder: JobFolder) -> None:
    folder.write(f"{OUT}/real", b"own")
    for name, target in (("seen", f"/{OUT}/real"), ("placed", f"/{folder.inside(OUT)}/real"), ("beside", "real")):
        folder.inside(f"{OUT}/{name}").symlink_to(target)
        assert folder.read_text(f"{OUT}/{name}", 100) == "own"


def test_a_linked_model_folder_is_not_packed_and_links_in_it_stay_links(folder: JobFolder, secret: Path) -> None:
    model = folder.inside("/opt/ml/model")
    model.symlink_to(f"/{secret.parent}")
    assert archive(folder, "/opt/ml/model") is None
    model.unlink()
    model.mkdir()
    (model / "weights").symlink_to(f"/{secret}")
    packed = archive(folder, "/opt/ml/model")
    assert packed is not None
    with tarfile.open(fileobj=BytesIO(packed)) as archived:
        assert [(entry.name, entry.issym()) for entry in archived] == [("weights", True)]


def test_files_that_go_or_become_something_else_while_they_are_sent_are_left_out(
    folder: JobFolder, secret: Path
) -> None:
    out, store = folder.inside(OUT), Store()
    for name in ("a", "gone", "linked", "pipe", "z"):
        folder.write(f"{OUT}/{name}", name.encode())
    listed = list(folder.files(OUT))
    folder.write(f"{OUT}/deep/b", b"b")

    for name in ("gone", "linked", "pipe"):
        (out / name).unlink()
    (out / "linked").symlink_to(secret)
    os.mkfifo(out / "pipe")
    found = {}
    for relative, file in listed:
        with folder.opened(file) as stream:
            found[relative] = None if stream is None else stream.read()
    assert found == {"a": b"a", "gone": None, "linked": None, "pipe": None, "z": b"z"}

    # The listing goes on while the job works on: "z" is found, then renamed.
    store.meanwhile = lambda: (out / "z").rename(folder.root / "moved")
    Upload(Output("out", OUT, "s3://bucket/key", continuous=True), folder, store).send()
    assert store.objects == {"key/a": b"a", "key/deep/b": b"b"}


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="what an open file's path is, only Linux tells")
def test_a_folder_that_became_a_link_after_it_was_looked_at_is_not_followed(folder: JobFolder, secret: Path) -> None:
    folder.write(f"{OUT}/deep/secret", b"own")
    [(_, file)] = folder.files(OUT)
    file.unlink()
    file.parent.rmdir()
    file.parent.symlink_to(secret.parent)
    assert file.read_text() == "secret"
    with folder.opened(file) as stream:
        assert stream is None


def test_endpoints_that_start_at_once_leave_each_others_folders(tmp_path: Path) -> None:
    killed = tmp_path / "base" / "endpoint-killed"
    killed.mkdir(parents=True)
    killed.parent.chmod(0o700)
    with ThreadPoolExecutor(8) as pool:
        workplaces = list(pool.map(lambda _: Workplace(tmp_path / "base"), range(32)))
    assert all(each.path.is_dir() for each in workplaces)
    assert not killed.exists()
    for each in workplaces:
        each.close()
    assert list((tmp_path / "base").glob("endpoint-*")) == []


def test_a_folder_that_others_may_have_made_or_may_change_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(own)
    with pytest.raises(FolderError, match="is no folder, but a link"):
        Workplace(tmp_path / "link")
    own.chmod(0o770)
    with pytest.raises(FolderError, match=r"open to other users \(mode 770\): chmod 700 /"):
        Workplace(own)
    assert list(own.iterdir()) == []
