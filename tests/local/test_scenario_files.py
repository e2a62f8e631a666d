"""S3 objects of a scenario that stand in files beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_sm_pipelines.local.reader import ScenarioError
from airflow_sm_pipelines.local.scenario import load_scenario, read_scenario


def scenario(folder: Path, **objects: object) -> Path:
    path = folder / "scenario.json"
    path.write_text(json.dumps({"s3": {"bucket": objects}}))
    return path


def test_files_and_folders_are_objects(tmp_path: Path) -> None:
    (tmp_path / "src" / "deep").mkdir(parents=True)
    (tmp_path / "src" / "train.py").write_bytes(b"train")
    (tmp_path / "src" / "deep" / "data.bin").write_bytes(bytes(range(256)))
    given = scenario(tmp_path, code={"from_folder": "src"}, model={"from_file": "src/deep/data.bin"}, note={"a": 1})
    assert read_scenario(load_scenario(given)).s3["bucket"] == {
        "code/train.py": b"train",
        "code/deep/data.bin": bytes(range(256)),
        "model": bytes(range(256)),
        "note": b'{"a": 1}',
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"from_file": "none.csv"}, r"\$\.s3\.bucket\.key: no such file: .*none\.csv"),
        ({"from_folder": "none"}, r"\$\.s3\.bucket\.key: no files in the folder .*none"),
        ({"from_file": 1}, r"\$\.s3\.bucket\.key\.from_file: expected a string"),
        ({"base64": "?"}, r"\$\.s3\.bucket\.key\.base64: is no base64"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        read_scenario(load_scenario(scenario(tmp_path, key=content)))


def test_a_scenario_that_is_no_file_reads_none(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    given = {"s3": {"bucket": {"key": {"from_file": str(tmp_path / "secret")}}}}
    with pytest.raises(ScenarioError, match=r"\$\.s3\.bucket\.key: is read below the s3 of a scenario that is a file"):
        read_scenario(load_scenario(given))
