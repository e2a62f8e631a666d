"""What the documentation site adds to the folder ``docs``: a hook of mkdocs (``mkdocs.yml``).

The changelog and the pages for contributors stand at the root of the repository, where people look for them. Links to
files outside of ``docs`` lead to the repository. Pages that nobody has put into the navigation are at its end.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
FROM_ROOT = {"changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md", "security-policy.md": "SECURITY.md"}
LINK = re.compile(r"(\]\()([^)#\s:]+)(#[^)]*)?(\))")


def on_config(config: Any) -> Any:
    """Put the pages that the navigation lacks at its end."""
    docs = Path(config["docs_dir"])
    named = set(re.findall(r"[\w/-]+\.md", str(config["nav"])))
    there = (path.relative_to(docs).as_posix() for path in docs.rglob("*.md"))
    missing = sorted(path for path in there if path not in named)
    if missing:
        config["nav"] = [*config["nav"], {"Further pages": missing}]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the pages of the root."""
    from mkdocs.structure.files import File

    for name, source in FROM_ROOT.items():
        files.append(File.generated(config, name, content=(ROOT / source).read_text()))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001 # mkdocs gives all by name
    """Lead links to where their files are on the site, or in the repository."""
    name = page.file.src_uri
    folder = ROOT if name in FROM_ROOT else (ROOT / "docs" / name).parent
    here = "" if name in FROM_ROOT else posixpath.dirname(name)
    moved = {source: target for target, source in FROM_ROOT.items()}

    def led(match: re.Match[str]) -> str:
        path = (folder / match[2]).resolve()
        if not path.is_relative_to(ROOT) or not path.exists():
            return match[0]
        within = path.relative_to(ROOT).as_posix()
        if within in moved:
            target = posixpath.relpath(moved[within], here)
        elif within.startswith("docs/"):
            target = posixpath.relpath(within.removeprefix("docs/"), here)
        else:
            target = f"{config['repo_url']}/blob/main/{within}"
        return f"{match[1]}{target}{match[3] or ''}{match[4]}"

    return LINK.sub(led, markdown)
