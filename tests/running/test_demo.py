"""``make demo``: its numbers are those of its scripts, run by hand one after the other."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.guarded.plugin import guarded_path

pytestmark = pytest.mark.airflow
ROOT = Path(__file__).parent.parent.parent
SOURCES = ROOT / "examples" / "diabetes"
JOBS_PYTHON = ROOT / ".venv-jobs" / "bin" / "python"
SERVE = """
import pathlib, sys
import inference
body = pathlib.Path(sys.argv[2]).read_bytes()
answer, _ = inference.output_fn(
    inference.predict_fn(inference.input_fn(body, "text/csv"), inference.model_fn(sys.argv[1])), "text/csv"
)
pathlib.Path(sys.argv[3]).write_text(answer)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An Airflow home for the runs of this file."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of jobs that are run by hand, with the data split."""
    assert JOBS_PYTHON.exists(), "the jobs' environment is missing: make .venv-jobs/.installed"
    folder = tmp_path_factory.mktemp("by-hand")
    (folder / "input").mkdir()
    (folder / "input" / "diabetes.csv").write_text(script(SOURCES / "data.py"))
    script(SOURCES / "preprocess.py", "--base-dir", str(folder), "--seed", "17")
    return folder


def script(*command: str | Path, **environment: str) -> str:
    """What a script prints that is run by the jobs' Python."""
    answer = subprocess.run(
        [JOBS_PYTHON, *command], env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True, check=True
    )
    return answer.stdout


def train_and_evaluate(folder: Path, learning_rate: float) -> tuple[Any, str]:
    """The report by hand, and the predictions for the batch."""
    model = folder / f"model-{learning_rate}"
    model.mkdir()
    script(
        *(SOURCES / "training" / "train.py", "--n-estimators", "200", "--max-depth", "2"),
        *("--learning-rate", str(learning_rate)),
        SM_CHANNEL_TRAIN=str(folder / "train"),
        SM_CHANNEL_VALIDATION=str(folder / "validation"),
        SM_MODEL_DIR=str(model),
    )
    (folder / "model").mkdir(exist_ok=True)
    with tarfile.open(folder / "model" / "model.tar.gz", "w:gz") as archive:
        for path in model.iterdir():
            archive.add(path, path.name)
    script(SOURCES / "evaluate.py", "--base-dir", str(folder))
    modules = guarded_path(str(SOURCES / "training"))
    script("-c", SERVE, model, folder / "batch" / "batch.csv", folder / "predicted.csv", PYTHONPATH=modules)
    report = json.loads((folder / "evaluation" / "evaluation.json").read_text())
    return report, (folder / "predicted.csv").read_text()


def demo(home: Path, isolation: str, **conf: Any) -> tuple[int, str]:
    """Exit status and output of the demo.

    It runs without the tests' guard, which would have to be in the environment of its jobs, too.
    """
    answer = subprocess.run(
        [
            *("env", "-u", "PYTHONPATH", sys.executable, str(ROOT / "examples" / "demo.py"), "--home", str(home)),
            *("--isolation", isolation, "--conf", json.dumps(conf)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return answer.returncode, answer.stdout


def test_the_numbers_are_those_of_the_scripts_run_by_hand_and_the_model_is_registered(
    home: Path, by_hand: Path
) -> None:
    status, said = demo(home, "auto")
    assert status == 0, said
    report, predicted = train_and_evaluate(by_hand, 0.05)
    s3 = home / "results" / "s3"
    [told] = s3.glob("*/diabetes/*/Evaluate/output/evaluation/evaluation.json")
    assert json.loads(told.read_text()) == report
    mse = report["regression_metrics"]["mse"]["value"]
    assert f"Mean squared error on the held-out rows: {mse:.2f}\n" in said
    assert f"Mean squared error on the held-out rows: {mse:.2f}\n" in (ROOT / "README.md").read_text()
    assert mse < 3500
    assert re.search(r"success +CheckMse .* branch taken: if\n", said)
    [scores] = s3.glob("*/diabetes/*/Predict/output/batch.csv.out")
    assert scores.read_text().splitlines() == predicted.splitlines()
    assert len(predicted.splitlines()) == 89
    assert re.search(r"Registered: arn:aws:sagemaker:\S+:model-package/\S+/1\n", said)
    assert "train: 265 rows" in (home / "results" / "logs" / "Preprocess.log").read_text()
    assert "validation-mse: 3468.0094" in (home / "results" / "logs" / "Train.log").read_text()


def test_a_parameter_changes_the_branch_and_it_needs_no_bubblewrap(home: Path, by_hand: Path) -> None:
    status, said = demo(home, "paths", LearningRate=1.0)
    assert status == 1, said
    report, _ = train_and_evaluate(by_hand, 1.0)
    mse = report["regression_metrics"]["mse"]["value"]
    assert mse > 3500
    [told] = (home / "results" / "s3").glob("*/diabetes/*/Evaluate/output/evaluation/evaluation.json")
    assert json.loads(told.read_text()) == report
    assert f"Reject: The model is rejected: its mean squared error {mse} is above 3500.0" in said
    assert re.search(r"success +CheckMse .* branch taken: else\n", said)
    assert "Registered" not in said
