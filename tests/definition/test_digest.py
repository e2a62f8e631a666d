"""The quick way to the digest, against Python's own ``json``."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_sm_pipelines.definition.document import load_document
from airflow_sm_pipelines.definition.findings import FindingCollector
from airflow_sm_pipelines.definition.plain import survey

TEXTS = st.text(st.sampled_from('ab"\\: \n\t\x7fé\u2028\U0001f600/u0'), max_size=6)
NUMBERS = st.integers() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(TEXTS, VALUES, max_size=4)


@settings(deadline=None)
@given(OBJECTS)
def test_the_digest_is_that_of_pythons_sorted_json(value: dict[str, Any]) -> None:
    definition = {**value, "Steps": []}
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    document = load_document(definition, FindingCollector())
    assert document is not None
    assert document.digest == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("value", "has_floats"), [({"a": 1}, False), ({"a": [{"b": 1.0}]}, True), ({"a": "1.0", "b": None}, False)]
)
def test_floats_are_seen_at_any_depth(value: dict[str, Any], has_floats: bool) -> None:
    assert survey(value).has_floats is has_floats
