"""Measure parts at scale: all of them, or those that are named.

    python -m bench.scale                               all parts at full size: an hour and more
    python -m bench.scale definition folder             these alone
    python -m bench.scale --size 0.02 flight            a fiftieth of the size, to try it

What a part tells at full size is kept in build/scale and shown by bench/SCALE.md, also when other parts are measured
later. At another size it is printed, and only kept with --keep; the page then says the size. No figure is asserted; the
code is 1 where something does not hold that has to (each run ended right, one job a step), or where a part was not
measured to its end.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.scale.lines import Judged, write
from bench.scale.page import PAGE, ROOT, Measured, conditions, page, section

PARTS = ("definition", "folder", "importer", "texts", "flight", "memory", "long_run")
INTERPRETERS = {"importer": ROOT / ".venv-next" / "bin" / "python"}
"""Parts that need another Airflow than the one of this process, in the environment of `make test-next`."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--size", type=float, default=1.0, help="the share of the full size (default: 1)")
    parser.add_argument("--keep", action="store_true", help="write what another size tells too")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if unknown := [name for name in given.parts if name not in PARTS]:
        parser.error(f"no parts: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    if given.into is not None:
        return _tell(given.parts[0], given.size, given.into)
    bad = False
    for name in given.parts or PARTS:
        measured = _measured(name, given.size)
        print(section(measured), flush=True)
        bad = bad or measured.is_bad
        if given.size == 1 or given.keep:
            measured.save()
            PAGE.write_text(page(PARTS))
    return 1 if bad else 0


def _measured(name: str, size: float) -> Measured:
    """What a part tells, from a process of its own."""
    with tempfile.TemporaryDirectory(prefix="scale-") as folder:
        into = Path(folder) / "told.jsonl"
        into.touch()
        started = time.monotonic()
        interpreter = INTERPRETERS.get(name, sys.executable)
        command = [str(interpreter), "-m", "bench.scale", name, "--size", str(size), "--into", str(into)]
        code = subprocess.run(command, cwd=ROOT, env={**os.environ, "TMPDIR": folder}, check=False).returncode
        return Measured.of(name, size, into, conditions(time.monotonic() - started), ended=code == 0)


def _tell(name: str, size: float, into: Path) -> int:
    """Measure a part in this process."""
    # Sets Airflow's environment before Airflow is imported.
    thresholds = gc.get_threshold()
    importlib.import_module("tests.conftest")
    # It collects no garbage while pytest looks for tests: a long run took 6 GB so.
    gc.set_threshold(*thresholds)
    gc.enable()
    for told in importlib.import_module(f"bench.scale.parts.{name}").measure(size):
        write(told, into)
        print(f"{name}: {told.what}: {told.seen if isinstance(told, Judged) else told.ours}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
