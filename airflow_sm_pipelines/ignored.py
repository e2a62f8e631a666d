"""Which files of a folder are no definitions whatever they hold: hidden ones, copies that programs leave behind, and
what ``.airflowignore`` files name.

The ignore files are read as Airflow 3.3 reads those of a dags folder (``[core] dag_ignore_file_syntax``). Airflow's own
reader walks a folder by itself and is private to it, and the command line has no Airflow; a test compares the two.
"""

from __future__ import annotations

import logging
import os
import re
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct, field

from airflow_sm_pipelines.definition.paths import listed
from airflow_sm_pipelines.definition.text import storable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pathspec import GitIgnoreSpec

log = logging.getLogger(__name__)

IGNORE_FILE = ".airflowignore"
Syntax: TypeAlias = Literal["glob", "regexp"]

_COMMENT = re.compile(r"\s*#.*")
_FOLDERS = frozenset({"__MACOSX", "__pycache__"})
# Emacs (a~, #a#), Vim (.swp and the like), and copies that editors and patch tools save beside a file.
_LEFT_BEHIND = re.compile(r"~\Z|\A#.*#\Z|\.(?:sw[a-p]|bak|orig|rej|tmp|part|crdownload)\Z", re.IGNORECASE)

# What file managers call a copy: "a (1).json", "a copy 2.json", "a - Copy (2).json", "a (copy).json", "Copy of a.json".
_COPY = re.compile(
    r"\A(?:(?:another )?copy of .+|.+ \((?:(?:another |\d+(?:st|nd|rd|th) )?copy|\d+)\)"
    r"|.+ (?:- )?copy(?: \d+| \(\d+\))?)"
    r"(?:\.[A-Za-z0-9]+)*\Z",
    re.IGNORECASE,
)


class _Rule(Struct, frozen=True):
    """One line of an ignore file. ``base`` is the folder that a path is matched below; None for its name alone."""

    pattern: re.Pattern[str] | GitIgnoreSpec
    base: Path | None
    is_for_folders: bool = False

    def verdict(self, path: Path, *, is_folder: bool) -> bool | None:
        """Whether the line takes the path out, or (a negated one) in again; None where it does not match."""
        if isinstance(self.pattern, re.Pattern):
            assert self.base is not None
            return True if self.pattern.search(str(path.relative_to(self.base))) else None
        if self.is_for_folders and not is_folder:
            return None
        name = path.name if self.base is None else path.relative_to(self.base).as_posix()
        return self.pattern.check_file(f"{name}/" if is_folder else name).include


class _Folder(Struct, frozen=True):
    """What holds in a folder: why it is ignored as a whole, else the rules for what is in it."""

    ignored: str | None
    rules: tuple[_Rule, ...] = ()


class Ignored(Struct):
    """What is ignored below ``root``: the path that is (a file, or a folder around it), and why."""

    root: Path
    syntax: Syntax
    found: dict[Path, str] = field(default_factory=dict)
    _folders: dict[Path, _Folder] = field(default_factory=dict)
    _named: dict[str, _Folder] = field(default_factory=dict)

    def __contains__(self, path: Path) -> bool:
        name = os.path.dirname(path)  # noqa: PTH120 # a Path made and hashed for each file takes longer than all else here
        if (folder := self._named.get(name)) is None:
            folder = self._named[name] = self._folder(path.parent)
        if folder.ignored is not None:
            return True
        return self._reason(path, folder.rules, is_folder=False) is not None

    def is_folder_ignored(self, path: Path) -> bool:
        """Whether nothing in a folder counts."""
        return self._folder(path).ignored is not None

    def log(self) -> None:
        """One line in the log for all that was ignored."""
        if self.found:
            paths = [f"{storable(path.relative_to(self.root).as_posix())} ({why})" for path, why in self.found.items()]
            log.info("Never definitions below %s: %s", storable(str(self.root)), listed(paths))

    def _folder(self, path: Path) -> _Folder:
        if (known := self._folders.get(path)) is not None:
            return known
        rules: tuple[_Rule, ...] = ()
        ignored = None
        if path != self.root:
            around = self._folder(path.parent)
            rules, ignored = around.rules, around.ignored
            if ignored is None:
                ignored = self._reason(path, rules, is_folder=True)
        folder = _Folder(ignored) if ignored else _Folder(None, (*rules, *_rules_in(path, self.root, self.syntax)))
        self._folders[path] = folder
        return folder

    def _reason(self, path: Path, rules: Iterable[_Rule], *, is_folder: bool) -> str | None:
        reason = _by_name(path.name, is_folder=is_folder)
        if reason is None and _last_verdict(path, rules, is_folder=is_folder):
            reason = IGNORE_FILE
        if reason is not None:
            self.found.setdefault(path, reason)
        return reason


def syntax_of(text: str | None) -> Syntax:
    """The setting ``[core] dag_ignore_file_syntax``.

    :raises ValueError: where it is neither ``glob`` nor ``regexp``, as Airflow raises it
    """
    if text not in ("glob", "regexp", "", None):
        raise ValueError(f"[core] dag_ignore_file_syntax is {text!r}, neither 'glob' nor 'regexp'")
    return "regexp" if text == "regexp" else "glob"


def syntax_of_environment(environment: Mapping[str, str]) -> Syntax:
    """The same where Airflow itself is not asked: what its environment variable says."""
    return syntax_of(environment.get("AIRFLOW__CORE__DAG_IGNORE_FILE_SYNTAX"))


def _by_name(name: str, *, is_folder: bool) -> str | None:
    if name.startswith(".") and name != "..":
        return "hidden"
    if is_folder:
        return "no folder of people" if name in _FOLDERS else None
    if _LEFT_BEHIND.search(name):
        return "an editor's copy"
    return "a copy" if _COPY.match(name) else None


def _last_verdict(path: Path, rules: Iterable[_Rule], *, is_folder: bool) -> bool:
    """A later line takes in again what an earlier one takes out; regular expressions have no such lines."""
    matched = False
    for rule in rules:
        if (verdict := rule.verdict(path, is_folder=is_folder)) is not None:
            matched = verdict
    return matched


def _rules_in(folder: Path, root: Path, syntax: Syntax) -> Iterator[_Rule]:
    file = folder / IGNORE_FILE
    try:
        lines = file.read_text(encoding="utf-8").split("\n") if file.is_file() else []
    except (OSError, ValueError) as error:
        log.warning("%s cannot be read and is not followed: %s", storable(str(file)), error)
        return
    for line in lines:
        pattern = _COMMENT.sub("", line)
        if not pattern:
            continue
        try:
            rule = _regexp(pattern, root) if syntax == "regexp" else _glob(pattern, folder)
        except (ValueError, re.error) as error:
            log.warning("%s: %r is no pattern and is not followed: %s", storable(str(file)), storable(pattern), error)
            continue
        if rule is not None:
            yield rule


def _regexp(pattern: str, root: Path) -> _Rule:
    """It is searched for in the path below the folder that the loader was given, not below the file's own."""
    return _Rule(re.compile(pattern), root)


def _glob(pattern: str, folder: Path) -> _Rule | None:
    """As in a .gitignore: with a slash before its end it is a path from the file's folder on, else a name anywhere."""
    from pathspec import GitIgnoreSpec

    plain = pattern.strip()
    if plain in ("/", ""):
        return None
    is_path = pattern.startswith("/") or "/" in pattern.rstrip("/")
    return _Rule(GitIgnoreSpec.from_lines([pattern]), folder if is_path else None, plain.lstrip("!").endswith("/"))
