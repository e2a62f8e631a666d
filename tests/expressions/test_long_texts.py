"""Long texts of a result: what is left of them, and that whoever asks for one gets all of it."""

from __future__ import annotations

import json

import pytest

from airflow_sm_pipelines.definition.expressions import Index, Key, Member, PropertyPath
from airflow_sm_pipelines.expressions.long_texts import NO_BOUND, TextBound, has_cut
from airflow_sm_pipelines.expressions.properties import PathNotFoundError, place_of, whole_value
from airflow_sm_pipelines.expressions.stringify import Json

LONG = "x" * 21
DOCUMENT = json.dumps({"Output": {"Runs": ["a", "b" * 30]}})
RESULT: dict[str, Json] = {
    "Short": "x" * 20,
    "Long": LONG,
    "Map": {"a": LONG, "b": LONG},
    "Outputs": [{"OutputName": "one", "Text": LONG}, {"OutputName": "two", "Text": LONG}],
    "JobConfigDocument": DOCUMENT,
    "Number": 10**30,
}
TWO: PropertyPath = (Member("Outputs"), Key("two"), Member("Text"))
INNER: PropertyPath = (Member("JobConfigDocument"), Member("Output"), Member("Runs"), Index(1))


def bound(*paths: PropertyPath) -> TextBound:
    places = (place_of(RESULT, path) for path in paths)
    return TextBound(20, frozenset(place for place in places if place is not None))


def test_of_a_text_beyond_the_bound_the_beginning_is_left_and_it_says_so() -> None:
    left = bound().of(RESULT)
    assert left["Short"] == RESULT["Short"]
    assert left["Number"] == RESULT["Number"]
    assert left["Long"] == f"{LONG}… (21 characters: [sagemaker_pipelines] max_xcom_text_length)"
    assert TextBound(20).of("y" * 5000).startswith("y" * 100 + "… (5000 characters")
    for name in RESULT:
        assert has_cut(left[name]) is (name not in ("Short", "Number"))


def test_without_a_bound_a_result_stays_as_it_is() -> None:
    assert NO_BOUND.of(RESULT) is RESULT
    assert bound(()).of(RESULT) == RESULT


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ((), ()),
        ((Member("Map"), Key("b")), ("Map", "b")),
        (TWO, ("Outputs", 1, "Text")),
        ((Member("Outputs"), Index(0)), ("Outputs", 0)),
        (INNER, ("JobConfigDocument",)),
        ((Member("Map"), Key("c")), None),
        ((Member("Outputs"), Index(2)), None),
    ],
)
def test_the_place_of_a_path_is_where_its_value_stands(path: PropertyPath, place: object) -> None:
    assert place_of(RESULT, path) == place


@pytest.mark.parametrize("path", [(Member("Map"), Key("b")), (Member("Map"),), TWO, INNER, (Member("Long"),), ()])
def test_what_a_path_leads_to_is_kept_whole_and_nothing_more_is_asked(path: PropertyPath) -> None:
    left = bound(path).of(RESULT)
    assert whole_value(path, left, pytest.fail, pytest.fail) == whole_value(path, RESULT, pytest.fail, pytest.fail)


@pytest.mark.parametrize("path", [(Member("Map"), Key("b")), (Member("Map"),), TWO, INNER, (Member("Long"),), ()])
def test_what_is_cut_is_read_from_the_whole_result(path: PropertyPath) -> None:
    left = bound().of(RESULT)
    assert whole_value(path, left, pytest.fail, lambda: RESULT) == whole_value(path, RESULT, pytest.fail, pytest.fail)


def test_a_masked_text_is_read_with_its_secrets_and_a_cut_one_is_read_whole_after_that() -> None:
    path: PropertyPath = (Member("Text"),)
    assert whole_value(path, {"Text": "a ***"}, lambda: {"Text": "a secret"}, pytest.fail) == "a secret"
    shown, sealed = (TextBound(20).of({"Text": text}) for text in (f"*** {LONG}", f"secret {LONG}"))
    assert whole_value(path, shown, lambda: sealed, lambda: {"Text": f"secret {LONG}"}) == f"secret {LONG}"


def test_a_path_that_leads_nowhere_is_told_also_below_a_text_that_was_cut() -> None:
    left = bound().of(RESULT)
    with pytest.raises(PathNotFoundError, match="it has Output"):
        whole_value((Member("JobConfigDocument"), Member("Input")), left, pytest.fail, lambda: RESULT)
