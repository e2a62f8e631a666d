"""Archives that are unpacked stay where they are unpacked, with the filter of newer Pythons and without."""

from __future__ import annotations

import io
import sys
import tarfile
from pathlib import Path

import pytest

from airflow_sm_pipelines.local_runner.transfers import InputError, unpack


def packed(*members: tarfile.TarInfo) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for member in members:
            member.size = len(b"text") if member.isreg() else 0
            archive.addfile(member, io.BytesIO(b"text"))
    return content.getvalue()


def link(name: str, target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member


@pytest.fixture(params=["with the filter", "as before Python 3.11.4"])
def python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param != "with the filter":
        if sys.version_info >= (3, 12):
            pytest.skip("this Python always has the filter, and warns of an extraction without it")
        monkeypatch.delattr(tarfile, "data_filter", raising=False)
    elif not hasattr(tarfile, "data_filter"):
        pytest.skip("this Python has no filter")
    return str(request.param)


@pytest.mark.usefixtures("python")
def test_files_and_folders_are_there(tmp_path: Path) -> None:
    folder = tarfile.TarInfo("code")
    folder.type, folder.mode = tarfile.DIRTYPE, 0o755
    unpack(packed(folder, tarfile.TarInfo("code/train.py"), tarfile.TarInfo("a.txt")), tmp_path, "source")
    assert (tmp_path / "code" / "train.py").read_text() == (tmp_path / "a.txt").read_text() == "text"


@pytest.mark.usefixtures("python")
@pytest.mark.parametrize(
    "member", [tarfile.TarInfo("../out.txt"), link("out", "/etc/passwd")], ids=lambda one: one.name
)
def test_what_leads_out_is_refused(member: tarfile.TarInfo, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    with pytest.raises(InputError, match="source cannot be unpacked"):
        unpack(packed(member), inner, "source")
    assert [path.name for path in tmp_path.iterdir()] == ["inner"]
    assert list(inner.iterdir()) == []


def test_what_is_no_archive_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="source cannot be unpacked"):
        unpack(b"text", tmp_path, "source")
