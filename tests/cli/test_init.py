"""``sm-pipelines init``: what it writes loads, and it writes over nothing."""

from __future__ import annotations

import runpy
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from airflow_sm_pipelines.cli.main import main
from tests.cli.test_lint import GOOD, write

REPOSITORY = Path(__file__).parent.parent.parent


def test_what_it_writes_makes_dags_and_lints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert str(tmp_path / "sagemaker_pipelines.py") in said.splitlines()
    assert f"{tmp_path / 'pipelines'}/" in said.splitlines()
    assert str(tmp_path / "pipelines" / "_defaults.airflow.yaml") in said.splitlines()
    write(tmp_path / "pipelines" / "abalone.json", GOOD)
    names = runpy.run_path(str(tmp_path / "sagemaker_pipelines.py"))
    assert names["abalone"].dag_id == "abalone"
    assert main(["lint", "--strict", str(tmp_path)]) == 0


def test_every_example_in_the_file_of_settings_is_a_setting_that_counts(tmp_path: Path) -> None:
    assert main(["init", str(tmp_path)]) == 0
    settings = tmp_path / "pipelines" / "_defaults.airflow.yaml"
    shutil.copy(REPOSITORY / "dags" / "pipelines" / "abalone.json", tmp_path / "pipelines")
    said, *examples = settings.read_text().split("\n\n")
    assert all(line.startswith("#") for line in said.splitlines())
    settings.write_text("\n".join(line.removeprefix("# ") for text in examples for line in text.splitlines()))
    assert main(["lint", "--strict", str(tmp_path)]) == 0
    dag = runpy.run_path(str(tmp_path / "sagemaker_pipelines.py"))["abalone"]
    assert (dag.schedule, dag.owner, dag.catchup) == ("0 6 * * *", "ml-team", False)
    assert (dag.params["MseThreshold"], "forecasting" in dag.tags) == (5.0, True)
    train = dag.get_task("TrainAbalone")
    assert (train.queue, train.execution_timeout, train.priority_weight) == ("cheap", timedelta(hours=4), 10)


def test_it_writes_over_nothing_and_makes_no_second_loader(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "sagemaker_pipelines.py").write_text("# mine")
    assert main(["init", str(tmp_path)]) == 2
    assert f"{tmp_path / 'sagemaker_pipelines.py'} is there already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["sagemaker_pipelines.py"]

    (tmp_path / "sagemaker_pipelines.py").rename(tmp_path / "mine.py")
    (tmp_path / "mine.py").write_text('from airflow_sm_pipelines import load_dags\nload_dags("pipelines")\n')
    assert main(["init", str(tmp_path)]) == 2
    assert "mine.py, line 2 (load_dags) makes Dags of" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]
    assert main(["init", str(tmp_path / "nowhere")]) == 2
    assert "there is no folder" in capsys.readouterr().err


def test_definitions_that_are_there_stay(tmp_path: Path) -> None:
    (tmp_path / "pipelines").mkdir()
    write(tmp_path / "pipelines" / "abalone.json", GOOD)
    assert main(["init", str(tmp_path)]) == 0
    assert (tmp_path / "pipelines" / "abalone.json").is_file()


def test_a_file_of_settings_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "_defaults.airflow.yaml").write_text("owner: me\n")
    assert main(["init", str(tmp_path)]) == 2
    assert not (tmp_path / "sagemaker_pipelines.py").exists()
