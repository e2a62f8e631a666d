"""A number that an expression gives where AWS takes a text arrives as its text (two reported inputs)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines.graph import plan
from tests.runs.harness import Airflow

CASES = Path(__file__).parents[1] / "cases"


@pytest.mark.parametrize("case", ["07", "137"])
def test_the_number_arrives_as_its_text_and_that_is_said_once(airflow: Airflow, case: str) -> None:
    [file] = CASES.glob(f"{case}-*.json")
    document = json.loads(file.read_text())
    assert [finding.code for finding in plan(document).pipeline.warnings] == ["value-sent-as-text"]
    assert airflow.run(document).state == "success"
    [request] = airflow.created()
    defaults = {each["Name"]: each["DefaultValue"] for each in document["Parameters"]}
    sent = texts_in(request, document["Steps"][0]["Arguments"], defaults)
    assert sent
    assert all(value == str(default) for value, default in sent)


def texts_in(sent: Any, written: Any, defaults: dict[str, Any]) -> list[tuple[Any, Any]]:
    """What was sent for each reference to a parameter that is a number, beside the parameter's default."""
    if isinstance(written, list):
        return [found for one, other in zip(sent, written, strict=True) for found in texts_in(one, other, defaults)]
    if not isinstance(written, dict):
        return []
    if [*written] == ["Get"]:
        default = defaults[written["Get"].removeprefix("Parameters.")]
        return [(sent, default)] if isinstance(default, int | float) else []
    return [found for name, value in written.items() for found in texts_in(sent[name], value, defaults)]
