"""What is released is of one piece: versions, licences, sets of versions, workflows, and the provider's metadata."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from importlib import import_module, resources
from importlib.metadata import distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

import airflow_sm_pipelines
from airflow_sm_pipelines.options import IN_0_1, OPTIONS
from airflow_sm_pipelines.provider_info import get_provider_info
from dev.pins import EXTRAS

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINNED = [ROOT / "constraints.txt", ROOT / "constraints-next.txt", *sorted((ROOT / "pins").glob("*.txt"))]
MAKEFILE = (ROOT / "Makefile").read_text()
# pins/docs.txt, airflow-3.3.1.txt, …
SETS = [path for path in PINNED if path.stem.startswith(("lowest", "airflow"))]


def versions_of(file: Path) -> dict[str, str]:
    lines = [line.partition(" ")[0] for line in file.read_text().splitlines() if re.match(r"\w", line)]
    return {
        re.sub(r"[_.]", "-", name.lower()): version for name, _, version in (line.partition("==") for line in lines)
    }


def test_the_changelog_begins_with_this_version() -> None:
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert airflow_sm_pipelines.__version__ in headings[0]
    assert set(get_provider_info()["versions"]) == {re.search(r"\d[\d.]*\d", heading)[0] for heading in headings}  # type: ignore[index] # a heading without a version is an error


@pytest.mark.parametrize("file", PINNED, ids=lambda path: path.name)
def test_sets_of_versions_are_names_and_versions(file: Path) -> None:
    assert [line for line in file.read_text().splitlines() if not re.fullmatch(r"[\w.-]+==[\w.!+-]+", line)] == []


def test_the_lock_file_has_the_constraints_versions_each_with_hashes_and_nothing_else() -> None:
    text = (ROOT / "requirements-hashed.txt").read_text()
    locked = versions_of(ROOT / "requirements-hashed.txt")
    # pip freeze, which constraints.txt is from, leaves the installers out, and what other systems and Pythons need.
    others = {"setuptools", "colorama", "pyyaml-ft"}
    assert dict(locked.items() - versions_of(ROOT / "constraints.txt").items()).keys() <= others
    wanted = {re.split(r"[^\w.-]", line)[0] for line in PROJECT["dependencies"]}
    assert wanted <= locked.keys()
    entries = text.replace(" \\\n", "").splitlines()
    entry = re.compile(r"[\w.-]+==[\w.!+-]+( ; [\w =<>!'.*-]+)?(    --hash=sha256:[0-9a-f]{64})+")
    assert [one for one in entries if not entry.fullmatch(one)] == []


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
@pytest.mark.parametrize("name", ["constraints.txt", "requirements-hashed.txt"])
def test_what_is_pinned_installs_on_the_first_release_of_every_python(name: str, python: str) -> None:
    """Debian 12 has Python 3.11.2: what asks for a later one cannot be pinned."""
    lines = re.findall(r"^\w[^\\\n]*", (ROOT / name).read_text(), re.MULTILINE)
    pins = [Requirement(line) for line in lines]
    here = {"python_version": python, "python_full_version": f"{python}.0"}
    pinned = {
        canonicalize_name(one.name): str(one.specifier)
        for one in pins
        if one.marker is None or one.marker.evaluate(here)
    }
    asked = {
        each.metadata["Name"]: each.metadata["Requires-Python"]
        for each in distributions()
        if "Requires-Python" in each.metadata
        and pinned.get(canonicalize_name(each.metadata["Name"])) == f"=={each.version}"
    }
    # The lock file has less than the constraints; an environment of other versions tells of few.
    assert {name: asks for name, asks in asked.items() if not SpecifierSet(asks).contains(f"{python}.0")} == {}


@pytest.mark.parametrize("file", SETS, ids=lambda path: path.stem)
def test_a_set_has_every_dependency_and_the_tools_of_the_tests(file: Path) -> None:
    versions, ours = versions_of(file), versions_of(ROOT / "constraints.txt")
    assert {re.split(r"[^\w.-]", line)[0] for line in PROJECT["dependencies"]} <= versions.keys()
    for tool in ("pytest", "hypothesis", "pytest-xdist", "moto", "networkx"):
        assert versions[tool] == ours[tool]


def test_the_sets_are_what_deployments_have() -> None:
    found = {path.stem: versions_of(path) for path in SETS}
    amazon = {name: versions["apache-airflow-providers-amazon"] for name, versions in found.items()}
    assert amazon == {"lowest": "9.34.0", "airflow-3.3.1": "9.34.0", "airflow-3.3.2": "9.36.0"}
    floors = dict(line.split(">=") for line in PROJECT["dependencies"] if "," not in line)
    for name, floor in floors.items():
        if not name.startswith("boto"):  # aiobotocore bounds these too
            assert Version(found["lowest"][name.partition("[")[0]]) == Version(floor), name


def test_the_floors_of_all_extras_are_tried() -> None:
    """Each floor of what is installed beside the package is a version of the set `lowest`, and is installed with it."""
    extras = {name: PROJECT["optional-dependencies"][name] for name in ("local", "postgres", *EXTRAS)}
    assert extras.keys() == PROJECT["optional-dependencies"].keys() - {"test", "dev"}
    lowest = versions_of(ROOT / "pins" / "lowest.txt")
    for line in (line for lines in extras.values() for line in lines):
        [name] = re.findall(r"^[\w-]+", line)
        [floor] = re.findall(r">=([\d.]+)", line)
        assert Version(lowest[name]) == Version(floor), line


def test_hooks_have_the_versions_of_the_constraints() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    pins = {pin for hook in hooks for pin in hook.get("additional_dependencies", ())}
    assert pins == {f"ruff=={versions_of(ROOT / 'constraints.txt')['ruff']}"}


@pytest.mark.parametrize("name", ["ci.yml", "release.yml"])
def test_workflows_run_what_developers_run(name: str) -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text())
    assert workflow["permissions"] == {"contents": "read"}
    runs = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    targets = re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE)
    assert runs
    for run in runs:
        if found := re.match(r"make ([a-z-]+)", run):
            assert found[1] in targets, run
    if name == "ci.yml":
        assert "bash .ci/run" in runs
        matrix = workflow["jobs"]["matrix"]["strategy"]["matrix"]
        assert matrix["set"] == re.search(r"^SETS \?= (.*)$", MAKEFILE, re.MULTILINE)[1].split()  # type: ignore[index] # an error where the Makefile has none
        assert matrix["python"] == re.search(r"^PYTHONS \?= (.*)$", MAKEFILE, re.MULTILINE)[1].split()  # type: ignore[index] # an error where the Makefile has none


RELEASE = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())["jobs"]


def test_a_release_is_built_tried_attested_and_published_in_this_order() -> None:
    """What is published is what the first job built: the last one only fetches it."""
    assert RELEASE["install"]["needs"] == "build"
    assert RELEASE["publish"]["needs"] == ["build", "install"]
    used = [step["uses"].partition("@")[0] for step in RELEASE["publish"]["steps"] if "uses" in step]
    assert used == ["actions/download-artifact", "actions/attest-build-provenance", "pypa/gh-action-pypi-publish"]
    _, attest, publish, notes = RELEASE["publish"]["steps"]
    assert attest["with"] == {"subject-path": "dist/*"}
    assert publish["with"] == {"attestations": True}  # no password
    assert notes["run"].startswith("gh release create")
    # The index trusts the environment, and GitHub signs for the job.
    assert RELEASE["publish"]["environment"] == {"name": "release"}
    assert {"id-token": "write", "attestations": "write"}.items() <= RELEASE["publish"]["permissions"].items()
    assert [name for name, job in RELEASE.items() if "permissions" in job] == ["publish"]


def step_of(job: str, word: str) -> str:
    [found] = [step["run"] for step in RELEASE[job]["steps"] if word in step.get("run", "")]
    return str(found)


@pytest.mark.parametrize(
    ("heading", "taken"), [("0.2.0 (2026-12-01)", True), ("Unreleased (0.2.0)", False), ("0.2.0", False)]
)
def test_a_tag_is_refused_whose_heading_has_no_day(heading: str, taken: bool, tmp_path: Path) -> None:
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n## {heading}\n\n## 0.1.0 (2026-11-21)\n")
    command = ["bash", "-c", step_of("build", "CHANGELOG.md")]
    environment = {**os.environ, "GITHUB_REF_NAME": "v0.2.0"}
    assert (subprocess.run(command, cwd=tmp_path, env=environment, check=False).returncode == 0) == taken


@pytest.mark.parametrize(("rebuilt", "taken"), [(b"the same", True), (b"another", False)])
def test_what_is_published_is_what_was_tried(rebuilt: bytes, taken: bool, tmp_path: Path) -> None:
    for folder, content in (("dist", rebuilt), ("build/published", b"the same")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "airflow_sm_pipelines-0.2.0-py3-none-any.whl").write_bytes(content)
    command = ["bash", "-c", step_of("install", "build/published")]
    assert (subprocess.run(command, cwd=tmp_path, check=False).returncode == 0) == taken
    # It is compared after it was built, with what the first job built.
    uses = [step.get("with", {}) for step in RELEASE["install"]["steps"]]
    assert {"name": "dist", "path": "build/published"} in uses


def test_forms_for_issues_are_ones_that_github_takes() -> None:
    """Each has a name, a description and fields with labels and ids of their own."""
    for file in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"):
        form = yaml.safe_load(file.read_text())
        if file.stem == "config":
            assert form.keys() <= {"blank_issues_enabled", "contact_links"}
            continue
        assert {"name", "description", "body"} <= form.keys()
        fields = [field for field in form["body"] if field["type"] != "markdown"]
        assert all(field["attributes"]["label"] for field in fields)
        assert len({field["id"] for field in fields}) == len(fields)


def test_the_providers_metadata_is_as_airflows_registry_asks() -> None:
    validate = import_module("jsonschema").validate
    schema = json.loads((resources.files("airflow") / "provider_info.schema.json").read_text())
    info = get_provider_info()
    validate(info, schema)
    assert info.keys() <= schema["properties"].keys() | {"versions"}
    [integration] = info["integrations"]
    assert {*integration} >= {"integration-name", "external-doc-url", "how-to-guide", "logo", "tags"}
    for path in (*integration["how-to-guide"], integration["logo"]):
        assert (ROOT / "docs" / path.removeprefix("/docs/airflow-sm-pipelines/")).is_file(), path
    for kind in ("operators", "hooks", "bundles", "triggers"):
        for entry in info[kind]:
            assert entry["integration-name"] == integration["integration-name"]
            for module in entry["python-modules"]:
                assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), module


def test_every_option_says_since_when() -> None:
    assert OPTIONS.keys() >= IN_0_1
    added = {option.version_added for name, option in OPTIONS.items() if name not in IN_0_1}
    assert added <= set(get_provider_info()["versions"])
