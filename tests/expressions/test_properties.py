"""Property paths that go into the JSON of a string."""

from __future__ import annotations

import json

import pytest

from airflow_sm_pipelines.definition.expressions import Index, Member, PropertyPath
from airflow_sm_pipelines.expressions.properties import PathNotFoundError, look_up
from airflow_sm_pipelines.expressions.stringify import Json

DOCUMENT = json.dumps({"Output": {"Runs": ["a", "b"]}})
RESULT: Json = {"JobConfigDocument": DOCUMENT, "Other": DOCUMENT, "Nested": {"JobConfigDocument": "no JSON"}}
OUTPUT: PropertyPath = (Member("Output"), Member("Runs"), Index(1))


def test_a_path_goes_on_into_the_document() -> None:
    assert look_up(RESULT, (Member("JobConfigDocument"),)) == DOCUMENT
    assert look_up(RESULT, (Member("JobConfigDocument"), *OUTPUT)) == "b"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ((Member("Other"), *OUTPUT), "a single value"),
        ((Member("JobConfigDocument"), Member("Input")), "it has Output"),
        ((Member("Nested"), Member("JobConfigDocument"), Member("Output")), "valid JSON"),
    ],
)
def test_what_is_not_there_is_told(path: PropertyPath, message: str) -> None:
    with pytest.raises(PathNotFoundError, match=message):
        look_up(RESULT, path)
