"""Make the wheel and the source archive, and check them: ``make dist``.

They are built twice from the files that git knows: the second time from a copy in another folder, with other times and
modes. Both builds must give the same bytes. Then twine checks that an index takes their descriptions.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
DIST = ROOT / "dist"
LONG_AGO = 946_684_800


def main() -> int:
    """Build, compare, check."""
    with tempfile.TemporaryDirectory() as scratch:
        # What somebody edits meanwhile is in both or in none.
        files = known_files(Path(scratch) / "here")
        first = build(files, Path(scratch) / "first")
        second = build(disguised(files, Path(scratch) / "elsewhere"), Path(scratch) / "second")
        if digests(first) != digests(second):
            print(f"two builds differ:\n{digests(first)}\n{digests(second)}", file=sys.stderr)
            return 1
        shutil.rmtree(DIST, ignore_errors=True)
        shutil.copytree(first, DIST)
    for name, digest in digests(DIST).items():
        print(f"{digest}  dist/{name}")
    built = [str(path) for path in sorted(DIST.iterdir())]
    return subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *built], check=False).returncode


def build(source: Path, output: Path) -> Path:
    """Build both archives of a folder."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(output), str(source)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return output


def known_files(folder: Path) -> Path:
    """A copy of what git knows of or would take."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 # git of the developer
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


def disguised(files: Path, folder: Path) -> Path:
    """A copy that differs in what must not count."""
    shutil.copytree(files, folder)
    for path in filter(Path.is_file, folder.rglob("*")):
        path.chmod(0o600)
        os.utime(path, (LONG_AGO, LONG_AGO))
    return folder


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file of a folder."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


if __name__ == "__main__":
    sys.exit(main())
