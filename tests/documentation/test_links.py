"""Links lead somewhere, also from where only the README is seen, and the repository has one address."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.documentation.blocks import DOCS, PAGES, ROOT, name_of, text_without_blocks

URLS: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]
REPOSITORY = URLS["Repository"]
# The files that have the address of the repository or of the site. CONTRIBUTING.md says how to change it everywhere.
ADDRESSED = {
    ".github/ISSUE_TEMPLATE/config.yml",
    "README.md",
    "docs/compatibility.md",
    "docs/tutorial.md",
    "mkdocs.yml",
    "pyproject.toml",
}
ADDRESS = re.compile(r"https://(?:github\.com/[\w-]+/airflow-sm-pipelines|[\w-]+\.github\.io/airflow-sm-pipelines)")
# Pages that dev/site.py makes of files at the root.
MADE = {"changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md", "security-policy.md": "SECURITY.md"}


@cache
def anchors_of(page: Path) -> frozenset[str]:
    """The ids of a page's headings, as the site makes them: the second of a name has ``_1``."""
    found: list[str] = []
    for heading in re.findall(r"^#+ (.*)$", text_without_blocks(page), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        text = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
        slug = re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", text).strip().lower())
        found.append(slug if slug not in found else f"{slug}_{found.count(slug)}")
    return frozenset(found)


def links_of(page: Path) -> Iterator[str]:
    text = re.sub(r"`[^`\n]*`", "", text_without_blocks(page))
    yield from re.findall(r"\]\(([^)\s]+)\)", text)
    yield from re.findall(r"^\[[^\]]+\]: (\S+)$", text, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in links_of(page):
        path, _, anchor = link.partition("#")
        if path.startswith(f"{REPOSITORY}/"):
            target = ROOT / re.sub(r"^(blob|raw)/main/", "", path.removeprefix(f"{REPOSITORY}/"))
        elif re.match(r"\w+:", path):
            continue
        else:
            target = ROOT / MADE[path] if path in MADE and page.parent == DOCS else page.parent / path
        target = target if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors_of(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", [page for page in PAGES if DOCS in page.parents], ids=name_of)
def test_a_page_that_is_named_in_brackets_is_a_link(page: Path) -> None:
    """What code says of itself names pages as a developer sees them."""
    assert re.findall(r"\(docs/[\w/-]+\.md\S*\)", re.sub(r"`[^`\n]*`", "", text_without_blocks(page))) == []


def test_the_readme_reads_on_a_package_index() -> None:
    """There, a link that does not begin with https leads nowhere."""
    links = list(links_of(ROOT / "README.md"))
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    named = re.findall(r"\[([^\]\n]+\.md[^\]\n]*)\](?![(:])", (ROOT / "README.md").read_text())
    defined = re.findall(r"^\[([^\]]+)\]: ", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert set(named) - set(defined) == set()


def tracked() -> list[str]:
    """The files of the repository, without those that tests are given."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.splitlines() if not name.startswith("tests/") and (ROOT / name).is_file()]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="what belongs to the repository is known in a clone only")
def test_the_address_of_the_repository_is_one_and_in_few_files() -> None:
    found = {name: set(ADDRESS.findall((ROOT / name).read_bytes().decode("utf-8", "replace"))) for name in tracked()}
    assert {name for name, addresses in found.items() if addresses} == ADDRESSED
    site = URLS["Documentation"].rstrip("/")
    assert set().union(*found.values()) == {REPOSITORY, site}
    settings = (ROOT / "mkdocs.yml").read_text()
    assert f"\nsite_url: {site}/\n" in settings
    assert f"\nrepo_url: {REPOSITORY}\n" in settings
    assert all(url.startswith((REPOSITORY, site)) for url in URLS.values())


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="what belongs to the repository is known in a clone only")
def test_the_command_of_contributing_md_changes_the_address_everywhere(tmp_path: Path) -> None:
    for name in (*ADDRESSED, "CONTRIBUTING.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    [command] = [line for line in (ROOT / "CONTRIBUTING.md").read_text().splitlines() if line.startswith("git grep")]
    for each in ("git init --quiet", "git add .", command.replace("OWNER", "acme").replace("NAME", "pipes")):
        subprocess.run(["bash", "-c", each], cwd=tmp_path, check=True)
    changed = {name: (tmp_path / name).read_text() for name in (*ADDRESSED, "CONTRIBUTING.md")}
    assert [name for name, text in changed.items() if ADDRESS.search(text)] == []
    assert all(re.search(r"github\.com/acme/pipes\b", changed[name]) for name in ADDRESSED)
    assert "https://acme.github.io/pipes/" in changed["pyproject.toml"]
    assert changed["CONTRIBUTING.md"] == (ROOT / "CONTRIBUTING.md").read_text()


def test_every_page_is_in_the_navigation() -> None:
    """dev/site.py puts what is missing at the end, where nobody looks for it."""
    named = re.findall(r"(\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(named) == sorted([*(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")), *MADE])


def test_every_picture_is_on_a_page() -> None:
    shown = {Path(link).name for page in PAGES for link in links_of(page)}
    there = {picture.name for folder in ("images", "pictures") for picture in (DOCS / folder).iterdir()}
    assert there - shown == {"logo.svg"}  # mkdocs.yml, and the provider's metadata
