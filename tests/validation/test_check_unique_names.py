"""Names that the service makes unique, where another step writes them out."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.definition import DefinitionError, Severity
from airflow_sm_pipelines.graph import plan
from tests.definition.build import condition, document, get, join, parameter, step

VARIANTS = {"ProductionVariants": [{"VariantName": "v", "ModelName": "m"}]}
PARAMETERS = [parameter("Name", DefaultValue="shop"), parameter("Same", DefaultValue="shop"), parameter("None")]
JOINED = join("cfg", get("Execution.PipelineExecutionId"), on="-")


def findings(made: Any, used: Any, *, nested: bool = False) -> list[tuple[Severity, str, str]]:
    given = {} if made is None else {"EndpointConfigName": made}
    config = step("Config", "EndpointConfig", {**VARIANTS, **given})
    deploy = step("Deploy", "Endpoint", {"EndpointName": "e", "EndpointConfigName": used})
    steps = (condition(yes=(config, deploy)),) if nested else (config, deploy)
    try:
        found = plan(document(*steps, Parameters=PARAMETERS)).pipeline.warnings
    except DefinitionError as error:
        found = error.findings
    assert all(finding.step == "Deploy" and finding.code == "name-made-unique" for finding in found)
    return [(finding.severity, finding.path, finding.message) for finding in found]


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("name", ["shop", get("Parameters.None"), JOINED], ids=["literal", "parameter", "join"])
def test_the_given_name_of_another_step_is_not_its_name(name: Any, nested: bool) -> None:
    [(severity, path, message)] = findings(name, name, nested=nested)
    assert severity is Severity.ERROR
    assert path.endswith(".Arguments.EndpointConfigName")
    assert '{"Get": "Steps.Config.EndpointConfigName"}' in message


@pytest.mark.parametrize(
    ("made", "used"),
    [
        ("shop", get("Parameters.Name")),
        (get("Parameters.Name"), "shop"),
        (get("Parameters.Name"), get("Parameters.Same")),
    ],
)
def test_one_that_a_parameter_gives_by_default_is_only_warned_of(made: Any, used: Any) -> None:
    assert [severity for severity, _, _ in findings(made, used)] == [Severity.WARNING]


@pytest.mark.parametrize(
    ("made", "used"),
    [
        ("shop", get("Steps.Config.EndpointConfigName")),
        ("shop", "another"),
        (None, "shop"),
        ("", "shop"),
        (get("Parameters.None"), get("Parameters.Name")),
    ],
)
def test_a_reference_or_another_name_is_no_finding(made: Any, used: Any) -> None:
    assert findings(made, used) == []
