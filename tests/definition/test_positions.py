"""Line and column of findings: those of the JSON path in the text, whatever the text looks like."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_sm_pipelines.definition.findings import Finding
from airflow_sm_pipelines.definition.paths import render_path
from airflow_sm_pipelines.definition.place import Place
from airflow_sm_pipelines.definition.positions import with_positions
from airflow_sm_pipelines.definition.syntax import walk_json
from tests.corpus import documents
from tests.definition.build import document, findings, get, step
from tests.definition.test_any_document import EVERYTHING

END_OF_TEXT = '",\n  "PipelineName"'
ODD_KEYS = {"a.b": 1, "it's": {"x']": [[], {"": 2}]}, "Std:Join": '\\ " é 🚀 \n', "n\\": True, "🚀": [{"🚀": None}]}


def offset_of(finding: Finding, text: str) -> int:
    assert finding.line is not None
    assert finding.column is not None
    return sum(len(line) for line in text.splitlines(keepends=True)[: finding.line - 1]) + finding.column - 1


def value_at(text: str, offset: int) -> Any:
    return json.JSONDecoder().raw_decode(text, offset)[0]


def every_place(value: Any) -> dict[str, Any]:
    return {render_path(path): node for path, node in walk_json(value)}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("value", [EVERYTHING, document(step(arguments=ODD_KEYS))])
def test_every_value_of_a_document_is_found(value: Any, indent: int | None) -> None:
    for ascii_only in (True, False):
        text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
        places = every_place(value)
        for finding in with_positions([Finding("m", path) for path in places], text):
            assert value_at(text, offset_of(finding, text)) == places[finding.path], finding.path
        keys = [Finding("m", path, on_key=True) for path in places if path.endswith(("a", "']"))]
        for finding in with_positions(keys, text):
            assert value_at(text, offset_of(finding, text)) in finding.path.replace("\\'", "'").replace("\\\\", "\\")


@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_places_in_a_response(as_text: bool, ascii_only: bool) -> None:
    definition = document(step(arguments=ODD_KEYS), step("B", arguments={"x": "🚀"}))
    inner = json.dumps(definition, indent=1, ensure_ascii=ascii_only)
    response = {"RoleArn": 7, "PipelineDefinition": inner if as_text else definition, "PipelineName": "n"}
    text = json.dumps(response, indent=2, ensure_ascii=ascii_only)
    places = {**every_place(definition), "$.RoleArn": 7, "$.PipelineName": "n"}
    around = Place(wrapper=(), definition=("PipelineDefinition",))
    for finding in with_positions([Finding("m", path) for path in places], text, around):
        found = text[offset_of(finding, text) :]
        if as_text and finding.path not in ("$.RoleArn", "$.PipelineName"):
            # What follows is the rest of a JSON string: read it as one.
            found = json.loads(f'"{found[: found.index(END_OF_TEXT)]}"')
        assert value_at(found, 0) == places[finding.path], finding.path


def test_what_is_missing_has_the_place_of_what_it_is_missing_from() -> None:
    text = '{\n "Steps": [\n  {"Name": "A",\n   "Type": "Training"}\n ]\n}'
    [finding] = findings(text)
    assert finding.path == "$.Steps[0]"
    assert (finding.line, finding.column) == (3, 3)
    [placed] = with_positions([Finding("m", "$.Steps[0].Arguments.A[0].B")], text)
    assert (placed.line, placed.column) == (3, 3)


def test_an_unknown_key_has_the_place_of_the_key_and_a_wrong_value_its_own() -> None:
    text = '{"Steps": [{"Name": "A", "Type": "Training", "Arguments": 7, "Cach": 1}]}'
    assert [(f.path, f.column) for f in findings(text)] == [
        ("$.Steps[0].Arguments", text.index("7") + 1),
        ("$.Steps[0].Cach", text.index('"Cach"') + 1),
    ]


def test_a_key_that_stands_twice_is_placed_where_it_stands_last() -> None:
    text = '{"Steps": [], "Version": 1,\n"Version": "2020-12-01"}'
    [finding] = findings(text)
    assert (finding.line, finding.column) == (2, 1)


def test_bytes_files_and_a_byte_order_mark(tmp_path: Any) -> None:
    text = json.dumps(document(step("A", arguments={"a": get("Parameters.b")})), indent=1)
    path = tmp_path / "a.json"
    path.write_text("\ufeff" + text, encoding="utf-8")
    expected = [(finding.line, finding.column) for finding in findings(text)]
    assert expected[0][0] is not None
    for source in (text.encode(), path, "\ufeff" + text):
        assert [(finding.line, finding.column) for finding in findings(source)] == expected


def test_a_mapping_has_no_places() -> None:
    [finding] = findings(document(step("A", arguments={"a": get("Parameters.b")})))
    assert finding.line is None


@pytest.mark.timeout(60)  # a guard against a reading of the text for each finding
def test_findings_of_the_largest_document_are_placed_in_one_reading() -> None:
    text = max(documents().values(), key=len).decode()
    count = len(json.loads(text)["Steps"])
    asked = [Finding("m", f"$.Steps[{index}].Arguments") for index in range(count)]
    placed = with_positions(asked, text)
    assert text[offset_of(placed[-1], text)] == "{"
