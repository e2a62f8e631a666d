"""The drift alarm: silent about what is known, and loud about every kind of news, in copies that have them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader

from airflow_sm_pipelines.cli.main import main
from airflow_sm_pipelines.definition.conditions import CONDITION_TYPES
from airflow_sm_pipelines.definition.model import ParameterType
from airflow_sm_pipelines.definition.policies import EXCEPTION_TYPES
from airflow_sm_pipelines.definition.step_types import NAME_ONLY_TYPES
from airflow_sm_pipelines.definition.values import EXECUTION_VARIABLES
from airflow_sm_pipelines.step_types import STEP_TYPES
from airflow_sm_pipelines.validation import drift
from airflow_sm_pipelines.validation.api_model import api_model
from airflow_sm_pipelines.validation.sdk_facts import sdk_facts
from tests.botocores import SAME_BOTOCORE

# As the SDK writes such things, with names that are known.
STEPS = '''
"""Steps of Nowhere."""
_ITERATION_OUTPUT_NAMESPACE = "IterationOutput"


class StepTypeEnum(Enum):
    """Types."""

    TRAINING = "Training"


class TriggerCondition(Enum):
    FAILED = "Failed"


class TrainingStep(Step):
    def __init__(self, name):
        self._properties = Properties(step_name=name, step=self, shape_name="DescribeTrainingJobResponse")

    def to_request(self):
        request = {"Name": self.name, "Type": self.step_type.value, "DependsOn": [{"Step": "a", "Trigger": "Any"}]}
        request["CacheConfig"] = {"Get": f"Steps.{self.name}.X"}
        return request
'''
FUNCTIONS = """
PIPELINE_NAME = ExecutionVariable("PipelineName")


def join(values):
    return {"Std:Join": {"On": "", "Values": values}}
"""


def sdk(folder: Path, steps: str = STEPS, functions: str = FUNCTIONS) -> Path:
    for name, text in (("mlops/workflow/steps.py", steps), ("core/workflow/functions.py", functions)):
        path = folder / "sagemaker" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def news(sdk_folder: Path | None = None, models: Path | None = None) -> list[str]:
    releases = [] if sdk_folder is None else [drift.sdk_release(sdk_folder)]
    releases += [] if models is None else [drift.botocore_release(models)]
    return [str(each) for release in releases for each in drift.news_of(release)]


def test_what_is_known_is_no_news(tmp_path: Path) -> None:
    assert news(sdk(tmp_path)) == []
    assert sdk_facts(tmp_path / "sagemaker")["Get roots"] == {"Steps"}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('TRAINING = "Training"', 'TRAINING = "Training"\n    QUANTUM = "Quantum"', ["enum StepTypeEnum: Quantum"]),
        ('FAILED = "Failed"', 'FAILED = "Failed"\n    LATE = "Late"', ["enum TriggerCondition: Late"]),
        ("TriggerCondition", "ModeEnum", ["enum ModeEnum: Failed"]),
        ('"Trigger": "Any"', '"Unless": "Any"', ["keys: Unless"]),
        ('"CacheConfig"', '"Timeout"', ["keys: Timeout"]),
        ('f"Steps.{self.name}.X"', 'f"Secrets.{self.name}"', ["Get roots: Secrets"]),
        ("DescribeTrainingJobResponse", "DescribeQuantum", ["shapes of properties: DescribeQuantum"]),
        ('"IterationOutput"', '"LoopOutput"', ["constants: _ITERATION_OUTPUT_NAMESPACE = LoopOutput"]),
        ("Steps of Nowhere", "Secrets.", []),
    ],
)
def test_each_kind_of_news_of_the_sdk(tmp_path: Path, old: str, new: str, told: list[str]) -> None:
    assert old in STEPS
    assert news(sdk(tmp_path, STEPS.replace(old, new))) == [f"SDK: {each}" for each in told]


def test_functions_and_execution_variables_of_the_sdk(tmp_path: Path) -> None:
    functions = FUNCTIONS.replace("PipelineName", "AccountId").replace("Std:Join", "Std:Split")
    assert news(sdk(tmp_path, STEPS, functions)) == ["SDK: execution variables: AccountId", "SDK: functions: Std:Split"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A copy of the installed botocore's models of the services that step types use."""
    folder = tmp_path_factory.mktemp("data")
    copied = {}
    for service in api_model().services:
        loader = Loader()
        copied[service] = loader.load_service_model(service, "service-2")
        path = folder / service / loader.determine_latest_version(service, "service-2") / "service-2.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(copied[service]))
    return folder, copied


