"""Run tests with other versions of Airflow, of dependencies and of Python: ``make matrix``.

Each pair of a set of versions and a Python gets an environment below ``build/matrix``, one after the other:

- ``lowest``, ``airflow-3.3.1``, ``airflow-3.3.2``: the files of ``pins/`` (dev/pins.py says what is in them).
- ``newest`` and ``next``: ``constraints.txt``, and ``constraints-next.txt`` with Airflow's newest pre-release.
- ``bare``: the wheel in an Airflow that has nothing else, without the repository.

The tiers are ``fast`` (the tests that start no Airflow), ``runs`` (:data:`RUNS`, on real Airflow) and ``wheel``
(dev/bare.py). What was passed, failed and skipped is printed, kept in ``build/matrix/results.json``, and written into
the table of docs/compatibility.md by ``--page``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

from dev.bare import try_wheel
from dev.pins import EXTRAS

ROOT = Path(__file__).parent.parent
HOME = ROOT / "build" / "matrix"
RESULTS = HOME / "results.json"
PAGE = ROOT / "docs" / "compatibility.md"
BEGIN, END = "<!-- matrix: begin -->", "<!-- matrix: end -->"
SETS = ("lowest", "airflow-3.3.1", "airflow-3.3.2", "newest", "next", "bare")
PYTHONS = ("3.11", "3.12", "3.13")
CONSTRAINTS = {"newest": "constraints.txt", "next": "constraints-next.txt", "bare": "constraints.txt"}
FAST = ("-m", "not airflow and not system")
RUNS = (
    "tests/test_dag.py",
    "tests/test_loader.py",
    "tests/running",
    "tests/runs/test_core_path.py",
    "tests/runs/test_branches.py",
    "tests/runs/test_callback.py",
    "tests/runs/test_callback_endpoint.py",
    "tests/runs/test_cleared.py",
    "tests/runs/test_unowned_jobs.py",
)
# Old dependencies warn of each other, which is not ours to mend; the newest ones must not.
LENIENT = ("-p", "no:anyio", "-o", "filterwarnings=default")


def main() -> int:
    """Run, print and keep the results; 1 where something failed."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--uv", default="uv")
    parser.add_argument("--sets", default=" ".join(SETS))
    parser.add_argument("--pythons", default=" ".join(PYTHONS))
    parser.add_argument("--tiers", default="fast runs wheel")
    parser.add_argument("--page", action="store_true", help="only write the table into docs/compatibility.md")
    options = parser.parse_args()
    if options.page:
        write_page()
        return 0
    failed = False
    for name in options.sets.split():
        for version in options.pythons.split():
            failed |= not run_pair(name, version, options.uv, options.tiers.split())
    return int(failed)


def run_pair(name: str, version: str, uv: str, tiers: list[str]) -> bool:
    """Make the environment of a set and a Python, and run its tiers there."""
    if name not in SETS:
        raise SystemExit(f"there is no set {name!r}; there are {', '.join(SETS)}")
    python = make_environment(name, version, uv)
    good = True
    for tier in ("wheel",) if name == "bare" else ("fast", "runs"):
        if tier in tiers:
            began = time.monotonic()
            counted = try_wheel(python, uv) if tier == "wheel" else run_tests(name, version, tier, python)
            counted |= {"seconds": round(time.monotonic() - began), "date": today(), "commit": commit()}
            keep(f"{name} {version} {tier}", counted)
            print(f"{name}, Python {version}, {tier}: {words_of(counted)}", flush=True)
            good &= not counted["failed"] and bool(counted["passed"])
    return good


def make_environment(name: str, version: str, uv: str) -> Path:
    """An environment of its own, made again each time: uv takes its files from its cache."""
    folder = HOME / f"{name}-{version}"
    shutil.rmtree(folder, ignore_errors=True)
    environment = os.environ | {"UV_PYTHON_DOWNLOADS": "never"}
    subprocess.run([uv, "venv", "--quiet", "--python", find_python(version), str(folder)], check=True, env=environment)
    python = folder / "bin" / "python"
    if name == "bare":
        wanted = [str(path) for path in (ROOT / "dist").glob("*.whl")]
        if not wanted:
            raise SystemExit("there is no wheel: run `make dist` before")
    else:
        wanted = ["--editable", f"{ROOT}[{','.join(('test', *EXTRAS))}]"]
    constraints = ROOT / CONSTRAINTS.get(name, f"pins/{name}.txt")
    install = [
        uv,
        "pip",
        "install",
        "--quiet",
        "--compile-bytecode",
        "--python",
        str(python),
        "--constraint",
        str(constraints),
    ]
    subprocess.run([*install, *wanted], check=True, env=environment)
    return python


