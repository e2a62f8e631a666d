"""``lint`` on a dags folder: a definition of which two dags files make the same Dag."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_sm_pipelines.cli.main import main
from tests.runs.harness import pipeline, training

CLASS = "from airflow_sm_pipelines import SageMakerPipelineDag\ndag = SageMakerPipelineDag({})\n"
LOADER = "from airflow_sm_pipelines import load_dags\nglobals().update(load_dags({}))\n"


@pytest.mark.parametrize(
    ("loader", "own", "clashes"),
    [
        ('"pipelines"', '"pipelines/abalone.json", schedule="@daily"', True),
        ('folder="pipelines"', 'definition="pipelines/abalone.json"', True),
        ('"pipelines"', '"pipelines/abalone.json", dag_id="abalone"', True),
        ('"pipelines"', '"pipelines/abalone.json", dag_id="other"', False),
        ('"pipelines", exclude="abalone"', '"pipelines/abalone.json"', False),
        ('"pipelines", exclude=["abalone.json"]', '"pipelines/abalone.json"', False),
        ('"pipelines", exclude=what()', '"pipelines/abalone.json"', False),
        ('"elsewhere"', '"pipelines/abalone.json"', False),
    ],
)
def test_a_definition_that_is_named_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], loader: str, own: str, clashes: bool
) -> None:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "abalone.json").write_text(json.dumps(pipeline(training("Train"))))
    (tmp_path / "all.py").write_text(LOADER.format(loader))
    (tmp_path / "one.py").write_text(CLASS.format(own))
    (tmp_path / "broken.py").write_text("def (:")
    status = main(["lint", str(tmp_path)])
    told = capsys.readouterr().out
    assert status == int(clashes), told
    if clashes:
        assert f"{tmp_path / 'all.py'}, line 2 (load_dags) and {tmp_path / 'one.py'}, line 2" in told
        assert "overrides" in told


@pytest.mark.parametrize("place", ["old.py", "venv/lib/old.py", ".hidden/old.py"])
def test_what_airflow_does_not_parse_makes_no_dag(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "abalone.json").write_text(json.dumps(pipeline(training("Train"))))
    (tmp_path / "all.py").write_text(LOADER.format('"pipelines"'))
    (tmp_path / ".airflowignore").write_text("old.py\nvenv/\n")
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_text(CLASS.format(f"{str(tmp_path / 'pipelines' / 'abalone.json')!r}"))
    assert main(["lint", str(tmp_path)]) == 0, capsys.readouterr().out


def test_a_definition_that_is_a_link_has_the_name_of_the_link(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pipelines" / "..data").mkdir(parents=True)
    (tmp_path / "pipelines" / "..data" / "v1.json").write_text(json.dumps(pipeline(training("Train"))))
    (tmp_path / "pipelines" / "abalone.json").symlink_to("..data/v1.json")
    (tmp_path / "one.py").write_text(CLASS.format('"pipelines/abalone.json"'))
    (tmp_path / "all.py").write_text(LOADER.format('"pipelines", exclude="abalone.json"'))
    assert main(["lint", str(tmp_path)]) == 0, capsys.readouterr().out
    (tmp_path / "all.py").write_text(LOADER.format('"pipelines"'))
    assert main(["lint", str(tmp_path)]) == 1