@SAME_BOTOCORE
def test_the_installed_botocore_is_no_news(models: tuple[Path, dict[str, Any]]) -> None:
    assert news(models=models[0]) == []


def test_each_kind_of_news_of_botocore(models: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    folder, copied = models
    doctored: dict[str, Any] = json.loads(json.dumps(copied["sagemaker"]))
    shapes = doctored["shapes"]
    shapes["CreateTrainingJobRequest"]["members"]["QuantumConfig"] = {"shape": "QuantumConfig"}
    shapes["CreateTrainingJobRequest"]["required"].append("HyperParameters")
    shapes["QuantumConfig"] = {"type": "structure", "members": {"Qubits": {"shape": "Integer"}}}
    shapes["Integer"] = {"type": "integer"}
    shapes["DescribeModelOutput"]["members"]["Mood"] = {"shape": "Integer"}
    shapes["TrainingInstanceType"]["enum"].append("ml.q1.large")
    shapes["PipelineExecutionStepMetadata"]["members"]["Quantum"] = {"shape": "QuantumConfig"}
    shapes["StepStatus"]["enum"].append("Paused")
    doctored["operations"]["PausePipelineExecution"] = {"name": "PausePipelineExecution"}
    [path] = (folder / "sagemaker").glob("*/service-2.json")
    sound = path.read_text()
    path.write_text(json.dumps(doctored))
    try:
        told = news(models=folder)
        assert main(["drift", "--botocore", str(folder)]) == 1
        shown = capsys.readouterr().out.splitlines()
        assert main(["drift", "--botocore", str(folder), "--format", "json"]) == 1
        found = json.loads(capsys.readouterr().out)
    finally:
        path.write_text(sound)
    for about, fact in (
        ("members of sagemaker CreateTrainingJobRequest", "QuantumConfig"),
        ("members of sagemaker CreateTrainingJobRequest", "HyperParameters (required)"),
        ("members of sagemaker QuantumConfig", "Qubits"),
        ("members of sagemaker DescribeModelOutput", "Mood"),
        ("enum sagemaker TrainingInstanceType", "ml.q1.large"),
        ("metadata of steps", "Quantum"),
        ("enum sagemaker StepStatus", "Paused"),
        ("operations of pipelines", "PausePipelineExecution"),
    ):
        assert f"botocore: {about}: {fact}" in told
        assert {"source": "botocore", "about": about, "fact": fact} in found["new"]
    assert shown[:-1] == told
    assert shown[-1].startswith(f"{len(told)} new facts in botocore {folder}")


@SAME_BOTOCORE
def test_the_command(
    tmp_path: Path,
    models: tuple[Path, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    known = tmp_path / "known.json"
    known.write_bytes(drift.KNOWN_FILE.read_bytes())
    monkeypatch.setattr(drift, "KNOWN_FILE", known)
    arguments = ["drift", "--botocore", str(models[0]), "--sdk", str(sdk(tmp_path))]
    assert main(arguments) == 0
    sdk(tmp_path, STEPS.replace('"Training"', '"Quantum"'))
    assert main([*arguments, "--write"]) == 1
    assert main(arguments) == 0
    assert json.loads(known.read_bytes())["SDK"]["facts"]["enum StepTypeEnum"].count("Quantum") == 1
    capsys.readouterr()
    assert main(["drift", "--sdk", str(tmp_path / "nowhere")]) == 2
    assert "is no SDK of version 3" in capsys.readouterr().err
    assert main(["drift", "--botocore", str(tmp_path)]) == 2
    assert "has no models of botocore" in capsys.readouterr().err


def test_what_is_known_of_the_sdk_is_what_is_read_and_run() -> None:
    """A fact that was taken up and is read nowhere would be a release that nobody has done the work for."""
    facts: dict[str, list[str]] = json.loads(drift.KNOWN_FILE.read_bytes())["SDK"]["facts"]
    assert set(facts["enum StepTypeEnum"]) <= {*STEP_TYPES, *NAME_ONLY_TYPES}
    assert set(facts["enum ConditionTypeEnum"]) <= set(CONDITION_TYPES)
    assert set(facts["execution variables"]) <= set(EXECUTION_VARIABLES)
    assert {*facts["enum StepExceptionTypeEnum"], *facts["enum SageMakerJobExceptionTypeEnum"]} <= set(EXCEPTION_TYPES)
    assert set(facts["enum ParameterTypeEnum"]) == {kind.value for kind in ParameterType}
    assert facts["functions"] == ["Std:Join", "Std:JsonGet"]