def find_python(version: str) -> str:
    """An interpreter of this version: on the path, or one of pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    named = [shutil.which(f"python{version}"), *map(str, sorted(pyenv.glob(f"{version}.*/bin/python")))]
    for candidate in filter(None, named):
        asked = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False)
        if asked.returncode == 0 and asked.stdout.split()[1].startswith(f"{version}."):
            return candidate
    raise SystemExit(f"there is no Python {version} on the PATH, nor one of pyenv's")


def run_tests(name: str, version: str, tier: str, python: Path) -> dict[str, object]:
    """Run one tier with pytest, and count its results."""
    report = HOME / f"{name}-{version}-{tier}.xml"
    lenient = () if name in ("newest", "next") else LENIENT
    chosen = FAST if tier == "fast" else RUNS
    command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junit-xml={report}", *lenient, *chosen]
    report.unlink(missing_ok=True)
    with report.with_suffix(".log").open("w") as log:
        subprocess.run(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, check=False)
    if not report.exists():
        return {"passed": 0, "failed": 1, "skipped": 0, "reasons": {f"no report: see {report.with_suffix('.log')}": 1}}
    cases = list(ET.parse(report).iter("testcase"))  # noqa: S314 # pytest has just written it
    skipped = [found for case in cases if (found := case.find("skipped")) is not None]
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    return {
        "passed": len(cases) - len(skipped) - len(failed),
        "failed": len(failed),
        "skipped": len(skipped),
        "reasons": dict(Counter(one.get("message", "") for one in skipped)),
    }


def keep(key: str, counted: dict[str, object]) -> None:
    """Add a result to those of earlier runs."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps(results | {key: counted}, indent=1, sort_keys=True))


def today() -> str:
    """The day, in UTC."""
    return datetime.now(UTC).date().isoformat()


def commit() -> str:
    """The commit that was tested, with a ``+`` where files are not as it has them; ``?`` where git does not say."""
    told = subprocess.run(
        ["git", "describe", "--always", "--abbrev=7", "--exclude=*", "--dirty=+"],  # noqa: S607 # git of the developer
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or "?"


def words_of(counted: dict[str, object]) -> str:
    """A result in one line."""
    return ", ".join(f"{counted[word]} {word}" for word in ("passed", "failed", "skipped"))


def where_skipped(tiers: Mapping[str, set[int]]) -> str:
    """How many tests of which sets and tiers; two numbers where the Pythons differ."""
    texts = []
    for tier, numbers in tiers.items():
        least, most = min(numbers), max(numbers)
        texts.append(f"{tier}: {least}" if least == most else f"{tier}: {least} to {most}")
    return ", ".join(texts)


def write_page() -> None:
    """Write the table of all kept results into the page."""
    results = json.loads(RESULTS.read_text())
    lines = ["| versions | Python | tier | passed | failed | skipped | commit | day |", f"{'|---' * 8}|"]
    reasons: defaultdict[str, defaultdict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for name in SETS:
        for key, counted in sorted(results.items()):
            if key.split()[0] == name:
                cells = [*key.split(), *(str(counted[word]) for word in ("passed", "failed", "skipped"))]
                cells += [counted.get("commit", ""), counted.get("date", "")]
                lines.append(f"| {' | '.join(cells)} |")
                for reason, number in counted.get("reasons", {}).items():
                    reasons[reason][f"{name} {key.split()[2]}"].add(number)
    if reasons:
        lines += ["", "Reasons for skips, and how many there are:", ""]
        lines += [f"- {reason} ({where_skipped(reasons[reason])})" for reason in sorted(reasons)]
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text("\n".join([f"{before}{BEGIN}", *lines, f"{END}{rest.partition(END)[2]}"]))


if __name__ == "__main__":
    sys.exit(main())
