from __future__ import annotations

import pytest

from airflow_sm_pipelines.definition.json_path import JsonPathError, parse_json_path
from tests.definition.build import document, only, processing, step


@pytest.mark.parametrize(
    ("path", "tokens"),
    [
        ("a.b[0]['k'].c", ["a", "b", 0, "k", "c"]),
        ("$.a", ["a"]),
        ("$['a.b'][12]", ["a.b", 12]),
        ("[1].x", [1, "x"]),
        ("a[-1][ -2 ]", ["a", -1, -2]),
        ("Result['it\\'s']", ["Result", "it's"]),
    ],
)
def test_paths(path: str, tokens: list[str | int]) -> None:
    assert parse_json_path(path) == tokens


@pytest.mark.parametrize("path", ["", "$", "a..b", "a[*]", "a.*", "a[?(@.x)]", "a[1:2]", "a['x", "$a", "a["])
def test_what_is_no_path_is_told_at_load(path: str) -> None:
    with pytest.raises(JsonPathError):
        parse_json_path(path)
    value = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.P.PropertyFiles.report"}, "Path": path}}
    finding = only(document(processing(), step(arguments={"x": value})))
    assert finding.path == "$.Steps[1].Arguments.x['Std:JsonGet'].Path"
    assert finding.message.startswith("the path ")
