"""``airflow sm-pipelines compare``: an execution of the service beside what Airflow would send, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines.comparing.members import DEFAULTS
from tests.cli.test_airflow_commands import parse
from tests.comparing.played import BEGAN, EXECUTION, Played
from tests.documentation.blocks import block_of
from tests.store.http_service import RefusedError, serving

REPOSITORY = Path(__file__).parent.parent.parent
READS = ("Describe", "List")


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Iterator[Played]:
    with serving() as http:
        for name, value in {
            "AWS_ENDPOINT_URL": http.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            monkeypatch.setenv(name, value)
        yield Played(http)
        # Nothing was changed.
        assert [action for action, _ in http.asked if not action.startswith(READS)] == []


def status_of(*arguments: str) -> int:
    parsed = parse("compare", *arguments)
    with pytest.raises(SystemExit) as ended:
        parsed.func(parsed)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def compared(played: Played, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    played.put_report()
    status = status_of("abalone", "--execution", EXECUTION, "--format", "json", *arguments)
    told = json.loads(capsys.readouterr().out)
    return status, {step["name"]: step for step in told["steps"]}


def differences(steps: dict[str, Any]) -> dict[str, list[tuple[str, Any, Any]]]:
    return {
        name: [(one["path"], one.get("service"), one.get("airflow")) for one in step["differences"]]
        for name, step in steps.items()
        if step["differences"]
    }


def test_an_execution_that_airflow_would_have_made(played: Played, capsys: pytest.CaptureFixture[str]) -> None:
    status, steps = compared(played, capsys)
    assert differences(steps) == {}
    assert status == 0
    assert {name: step["verdict"] for name, step in steps.items()} == {
        "Prepare": "equal",
        "Train": "equal",
        "Check": "equal",
        "Create": "equal",
        "Tell": "equal",
        "Reject": "not run",
    }
    assert steps["Train"]["service"]["job"].endswith("training-job/pipelines-abcdefghijkl-Train-0123456789")
    assert steps["Train"]["not_told"] == ["Tags"]
    assert steps["Tell"]["not_told"] == ["Arguments"]


def test_what_was_sent_otherwise_is_told_by_its_place(played: Played, capsys: pytest.CaptureFixture[str]) -> None:
    train, model = played.jobs["DescribeTrainingJob"], played.jobs["DescribeModel"]
    train["HyperParameters"]["max_depth"] = "5"
    train["EnableNetworkIsolation"] = True
    train["InputDataConfig"][0]["CompressionType"] = "Gzip"
    del train["StoppingCondition"]
    del model["PrimaryContainer"]["ModelDataUrl"]
    model["ExecutionRoleArn"] = "arn:aws:iam::123456789012:role/Other"
    status, steps = compared(played, capsys)
    assert status == 1
    assert differences(steps) == {
        "Train": [
            ("$.HyperParameters.max_depth", "5", "7"),
            ("$.InputDataConfig[0].CompressionType", "Gzip", None),
            ("$.StoppingCondition.MaxRuntimeInSeconds", None, 3600),
            ("$.EnableNetworkIsolation", True, None),
        ],
        "Create": [
            ("$.PrimaryContainer.ModelDataUrl", None, "s3://bucket/model/output/model.tar.gz"),
            ("$.ExecutionRoleArn", "arn:aws:iam::123456789012:role/Other", "arn:aws:iam::123456789012:role/SageMaker"),
        ],
    }


def test_another_branch(played: Played, capsys: pytest.CaptureFixture[str]) -> None:
    played.report = {"mse": 9.5}
    status, steps = compared(played, capsys)
    assert status == 1
    assert differences(steps) == {
        "Check": [("$.Outcome", True, False)],
        "Create": [("$", "status Succeeded", "Airflow would not run it")],
        "Tell": [("$", "status Succeeded", "Airflow would not run it")],
        "Reject": [("$", None, "Airflow would run it")],
    }


def test_an_execution_that_was_rejected(played: Played, capsys: pytest.CaptureFixture[str]) -> None:
    played.report = {"mse": 9.5}
    played.status = "Failed"
    del played.steps["Create"], played.steps["Tell"]
    played.steps["Check"]["Metadata"] = {"Condition": {"Outcome": "False"}}
    message = {"Fail": {"ErrorMessage": "The error is too large."}}
    played.steps["Reject"] = {"StepStatus": "Failed", "Metadata": message}
    assert compared(played, capsys)[0] == 0
    message["Fail"]["ErrorMessage"] = "Another"
    assert differences(compared(played, capsys)[1]) == {
        "Reject": [("$.ErrorMessage", "Another", "The error is too large.")]
    }


def test_what_did_not_begin_in_an_execution_that_failed_is_no_difference(
    played: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    played.status = "Failed"
    played.steps = {"Prepare": {**played.steps["Prepare"], "StepStatus": "Failed"}}
    played.jobs["DescribeProcessingJob"]["ProcessingJobStatus"] = "Failed"
    status, steps = compared(played, capsys)
    assert status == 0
    assert [name for name, step in steps.items() if step["verdict"] == "not run"] == [
        *("Train", "Check", "Create", "Tell", "Reject")
    ]
    assert not any(step["airflow"]["runs"] for name, step in steps.items() if name != "Prepare")


def test_a_secret_that_differs_is_told_without_its_text(played: Played, capsys: pytest.CaptureFixture[str]) -> None:
    played.jobs["DescribeTrainingJob"]["Environment"]["DB_PASSWORD"] = "what-the-service-sent"
    assert differences(compared(played, capsys)[1]) == {"Train": [("$.Environment.DB_PASSWORD", "***", "***")]}


def test_what_cannot_be_resolved_is_a_difference(played: Played, capsys: pytest.CaptureFixture[str]) -> None:
    played.report = {"other": 1}
    status, steps = compared(played, capsys)
    assert status == 1
    [(path, service, airflow)] = differences(steps)["Check"]
    assert (path, service) == ("$", "status Succeeded")
    assert "Airflow would fail" in airflow
    assert "mse" in airflow


def test_what_the_service_does_not_tell_is_not_compared(played: Played, capsys: pytest.CaptureFixture[str]) -> None:
    played.steps["Create"]["CacheHitResult"] = {"SourcePipelineExecutionArn": EXECUTION}
    played.jobs.pop("DescribeTrainingJob")
    status, steps = compared(played, capsys)
    assert status == 0
    assert "Requested resource not found" in steps["Train"]["reason"]
    assert "it may refer to the result of Train" in steps["Check"]["reason"]


def test_the_cache_and_a_selection(played: Played, capsys: pytest.CaptureFixture[str]) -> None:
    played.execution = {"SelectiveExecutionConfig": {"SelectedSteps": [{"StepName": "Train"}]}}
    played.steps["Train"]["CacheHitResult"] = {"SourcePipelineExecutionArn": EXECUTION}
    for name in ("Check", "Create", "Tell"):
        del played.steps[name]
    played.steps["Prepare"] |= {"SelectiveExecutionResult": {"SourcePipelineExecutionArn": EXECUTION}}
    status, steps = compared(played, capsys)
    assert status == 0
    assert steps["Prepare"]["reason"] == "it was not selected, and has the result of another execution"
    assert steps["Check"]["verdict"] == "not run"


def test_a_step_that_only_the_service_has(played: Played, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    definition = json.loads(json.dumps(played.definition))
    definition["Steps"][2]["Arguments"]["IfSteps"].pop()
    (tmp_path / "ours.json").write_text(
        json.dumps({"PipelineDefinition": definition, "RoleArn": "arn:aws:iam::123456789012:role/SageMaker"})
    )
    status, steps = compared(played, capsys, "--definition", str(tmp_path / "ours.json"))
    assert status == 1
    assert differences(steps) == {"Tell": [("$", "status Succeeded", None)]}


def test_for_people(played: Played, capsys: pytest.CaptureFixture[str]) -> None:
    command, _, expected = block_of("docs/moving.md", "$ airflow sm-pipelines compare").text.partition("\n")
    assert command.endswith(f" abalone --execution {EXECUTION}")
    played.put_report()
    played.jobs["DescribeTrainingJob"]["HyperParameters"]["max_depth"] = "5"
    assert status_of("abalone", "--execution", EXECUTION) == 1
    assert capsys.readouterr().out == expected


def test_the_page_names_what_is_filled_in() -> None:
    page = (REPOSITORY / "docs" / "moving.md").read_text(encoding="utf-8")
    for call, members in sorted(DEFAULTS.items()):
        told = ", ".join(f"`{path}` = `{value}`" for path, value in sorted(members.items()))
        assert f"| {call} | {told} |" in page


def test_wrong_usage_and_an_aws_that_does_not_answer(played: Played, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of("abalone", "--execution", "abcdefghijkl") == 2
    assert "is no ARN of an execution" in capsys.readouterr().err
    assert status_of("churn", "--execution", EXECUTION) == 2
    assert "is one of the pipeline 'abalone', and not of 'churn'" in capsys.readouterr().err
    assert played.http.asked == []

    def refuse(_: dict[str, Any]) -> dict[str, Any]:
        raise RefusedError("AccessDeniedException", "not you")

    played.http.answers["DescribePipelineExecution"] = refuse
    assert status_of("abalone", "--execution", EXECUTION) == 2
    assert "AWS cannot be asked: AccessDeniedException: not you" in capsys.readouterr().err


def test_times_are_those_of_the_execution(played: Played, capsys: pytest.CaptureFixture[str]) -> None:
    train = played.definition["Steps"][1]["Arguments"]
    train["Environment"] = {"BEGAN": {"Get": "Execution.StartDateTime"}, "NOW": {"Get": "Execution.CurrentDateTime"}}
    played.steps["Train"]["StartTime"] = BEGAN + 60
    time = "2026-09-21T14:13:20.000Z"
    played.jobs["DescribeTrainingJob"]["Environment"] = {"BEGAN": time, "NOW": "2026-09-21T14:14:20.000Z"}
    assert differences(compared(played, capsys)[1]) == {}
