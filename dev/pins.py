"""Make the sets of versions in ``pins/``, and the lock file with hashes: ``make pins``.

A set is a file of names and versions for ``pip install --constraint``, resolved by uv for :data:`PYTHON` on Linux.

- ``lowest``: each direct dependency as old as ``pyproject.toml`` allows.
- ``airflow-X``: what the index had on the day on which Airflow X came out, as Airflow's own constraints of X have it.
- ``tools`` and ``docs``: what builds and checks the distribution, and what makes the documentation site.

The newest versions are in ``constraints.txt``, those for the newest pre-release in ``constraints-next.txt``.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
import tomllib
from collections.abc import Set
from pathlib import Path

ROOT = Path(__file__).parent.parent
PINS = ROOT / "pins"
PYTHON = "3.12"
# Of 3.3.0's day the Amazon provider is 9.31, which is older than the floor; the set `lowest` has Airflow 3.3.0.
RELEASED = {"3.3.1": "2026-08-12", "3.3.2": "2026-09-17"}
# Providers beside the Amazon one that deployments commonly have; they bound the versions of what they share with it.
NEIGHBOURS = ("celery", "cncf-kubernetes", "fab", "openlineage", "postgres")
AMAZON = "apache-airflow-providers-amazon"
TOOLS = ("build", "cyclonedx-bom", "hatchling", "pip-licenses", "twine", "uv")
SITE = ("mkdocs-material",)
# What a set installs beside what tests need, so that every floor is tried.
EXTRAS = ("celery", "statsd")
# What tests need and has the versions of a set: s3fs has the version of fsspec.
OF_AIRFLOW = {"apache-airflow-providers-openlineage", "s3fs"}
# What others bring, in versions that Python 3.11 takes too, for the sets are resolved for a newer one: moto brings the
# first, the oldest Airflow the rest.
OF_TOOLS = {"networkx"}
OF_OTHERS = {"deprecated", "networkx", "soupsieve"}
# What the Amazon provider brings: a newer one asks for a newer boto3 than our floor.
OLD = ("pyathena<4",)


class Resolver:
    """uv, which resolves requirements to a file of versions."""

    def __init__(self, uv: str, scratch: Path) -> None:
        self._uv = uv
        self._scratch = scratch

    def requirements(self, *lines: str) -> Path:
        """A file of requirements."""
        file = self._scratch / f"{len(list(self._scratch.iterdir()))}.in"
        file.write_text("\n".join(lines) + "\n")
        return file

    def compile(self, output: Path, *arguments: str | Path, python: str = PYTHON, everywhere: bool = False) -> Path:
        """Resolve, and write the versions to ``output``: for Linux and one Python, or with markers for all from it."""
        platform = ["--universal"] if everywhere else ["--python-platform", "linux"]
        fixed = ["--quiet", "--no-header", "--no-annotate", "--python-version", python, *platform]
        subprocess.run([self._uv, "pip", "compile", *fixed, "--output-file", output, *arguments], cwd=ROOT, check=True)
        return output


def main() -> None:
    """Make all sets, or those that are named."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--uv", default="uv")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    names = options.names or ["lowest", *(f"airflow-{version}" for version in RELEASED), "tools", "docs", "hashed"]
    with tempfile.TemporaryDirectory() as scratch:
        resolver = Resolver(options.uv, Path(scratch))
        for name in names:
            make(name, resolver, Path(scratch))


def make(name: str, resolver: Resolver, scratch: Path) -> None:
    """Make one set from the beginning: versions of an earlier file do not count."""
    output = ROOT / "requirements-hashed.txt" if name == "hashed" else PINS / f"{name}.txt"
    output.unlink(missing_ok=True)
    if name == "hashed":
        pinned = ["pyproject.toml", "--constraint", "constraints.txt", "--generate-hashes"]
        # The first release of 3.11 too: Debian 12 has an early one.
        resolver.compile(output, *pinned, python="3.11.0", everywhere=True)
    elif name in ("tools", "docs"):
        resolver.compile(output, resolver.requirements(*(TOOLS if name == "tools" else SITE)), python="3.11")
    else:
        base = scratch / f"{name}.txt"
        if name == "lowest":
            extras = [each for name in ("local", "postgres", *EXTRAS) for each in ("--extra", name)]
            others = resolver.requirements(*in_constraints(OF_OTHERS), *OLD)
            resolver.compile(base, "pyproject.toml", *extras, "--resolution", "lowest-direct", "--constraint", others)
        else:
            of_its_day(name.removeprefix("airflow-"), base, resolver)
        tools = resolver.requirements(*test_tools())
        extras = [each for name in ("test", *EXTRAS) for each in ("--extra", name)]
        resolver.compile(output, "pyproject.toml", *extras, "--constraint", base, "--constraint", tools)
    print(output.relative_to(ROOT))


def of_its_day(version: str, output: Path, resolver: Resolver) -> None:
    """The versions of the day on which this Airflow came out."""
    providers = (f"apache-airflow-providers-{name}" for name in NEIGHBOURS)
    wanted = resolver.requirements(f"apache-airflow=={version}", f"{AMAZON}[aiobotocore]", *providers)
    resolver.compile(output, wanted, "--exclude-newer", RELEASED[version])


def test_tools() -> list[str]:
    """What tests need, in the versions of ``constraints.txt``: a set changes what is tested, not by what."""
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["test"]
    tools = {re.split(r"[^\w-]", line)[0] for line in extra} - OF_AIRFLOW | OF_TOOLS
    return in_constraints(tools)


def in_constraints(names: Set[str]) -> list[str]:
    """The lines of ``constraints.txt`` for these packages."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [line for line in lines if line.split("==")[0].lower() in names]


if __name__ == "__main__":
    main()
