"""SageMaker's built-in XGBoost, by the package of that name where the job's Python has it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from airflow_sm_pipelines.local_runner.contract import Command
from airflow_sm_pipelines.local_runner.folder import JobFolder

TRAINER = Path(__file__).with_name("xgboost_trainer.py")
# The names that the service knows its metrics by; the log has them with a hyphen.
SCORES = (
    *("accuracy", "auc", "aucpr", "balanced_accuracy", "error", "f1", "logloss", "mae", "map", "mape", "merror"),
    *("mlogloss", "mse", "ndcg", "precision", "r2", "recall", "rmse", "rmsle"),
)
METRICS = tuple(
    {"Name": f"{channel}:{score}", "Regex": rf"\[\d+\].*\b{channel}-{score}:(\S+)"}
    for channel in ("train", "validation")
    for score in SCORES
)


def is_xgboost(image: str) -> bool:
    """Whether an image is that of the built-in algorithm."""
    repository = image.rpartition("/")[2].partition(":")[0]
    return repository in ("sagemaker-xgboost", "xgboost")


def command(folder: JobFolder, environment: Mapping[str, str]) -> Command:
    """Train by the hyperparameters and channels that stand in the configuration."""
    target = f"/opt/ml/code/{TRAINER.name}"
    folder.write(target, TRAINER.read_bytes())
    return Command(["python3", target], environment)
