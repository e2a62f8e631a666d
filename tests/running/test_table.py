"""What people see of a run: lines, and rows of the table."""

from __future__ import annotations

import io

from rich.console import Console

from airflow_sm_pipelines.running.events import Event, RunEnded, RunStarted, StepChanged, Stopping, from_line, to_line
from airflow_sm_pipelines.running.produced import produced
from airflow_sm_pipelines.running.table import PlainLines, Steps, table_of

NAMES = ("Prepare", "Train", "Evaluate", "Publish")
STARTED = RunStarted("abalone", "run", NAMES)
PREPARED = StepChanged("Prepare", -1, "success", 1, started=100.0, ended=104.4, job="prepare-1", produced="s3://b/p")
TRAINS = StepChanged("Train", -1, "running", 1, started=110.0, job="train-1")
FAILED = StepChanged("Train", -1, "failed", 2, started=110.0, ended=3880.0, job="train-2", reason="\x1b[2Jno rows")
WAITS = StepChanged("Evaluate", -1, "scheduled", 0)
SKIPPED = StepChanged("Publish", -1, "skipped", 0, started=5.0, ended=5.0)


def steps_of(*events: Event) -> Steps:
    steps = Steps()
    for event in (STARTED, *events):
        steps.take(event)
    return steps


def drawn(steps: Steps, shown: list[StepChanged]) -> str:
    console = Console(file=io.StringIO(), width=110, color_system=None)
    console.print(table_of(shown, steps))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def lines_of(*events: Event) -> list[str]:
    out = io.StringIO()
    with PlainLines(out) as view:
        for event in events:
            view.take(event)
    return out.getvalue().splitlines()


def test_an_event_is_a_line_and_the_line_the_event() -> None:
    for event in (STARTED, PREPARED, FAILED, Stopping(("train-2",)), RunEnded("failed", ("Train: no\nrows",), ("a",))):
        line = to_line(event)
        assert line.count(b"\n") == 1
        assert from_line(line) == event


def test_each_step_that_ends_is_one_line_and_one_that_takes_long_another() -> None:
    prepared = "success  Prepare                        4.4 s  prepare-1" + " " * 50 + "s3://b/p"
    lines = lines_of(STARTED, TRAINS, PREPARED, PREPARED, WAITS, FAILED, SKIPPED)
    assert lines[0].startswith("running  Train")
    assert lines[1:] == [
        prepared,
        "failed   Train                        1:02:50  train-2",
        "skipped  Publish                            -  -",
    ]


def test_a_stop_tells_the_jobs_that_it_waits_for() -> None:
    assert lines_of(STARTED, Stopping(("train-1", "train-2"))) == ["Stopping train-1, train-2"]
    assert lines_of(STARTED, Stopping(())) == ["Stopping the run"]


def test_the_table_has_the_steps_in_their_order_with_the_reason_and_no_control_character() -> None:
    steps = steps_of(SKIPPED, WAITS, FAILED, PREPARED)
    text = drawn(steps, steps.rows)
    places = [text.index(name) for name in NAMES]
    assert places == sorted(places)
    assert "no rows" in text
    assert "\x1b" not in text
    assert "waiting" in text


def test_a_low_terminal_shows_what_runs_or_failed_then_what_ended_last() -> None:
    steps = steps_of(SKIPPED, WAITS, FAILED, PREPARED)
    assert [step.name for step in steps.fitting(1)] == ["Train"]
    assert [step.name for step in steps.fitting(2)] == ["Prepare", "Train"]
    assert [step.name for step in steps.fitting(9)] == [*NAMES]
    text = drawn(steps, steps.fitting(2))
    assert "2 more steps" in text
    assert "stopping" not in text
    steps.take(Stopping(()))
    assert "stopping" in drawn(steps, steps.rows)


def test_children_of_a_loop_stand_together_by_their_index() -> None:
    children = [StepChanged("Train", index, "running", 1, started=1.0) for index in (10, 2, 0)]
    assert [step.name for step in steps_of(WAITS, *children, PREPARED).rows] == [
        "Prepare",
        "Train [0]",
        "Train [2]",
        "Train [10]",
        "Evaluate",
    ]


def test_what_a_result_says_that_was_made() -> None:
    outputs = [{"S3Output": {"S3Uri": f"s3://bucket/run/out/{name}"}} for name in ("train", "test")]
    assert produced({"Outcome": False}) == "branch taken: else"
    assert produced({"ModelArtifacts": {"S3ModelArtifacts": "s3://b/model.tar.gz"}}) == "s3://b/model.tar.gz"
    assert produced({"ProcessingOutputConfig": {"Outputs": outputs}}) == "2 outputs in s3://bucket/run/out"
    assert produced({"ProcessingOutputConfig": {"Outputs": outputs[:1]}}) == "s3://bucket/run/out/train"
    assert produced({"ProcessingOutputConfig": {"Outputs": [{"FeatureStoreOutput": {}}]}}) == ""
    assert produced({"TransformOutput": {"S3OutputPath": "s3://b/t"}}) == "s3://b/t"
    assert produced({"ModelPackageArn": "arn:x"}) == "arn:x"
    assert produced({"ModelArtifacts": None, "ProcessingOutputConfig": None}) == ""
    assert produced(["a list"]) == produced(None) == ""
