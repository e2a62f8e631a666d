"""What a definition's size, texts and numbers may be (docs/limits.md)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_sm_pipelines.definition import DefinitionError, Severity, read_definition
from airflow_sm_pipelines.definition.findings import MAX_MESSAGE_LENGTH, MAX_SHOWN, Finding, unexpected
from airflow_sm_pipelines.definition.guessing import Guesser, nearest
from airflow_sm_pipelines.definition.held import held
from airflow_sm_pipelines.definition.json_path import JsonPathError, parse_json_path
from airflow_sm_pipelines.definition.limits import MAX_PARAMETERS, MAX_STEPS
from airflow_sm_pipelines.definition.numbers import MAX_NUMBER, MIN_NUMBER
from airflow_sm_pipelines.definition.paths import render_path
from airflow_sm_pipelines.naming import safe_dag_id
from tests.definition.build import condition, document, findings, get, only, parameter, step


def test_what_is_beyond_what_is_told_is_counted() -> None:
    keys = {f"k{n}": 1 for n in range(MAX_SHOWN + 50)}
    with pytest.raises(DefinitionError) as raised:
        read_definition(document(*[1] * (MAX_SHOWN + 5), **keys))
    error = raised.value
    assert error.message == f"definition: {2 * MAX_SHOWN + 55} findings"
    assert [finding.message for finding in error.findings[-2:]] == [
        "5 more errors are not shown",
        "50 more warnings are not shown",
    ]
    assert [finding.severity for finding in error.findings[-2:]] == [Severity.ERROR, Severity.WARNING]
    assert len(error.findings) == 2 * MAX_SHOWN + 2
    assert len(error.exceptions) == 2 * MAX_SHOWN + 2


def test_the_texts_of_a_finding_have_a_length_that_can_be_read() -> None:
    found = findings(document(step("S" * 100_000, DependsOn=["x" * 100_000], Arguments={"k" * 100_000: get("Nope")})))
    assert len(found) == 3
    assert all(len(str(finding)) < 2 * MAX_MESSAGE_LENGTH for finding in found)
    nested: Any = None
    for _ in range(150):
        nested = (nested, "k" * 500)
    assert len(render_path(nested)) < 2_100


def test_what_cannot_be_stored_is_replaced_where_it_is_quoted() -> None:
    finding = Finding("a\0", "$['\ud800']", "s\udfff", "m\0")
    [told] = DefinitionError("file\udcff.json", [finding]).findings
    assert told == Finding("a\ufffd", "$['\ufffd']", "s\ufffd", "m\ufffd")
    assert unexpected("f", ValueError("\0" * 5000)).findings[0].message.count("\ufffd") < MAX_MESSAGE_LENGTH


@pytest.mark.parametrize("as_text", [True, False])
def test_a_text_that_cannot_be_stored_hides_no_other_finding(as_text: bool) -> None:
    value = document(step("A", "Nothing", {"a\0": ["\ud800"]}))
    found = findings(json.dumps(value) if as_text else value)
    assert [(finding.path, finding.message.split(",")[0]) for finding in found] == [
        ("$.Steps[0].Type", found[0].message.split(",")[0]),
        ("$.Steps[0].Arguments['a\ufffd']", "the key has U+0000 at character 2"),
        ("$.Steps[0].Arguments['a\ufffd'][0]", "the text has U+D800 at character 1"),
    ]
    assert "Nothing" in found[0].message
    # An escaped backslash before what looks like an escape is text like any other.
    assert findings(json.dumps(document(step(arguments={"a": "\\u0000"})))) == ()


def test_sizes() -> None:
    """Too many dependencies between steps are in ``tests/hostile.py``: to read so many takes a second."""
    assert len(read_definition(document(*[step(f"S{n}") for n in range(2000)])).steps) == 2000
    assert "at most" in only(document(*[step(f"S{n}") for n in range(MAX_STEPS + 2)])).message
    declared = [parameter(f"p{n}") for n in range(MAX_PARAMETERS + 1)]
    assert len(read_definition(document(step(), Parameters=declared[:200])).parameters) == 200
    assert only(document(step(), Parameters=declared)).path == "$.Parameters"


def test_only_a_step_that_needs_both_branches_of_a_condition_is_told() -> None:
    pairs = [condition(f"C{n}", (), (step(f"Y{n}"),), (step(f"N{n}"),)) for n in range(40)]
    fine = step("Fine", DependsOn=[f"Y{n}" for n in range(40)])
    never = step("Never", DependsOn=["Fine", "N7", "N39"])
    after = step("After", DependsOn=["Never", "Y3"])
    told = only(document(*pairs, fine, never, after))
    assert (told.step, "both branches of C39, C7," in told.message) == ("Never", True)


def test_guesses_have_a_budget() -> None:
    names = [f"some-long-parameter-name-{n}" for n in range(4000)]
    assert nearest("some-long-paramter-name-12", names) == "some-long-parameter-name-12"
    assert nearest("Some-Long-Parameter-Name-12", names) == "some-long-parameter-name-12"
    assert nearest("nothing of the kind", names) is None
    assert nearest("x" * 5000, ["x" * 5000]) is None
    guesser = Guesser(budget=2000)
    assert guesser.nearest("alpah", ["beta", "alpha"]) == "alpha"
    assert guesser.nearest("alpah", ["beta"] * 1000) is None
    assert guesser.nearest("alpah", ["beta", "alpha"]) is None


def test_what_airflow_holds_of_a_value() -> None:
    plain = {"a": [MIN_NUMBER, MAX_NUMBER, 1.5, True, None, "x", {"_x": 2}]}
    assert held(plain) is plain
    assert held({"a": [MIN_NUMBER - 1, {"b": MAX_NUMBER + 1}], "c": -1e30}) == {
        "a": [str(MIN_NUMBER - 1), {"b": str(MAX_NUMBER + 1)}],
        "c": "-1e+30",
    }
    assert held([{"__var": {"__type": 1}}]) == [{'"__var"': {'"__type"': 1}}]


def test_an_index_of_a_json_path_has_nine_digits_at_most() -> None:
    assert parse_json_path("a[999999999]") == ["a", 999_999_999]
    with pytest.raises(JsonPathError, match="an index of 5000 digits"):
        parse_json_path(f"a[{'9' * 5000}]")


def test_a_dag_id_fits_into_airflow_s_column() -> None:
    assert safe_dag_id("n" * 250) == "n" * 250
    ids = {safe_dag_id("n" * 251), safe_dag_id("n" * 252), safe_dag_id("n" * 250 + "\ud800")}
    assert len(ids) == 3
    assert all(len(each) == 250 and each.startswith("n" * 240 + "-") for each in ids)


def test_a_dag_id_is_no_folder_of_an_address() -> None:
    assert [safe_dag_id(name) for name in (".", "..", "...", "a.b")] == ["-", "--", "...", "a.b"]
