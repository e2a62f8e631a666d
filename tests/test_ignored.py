"""What is never a definition, compared with Airflow's own reading of ``.airflowignore`` files."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from airflow._shared.module_loading.file_discovery import find_path_from_directory

from airflow_sm_pipelines.ignored import Ignored, Syntax, syntax_of, syntax_of_environment

NAMES = ("a", "b", "ab", "team", "old", "x.y")


def files_below(root: Path, names: list[str]) -> list[Path]:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    return [root / name for name in names]


def kept(root: Path, paths: list[Path], syntax: Syntax = "glob") -> list[str]:
    ignored = Ignored(root, syntax)
    return [path.relative_to(root).as_posix() for path in paths if path not in ignored]


COPIES = [
    "team/a copy.json",
    "a copy 2.json",
    "a - Copy.json",
    "a - Copy (3).json",
    "a (copy).json",
    "a (another copy).json",
    "a (3rd copy).json",
    "a (1).json",
    "a.template (2).json",
    "a (1).template.json",
    "Copy of a.json",
]
NO_COPIES = ["copy.json", "copy-data.json", "photocopy.json", "a(1).json", "a 2.json", "make copy job.json"]


def test_hidden_files_and_what_programs_leave_behind(tmp_path: Path) -> None:
    root = tmp_path / ".hidden" / "pipelines"
    names = [
        "a.json",
        ".a.json",
        ".#a.json",
        ".ipynb_checkpoints/a-checkpoint.json",
        "team/.git/x/a.json",
        "__MACOSX/a.json",
        "a.json~",
        "#a.json#",
        "a.json.swp",
        "a.json.bak",
        "a.json.orig",
        *COPIES,
        "team/a-checkpoint.json",
        "backup/a.json",
        "a~b.json",
        *NO_COPIES,
    ]
    paths = files_below(root, names)
    assert kept(root, paths) == [
        "a.json",
        "team/a-checkpoint.json",
        "backup/a.json",
        "a~b.json",
        *NO_COPIES,
    ]
    ignored = Ignored(root, "glob")
    assert sum(path in ignored for path in paths) == 10 + len(COPIES)
    assert {ignored.found[root / name] for name in COPIES} == {"a copy"}
    assert ignored.found[root / ".ipynb_checkpoints"] == "hidden"


def test_a_file_is_told_once_and_a_folder_for_all_that_is_in_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = files_below(tmp_path, [".git/a.json", ".git/b.json", "old/c.json", "d.json"])
    (tmp_path / ".airflowignore").write_text("old/\n")
    ignored = Ignored(tmp_path, "glob")
    assert [path.name for path in paths if path not in ignored] == ["d.json"]
    with caplog.at_level("INFO"):
        ignored.log()
    [record] = caplog.records
    assert record.getMessage().endswith(": .git (hidden), old (.airflowignore)")


PATTERNS: dict[str, list[str]] = {
    "glob": [
        *("a", "*.json", "!a.json", "/team", "team/", "team/*.json", "**/old", "old/**", "!old/ab.json", "x.y/"),
        *("[ab].json", "/", "!", "a/", "/a.json", "**", "?.json", "team/**/b.json", "!/team/a.json", "\\"),
    ],
    "regexp": [r"a", r"^team/", r"old/.*b", r"\.json$", r"x.y", r"/a\.json$", r"^ab", r"(", r"[ab]/"],
}
for each in PATTERNS.values():
    each += ["# said", "b # why", "", "  "]


@pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")  # Airflow's own use of pathspec
@pytest.mark.parametrize("syntax", ["glob", "regexp"])
def test_ignore_files_are_read_as_airflow_reads_them(tmp_path: Path, syntax: Syntax) -> None:
    chance = random.Random(12)
    for number in range(150):
        root = tmp_path / str(number)
        folders = [Path(), *(Path(*chance.choices(NAMES, k=chance.randint(1, 3))) for _ in range(5))]
        names = sorted({(chance.choice(folders) / f"{chance.choice(NAMES)}.json").as_posix() for _ in range(12)})
        paths = files_below(root, names)
        for folder in {Path(), *(path.parent.relative_to(root) for path in paths if chance.random() < 0.3)}:
            lines = chance.choices(PATTERNS[syntax], k=chance.randint(0, 4))
            (root / folder / ".airflowignore").write_text("\n".join(lines))
        try:
            theirs = find_path_from_directory(root, ".airflowignore", syntax)
            expected = sorted(Path(path).relative_to(root).as_posix() for path in theirs)
        except ValueError:
            # A pattern that is none ends Airflow's walk; here it is told and left out.
            assert isinstance(kept(root, paths, syntax), list)
            continue
        assert sorted(kept(root, paths, syntax)) == expected, number


def test_what_is_no_pattern_is_told_and_the_others_hold(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    paths = files_below(tmp_path, ["a.json", "b.json"])
    (tmp_path / ".airflowignore").write_text("(\na\n")
    assert kept(tmp_path, paths, "regexp") == ["b.json"]
    assert "'(' is no pattern and is not followed" in caplog.text
    (tmp_path / ".airflowignore").write_bytes(b"\xff\n")
    assert kept(tmp_path, paths) == ["a.json", "b.json"]
    assert "cannot be read and is not followed" in caplog.text


def test_the_syntax_is_airflows_setting() -> None:
    assert [syntax_of(text) for text in (None, "", "glob", "regexp")] == ["glob", "glob", "glob", "regexp"]
    assert syntax_of_environment({"AIRFLOW__CORE__DAG_IGNORE_FILE_SYNTAX": "regexp"}) == "regexp"
    with pytest.raises(ValueError, match="neither 'glob' nor 'regexp'"):
        syntax_of("git")
