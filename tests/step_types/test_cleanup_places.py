"""What a Cleanup step may delete."""

from __future__ import annotations

import pytest

from airflow_sm_pipelines.step_types.cleanup_places import is_below, refusal_of

JOB, EXECUTION = "pipelines-abcdefghij01-Train-0123456789", "abcdefghij01"


@pytest.mark.parametrize(
    ("uri", "place", "below"),
    [
        ("s3://bucket/pre/x", "s3://bucket/pre", True),
        ("s3://bucket/pre/x", "s3://bucket/pre/", True),
        ("s3://bucket/pre//x", "s3://bucket/pre/", True),
        ("s3://bucket/prefix2/x", "s3://bucket/pre", False),
        ("s3://bucket/prefix2/x", "s3://bucket/pre/", False),
        ("s3://bucket/pre", "s3://bucket/pre", False),
        ("s3://bucket/pre/", "s3://bucket/pre", False),
        ("s3://other/pre/x", "s3://bucket/pre", False),
        ("s3://bucket2/x", "s3://bucket", False),
        ("s3://bucket/x", "s3://bucket", True),
        ("s3://bucket/x", "s3://bucket/", True),
        ("s3://bucket/x", "s3://", False),
        ("s3://bucket/x", "", False),
        ("bucket/pre/x", "bucket/pre", False),
        ("https://bucket/pre/x", "https://bucket/pre", False),
    ],
)
def test_a_folder_ends_at_a_slash(uri: str, place: str, below: bool) -> None:
    assert is_below(uri, place) is below


@pytest.mark.parametrize(
    "uri",
    [
        f"s3://b/out/{JOB}/model.tar.gz",
        f"s3://b/out/{JOB}/output/deep/er",
        f"s3://b/out/run-{EXECUTION}/report.json",
        f"s3://b/out/{EXECUTION}/a//b",
    ],
)
def test_an_object_in_a_folder_of_the_job_or_the_execution_may_be_deleted(uri: str) -> None:
    assert refusal_of(uri, ("s3://b/out",), (JOB, EXECUTION), ()) is None


@pytest.mark.parametrize(
    "uri",
    [
        "s3://b/out/report.json",
        f"s3://b/out/{EXECUTION}",
        f"s3://b/out/{JOB}.json",
        f"s3://b/elsewhere/{JOB}/x",
        f"s3://b/output/{JOB}/x",
        f"s3://other/out/{JOB}/x",
        f"s3://b/out/{JOB}/../../x",
        f"s3://b/out/{JOB}/./x",
        f"s3://b/out/{JOB}/",
        f"s3://b/out/{JOB}/..",
        "s3://b/",
        "s3://b",
        "s3://",
        "",
        f"/out/{JOB}/x",
        f"s3://b/out/{JOB}/\0",
        5,
        None,
    ],
)
def test_what_is_doubtful_is_refused(uri: object) -> None:
    assert refusal_of(uri, ("s3://b/out",), (JOB, EXECUTION), ())


def test_a_name_that_is_not_known_is_in_no_path() -> None:
    assert refusal_of("s3://b/out/x/y", ("s3://b/out",), ("", EXECUTION), ()) is not None


def test_the_setting_allows_folders_and_nothing_beside_them() -> None:
    prefixes = ("s3://b/out/scratch",)
    declared = ("s3://b/out",)
    assert refusal_of("s3://b/out/scratch/x", declared, (JOB, EXECUTION), prefixes) is None
    assert refusal_of("s3://b/out/scratch2/x", declared, (JOB, EXECUTION), prefixes) is not None
    assert refusal_of("s3://b/out/x", declared, (JOB, EXECUTION), ("s3://[ab]*/out/",)) is None
    assert refusal_of("s3://b/out/x", declared, (JOB, EXECUTION), ("s3://b",)) is None
    assert refusal_of("s3://b/out/x", declared, (JOB, EXECUTION), ("s3://a*/out/", "s3://b/ou")) is not None
    # Below no output of the step.
    assert refusal_of("s3://b/out/scratch/x", ("s3://b/other",), (JOB, EXECUTION), prefixes) is not None
    assert refusal_of("s3://b/out/scratch/../x", declared, (JOB, EXECUTION), prefixes) is not None
