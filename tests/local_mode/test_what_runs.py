"""The page on the corpus says what its rules find."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local_mode.what_runs import PAGE, page, verdict_of

ACCOUNT = "683313688378.dkr.ecr.us-east-1.amazonaws.com"


def test_the_page_is_what_the_rules_find() -> None:
    assert page() == PAGE.read_text(encoding="utf-8"), "python -m tests.local_mode.what_runs"


def processing(image: str, *entrypoint: str) -> dict[str, Any]:
    specification: dict[str, Any] = {"ImageUri": f"{ACCOUNT}/{image}"}
    if entrypoint:
        specification["ContainerEntrypoint"] = list(entrypoint)
    return {"Type": "Processing", "Arguments": {"AppSpecification": specification}}


def training(image: str, **hyperparameters: str) -> dict[str, Any]:
    arguments = {"AlgorithmSpecification": {"TrainingImage": f"{ACCOUNT}/{image}"}, "HyperParameters": hyperparameters}
    return {"Type": "Training", "Arguments": arguments}


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (processing("sagemaker-scikit-learn:1.2-1-cpu-py3", "python3", "/opt/ml/processing/input/code/a.py"), "runs"),
        (processing("sagemaker-clarify-processing:1.0", "python3"), "simulated"),
        (processing("sagemaker-spark-processing:3.2-cpu", "smspark-submit"), "simulated"),
        (processing("mine:1"), "simulated"),
        (training("sagemaker-scikit-learn:1.2-1-cpu-py3", sagemaker_program='"train.py"'), "runs"),
        (training("sagemaker-xgboost:1.7-1", eta="0.2"), "runs"),
        (training("kmeans:1", k="3"), "simulated"),
        ({"Type": "Fail", "Arguments": {"ErrorMessage": "no"}}, "none"),
    ],
)
def test_a_rule(step: dict[str, Any], kind: str) -> None:
    assert verdict_of(step, {}).kind == kind
