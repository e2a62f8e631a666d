"""An installed botocore that is too old for a step is told at load, with the version that has what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata

import pytest
from msgspec.structs import replace

from airflow_sm_pipelines.definition import DefinitionError
from airflow_sm_pipelines.graph import plan
from airflow_sm_pipelines.validation import api_model as api_models
from airflow_sm_pipelines.validation import check_botocore, check_values
from airflow_sm_pipelines.validation.api_model import ApiModel, ApiShapes, api_model
from airflow_sm_pipelines.validation.check_botocore import NEWER_MEMBERS
from airflow_sm_pipelines.validation.severities import WARNINGS
from tests.botocores import NOT_OLDER_BOTOCORE
from tests.definition.build import document, step, training

JOB = step("J", "Job", {"JobCategory": "AgentRFT", "JobConfigDocument": "{}", "JobConfigSchemaVersion": "1.0.0"})


@pytest.mark.parametrize(
    ("installed", "told"), [("1.43.9", True), ("1.43.20", False), ("1.44.0", False), (None, False)]
)
def test_a_call_that_is_missing_names_the_version_that_has_it(
    monkeypatch: pytest.MonkeyPatch, installed: str, told: bool
) -> None:
    monkeypatch.setattr(check_botocore, "installed_botocore", lambda: installed)
    if not told:
        monkeypatch.setattr(check_values, "is_installed", lambda model: True)
        plan(document(JOB))
        return
    with pytest.raises(DefinitionError) as raised:
        plan(document(training(), JOB))
    [finding] = raised.value.findings
    assert (finding.path, finding.step, finding.code) == ("$.Steps[1].Type", "J", "old-botocore")
    assert "CreateJob" in finding.message
    assert "1.43.20" in finding.message
    assert "1.43.9 is installed" in finding.message


@NOT_OLDER_BOTOCORE
def test_a_member_that_an_old_botocore_lacks_names_the_version_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def old(service: str) -> ApiModel:
        model = api_models.installed_model(service)
        shapes = {service: dict(each) for service, each in model.services.items()}
        resources = shapes["sagemaker"]["ResourceConfig"]
        kept = {name: shape for name, shape in resources.members.items() if name != "InstancePreferences"}
        shapes["sagemaker"]["ResourceConfig"] = replace(resources, members=kept)
        return replace(model, botocore="1.43.56", services=shapes)

    monkeypatch.setattr(check_values, "installed_model", old)
    monkeypatch.setattr(check_values, "is_installed", lambda model: False)
    monkeypatch.setattr(check_botocore, "installed_botocore", lambda: "1.43.56")
    resources = {"VolumeSizeInGB": 1, "InstancePreferences": [{"InstanceType": "ml.m5.large", "InstanceCount": 1}]}
    findings = plan(document(training(ResourceConfig=resources)), values=WARNINGS).pipeline.warnings
    [finding] = [one for one in findings if one.code == "value-unknown-member"]
    assert finding.path == "$.Steps[0].Arguments.ResourceConfig.InstancePreferences"
    assert "botocore 1.43.56)" in finding.message
    assert f"botocore {api_model().botocore} has it" in finding.message


def test_an_older_botocore_is_not_loaded_for_what_it_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_values, "is_installed", lambda model: False)
    monkeypatch.setattr(check_botocore, "installed_botocore", lambda: "1.43.56")
    monkeypatch.setattr(check_values, "installed_model", lambda service: pytest.fail("the model was loaded"))
    assert plan(document(training()), values=WARNINGS).pipeline.warnings == ()


def test_the_list_has_every_member_that_the_installed_botocore_lacks() -> None:
    known = api_model()
    for operation, root in known.requests.items():
        service = operation.partition(":")[0]
        installed = api_models.installed_model(service).services[service]
        if root in installed:
            lacking = set(_lacking(known.services[service], installed, root))
            assert lacking <= NEWER_MEMBERS.get(operation, frozenset()), operation


def _lacking(known: ApiShapes, installed: ApiShapes, root: str) -> Iterator[str]:
    left, seen = [root], set()
    while left:
        name = left.pop()
        if name in seen or name not in known:
            continue
        seen.add(name)
        shape = known[name]
        if name in installed:
            yield from shape.members.keys() - installed[name].members.keys()
        left += [*shape.members.values(), shape.member, shape.key, shape.value]


def test_the_installed_version_is_looked_up_once_and_not_for_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read from a file, and parsed as an email: this takes longer than the step."""
    plan(document(training()))
    asked: list[str] = []
    monkeypatch.setattr(metadata, "version", asked.append)
    plan(document(training("A"), training("B")))
    assert asked == []
