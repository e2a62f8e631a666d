"""AWS's patterns in Python: what they take, and in what time."""

from __future__ import annotations

import itertools
import random
import re
import time

import pytest

from airflow_sm_pipelines.validation.api_model import api_model
from airflow_sm_pipelines.wire.patterns import compiled, satisfies

JOB_NAME = r"[a-zA-Z0-9](-*[a-zA-Z0-9\+\-\.])*"


def texts(alphabet: str, longest: int, count: int) -> list[str]:
    """Every short text of an alphabet, and long ones at random."""
    chance = random.Random(7)
    short = ["".join(each) for size in range(5) for each in itertools.product(alphabet, repeat=size)]
    return short + ["".join(chance.choices(alphabet, k=chance.randint(5, longest))) for _ in range(count)]


@pytest.mark.parametrize(
    "pattern",
    [
        JOB_NAME,
        r"a(-*[b\-])+",
        r"(?:\.*[ab.])*c",
        # Not of that form, and left as they are:
        r"[ab](-*[ab])*",
        r"(-*[ab]){0,4}",
        r"(-*[ab-]){0,4}",
        r"(a*[^a])*",
        r"(-*[ab-]b)*",
    ],
)
def test_what_a_pattern_takes_is_not_changed(pattern: str) -> None:
    ours = compiled(pattern, ascii_only=True)
    assert ours is not None
    theirs = re.compile(pattern, re.ASCII)
    for text in texts("ab-.c", 14, 2000):
        assert bool(ours.fullmatch(text)) == bool(theirs.fullmatch(text)), text


def test_only_a_loop_that_can_go_two_ways_is_rewritten() -> None:
    for pattern, plain in (
        (JOB_NAME, r"[a-zA-Z0-9][a-zA-Z0-9\+\-\.]*"),
        (r"[ab](-*[ab])*", r"[ab](-*[ab])*"),
        (r"(-*[ab-]){0,4}", r"(-*[ab-]){0,4}"),
        (r"(\.*[a.])+", "[a.]+"),
    ):
        found = compiled(pattern, ascii_only=True)
        assert found is not None
        assert found.pattern == plain


ENDS = ("", "!", "\n", "-", ".", " ")
UNITS = ("a", "-", "a-", "0", ".", "/", "a/", ":", "A_", "a.", "s3://", "aws:", "0000000000:")
BEGINNINGS = ("", "a", "s3://", "arn:aws:sagemaker:us-east-1:123456789012:", "arn:aws:bedrock:us-east-1::", "https://")


@pytest.mark.timeout(60)  # One exponential pattern takes hours here.
def test_no_pattern_of_the_model_takes_long_for_a_text_of_its_length() -> None:
    """Adversarial texts of each pattern: as long as the API allows, up to 200, and wrong at their end."""
    shapes = [shape for services in api_model().services.values() for shape in services.values() if shape.pattern]
    longest = {shape.pattern: min(int(shape.max or 200), 200) for shape in shapes}
    for pattern, length in longest.items():
        assert pattern is not None
        satisfies(pattern, "a")
        began = time.process_time()
        for beginning, unit, end in itertools.product(BEGINNINGS, UNITS, ENDS):
            satisfies(pattern, (beginning + unit * length)[: length - 1] + end)
        spent = time.process_time() - began
        # Of 468 texts; one that is tried in every way takes longer by itself.
        assert spent < 2, pattern
