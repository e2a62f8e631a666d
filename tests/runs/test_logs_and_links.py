"""What a task shows of its job: the log while it waits, where to look when it failed, the links to AWS."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from airflow_sm_pipelines.jobs import job_log
from tests.runs.beside import beside
from tests.runs.harness import Airflow, Run, pipeline, training
from tests.runs.statsd import StatsD
from tests.waiting import PATIENCE_SECONDS, until

JOB_SECONDS = 600
REASON = "AlgorithmError: out of patience, exit code: 1"
LINES = [f"epoch {number}" for number in range(1, 6)]
FAILING = {"kind": "training", "outcome": "Failed", "failure_reason": REASON, "duration": 0.5, "logs": LINES}
TAIL = "airflow_sm_pipelines.jobs.job_log"
CONSOLE = "https://console.aws.amazon.com"
PAGE, LOG = "_link_AwsConsoleLink", "_link_JobLogLink"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine's endpoint answers late."""
    for name in ("connect_timeout", "read_timeout"):
        monkeypatch.setitem(job_log.CLIENT_CONFIG, name, PATIENCE_SECONDS)


@pytest.fixture(params=[True, False], ids=["deferrable", "synchronous"])
def deferrable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def name_of(airflow: Airflow) -> str:
    [request] = airflow.created("CreateTrainingJob")
    return str(request["TrainingJobName"])


def failure(capfd: pytest.CaptureFixture[str]) -> list[str]:
    """The lines of the failure in the task's log."""
    told = capfd.readouterr().out
    [message] = re.findall(r"StepFailure: (.*?)\n\n", f"{told}\n\n", re.DOTALL)
    return str(message).splitlines()


# The log ------------------------------------------------------------------------------------------------------


def test_a_failure_says_why_and_where_to_look(
    airflow: Airflow, deferrable: bool, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__LOG_TAIL_LINES", "3")
    airflow.endpoint.reset({"jobs": [FAILING]})
    run = airflow.run(pipeline(training("Train")), deferrable=deferrable)
    assert run.states == {"Train": "failed"}
    name = name_of(airflow)
    assert failure(capfd) == [
        f"Step 'Train' failed: the training job {name} (attempt 1) ended as Failed: {REASON}",
        f"Console: {CONSOLE}/sagemaker/home?region=us-east-1#/jobs/{name}",
        "Last lines of its log in /aws/sagemaker/TrainingJobs:",
        "  epoch 4",
        "  epoch 5",
        f"  Training job {name} failed",
    ]


def fault(action: str, code: str) -> dict[str, Any]:
    return {"service": "logs", "action": action, "error": {"code": code, "message": "no"}, "times": 99}


@pytest.mark.parametrize(
    ("action", "code", "told"),
    [
        ("DescribeLogStreams", "ResourceNotFoundException", "is empty."),
        ("DescribeLogStreams", "AccessDeniedException", "could not be read: AccessDeniedException: no"),
        ("GetLogEvents", "ThrottlingException", "could not be read: ThrottlingException: no"),
    ],
)
def test_a_log_that_cannot_be_read_is_one_line(
    airflow: Airflow, capfd: pytest.CaptureFixture[str], action: str, code: str, told: str
) -> None:
    airflow.endpoint.reset({"jobs": [FAILING], "faults": [fault(action, code)]})
    run = airflow.run(pipeline(training("Train")))
    assert run.states == {"Train": "failed"}
    first, _, last = failure(capfd)
    assert REASON in first
    assert last == f"Its log in /aws/sagemaker/TrainingJobs {told}"


def test_without_lines_to_show_no_log_is_read(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__LOG_TAIL_LINES", "0")
    airflow.endpoint.reset({"jobs": [FAILING]})
    airflow.run(pipeline(training("Train")), deferrable=False)
    assert name_of(airflow)
    assert airflow.endpoint.requests("logs") == ()


def tail(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == TAIL]


@contextmanager
def half_way(airflow: Airflow) -> Iterator[None]:
    """Half of the time of the job that is waited for passes at once, and the rest where the block ends."""
    try:
        until(lambda: airflow.endpoint.requests("sagemaker", "DescribeTrainingJob"))
        airflow.endpoint.advance(JOB_SECONDS / 2)
        yield
    finally:
        airflow.endpoint.advance(JOB_SECONDS)


def test_the_log_comes_into_the_tasks_log_while_it_waits(airflow: Airflow, caplog: pytest.LogCaptureFixture) -> None:
    airflow.endpoint.reset({"jobs": [{"duration": JOB_SECONDS, "logs": LINES}]})
    came: list[str] = []

    def end_the_job_when_lines_have_come() -> None:
        with half_way(airflow):
            came.extend(until(lambda: tail(caplog)))

    with caplog.at_level("INFO", logger=TAIL), beside(end_the_job_when_lines_have_come):
        run = airflow.run(pipeline(training("Train")), deferrable=False)
    assert run.state == "success"
    assert came == LINES[: len(came)] != LINES
    assert tail(caplog) == [*LINES, f"Training job {name_of(airflow)} completed"]


def test_the_lines_of_several_hosts_say_whose_they_are(airflow: Airflow, caplog: pytest.LogCaptureFixture) -> None:
    airflow.endpoint.reset({"jobs": [{"duration": 0.2, "logs": LINES}]})
    hosts = {"ResourceConfig": {"InstanceCount": 2, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}}
    with caplog.at_level("INFO", logger=TAIL):
        airflow.run(pipeline(training("Train", Arguments=hosts)), deferrable=False)
    told = tail(caplog)
    for host in ("algo-1", "algo-2"):
        own = [line.removeprefix(f"[{host}] ") for line in told if line.startswith(f"[{host}] ")]
        assert own == [*LINES, f"Training job {name_of(airflow)} completed"]
    assert len(told) == 2 * (len(LINES) + 1)


def test_a_throttled_tail_is_told_once_and_loses_no_line(airflow: Airflow, caplog: pytest.LogCaptureFixture) -> None:
    faults = [{**fault("GetLogEvents", "ThrottlingException"), "times": 2, "skip": 1}]
    airflow.endpoint.reset({"jobs": [{"duration": JOB_SECONDS, "logs": LINES}], "faults": faults})

    late = "The job's log comes late: ThrottlingException: no"

    def throttled_and_answered_again() -> bool:
        answers = [call.error_code for call in airflow.endpoint.requests("logs", "GetLogEvents")]
        return answers[1:3] == ["ThrottlingException"] * 2 and None in answers[3:]

    def end_the_job_when_its_log_was_late() -> None:
        with half_way(airflow):
            until(lambda: late in tail(caplog) and throttled_and_answered_again())

    with caplog.at_level("INFO", logger=TAIL), beside(end_the_job_when_its_log_was_late):
        run = airflow.run(pipeline(training("Train")), deferrable=False)
    assert run.state == "success"
    told = tail(caplog)
    assert told.count(late) == 1
    assert [line for line in told if line != late] == [*LINES, f"Training job {name_of(airflow)} completed"]


def test_a_denied_tail_is_told_once_and_ends(airflow: Airflow, caplog: pytest.LogCaptureFixture) -> None:
    airflow.endpoint.reset(
        {"jobs": [{"duration": 0.2, "logs": LINES}], "faults": [fault("DescribeLogStreams", "AccessDeniedException")]}
    )
    with caplog.at_level("INFO", logger=TAIL):
        run = airflow.run(pipeline(training("Train")), deferrable=False)
    assert run.state == "success"
    assert tail(caplog) == ["The job's log is not shown here: AccessDeniedException: no"]
    assert len(airflow.endpoint.requests("logs")) == 1


def test_the_log_of_a_function_comes_with_its_answer(airflow: Airflow, capfd: pytest.CaptureFixture[str]) -> None:
    error = {"errorType": "ValueError", "errorMessage": "no"}
    airflow.endpoint.reset({"jobs": [{"kind": "lambda", "name": "compute", "error": error, "logs": LINES}]})
    function = "arn:aws:lambda:us-east-1:123456789012:function:compute"
    step = {"Name": "Compute", "Type": "Lambda", "FunctionArn": function, "Arguments": {}, "OutputParameters": []}
    run = airflow.run(pipeline(step))
    assert run.states == {"Compute": "failed"}
    assert failure(capfd) == [
        f"Step 'Compute' failed: the function {function} ended with an error: ValueError: no",
        f"Console: {CONSOLE}/lambda/home?region=us-east-1#/functions/compute",
        "Last lines of its log in /aws/lambda/compute:",
        *(f"  {line}" for line in LINES),
    ]
    assert run.xcom("Compute", LOG).endswith("log-group/$252Faws$252Flambda$252Fcompute")
    assert airflow.endpoint.requests("logs") == ()


# The links ----------------------------------------------------------------------------------------------------


def links_of(run: Run, task_id: str) -> dict[str, str | None]:
    """The links of a task's page, as Airflow's API server resolves them of the serialized Dag."""
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        model = SerializedDagModel.get(run.dag_id, session=session)
        assert model is not None
        task = model.dag.get_task(task_id)
        ti = session.scalars(select(TaskInstance).where(TaskInstance.run_id == run.run_id)).one()
        return {name: task.get_extra_links(ti, name) for name in task.extra_links}


def test_the_links_of_a_run(airflow: Airflow, deferrable: bool) -> None:
    # Airflow does not write a Dag's serialized form anew each time: the Dag is the test's own.
    run = airflow.run(pipeline(training("Train")), deferrable=deferrable, dag_id=f"links-{deferrable}")
    name = name_of(airflow)
    assert links_of(run, "Train") == {
        "AWS console": f"{CONSOLE}/sagemaker/home?region=us-east-1#/jobs/{name}",
        "Job log": (
            f"{CONSOLE}/cloudwatch/home?region=us-east-1#logsV2:log-groups/log-group/"
            f"$252Faws$252Fsagemaker$252FTrainingJobs$3FlogStreamNameFilter$3D{name}$252F"
        ),
    }


def test_the_links_are_there_while_the_job_runs(airflow: Airflow, deferrable: bool) -> None:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import func, select

    airflow.endpoint.reset({"jobs": [{"duration": JOB_SECONDS}]})
    dag_id = f"linked-{deferrable}"

    def links_are_there() -> bool:
        statement = select(func.count()).where(XComModel.key.in_([PAGE, LOG]), XComModel.dag_id == dag_id)
        with create_session(scoped=False) as session:
            return session.scalar(statement) == 2

    def end_the_job_when_the_links_are_there() -> None:
        try:
            until(links_are_there)
        finally:
            airflow.endpoint.advance(JOB_SECONDS)

    with beside(end_the_job_when_the_links_are_there):
        run = airflow.run(pipeline(training("Train")), deferrable=deferrable, dag_id=dag_id)
    assert run.state == "success"


# The bound of the waiting -------------------------------------------------------------------------------------


def described_limit(seconds: int) -> dict[str, Any]:
    """A limit that Describe shows and the endpoint, which was asked for another, does not keep to."""
    return {"describe": {"StoppingCondition": {"MaxRuntimeInSeconds": seconds}}}


def test_a_job_that_outlives_its_stopping_condition_is_stopped(
    airflow: Airflow,
    statsd: StatsD,
    deferrable: bool,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__MAX_RUNTIME_GRACE", "1")
    airflow.endpoint.reset({"jobs": [{"duration": 600, **described_limit(1)}]})
    run = airflow.run(pipeline(training("Train")), deferrable=deferrable)
    assert run.states == {"Train": "failed"}
    [request] = airflow.endpoint.requests("sagemaker", "StopTrainingJob")
    assert request.parameters == {"TrainingJobName": name_of(airflow)}
    first = failure(capfd)[0]
    assert f"the training job {name_of(airflow)} (attempt 1) exceeded the limit of its request, and is stopped" in first
    assert "its MaxRuntimeInSeconds of 1 s, and 1 s more, are over since" in first
    assert statsd.ends() == {"overdue": 1}


def test_the_wait_for_capacity_is_no_part_of_it(
    airflow: Airflow, deferrable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__MAX_RUNTIME_GRACE", "0.5")
    airflow.endpoint.reset({"jobs": [{"queued": 2, "duration": 0, **described_limit(1)}]})
    run = airflow.run(pipeline(training("Train")), deferrable=deferrable)
    assert run.state == "success"
    assert airflow.endpoint.requests("sagemaker", "StopTrainingJob") == ()


def test_a_job_that_aws_ends_at_its_limit_says_so(airflow: Airflow, capfd: pytest.CaptureFixture[str]) -> None:
    airflow.endpoint.reset({"jobs": [{"duration": 600}]})
    run = airflow.run(pipeline(training("Train", Arguments={"StoppingCondition": {"MaxRuntimeInSeconds": 1}})))
    assert run.states == {"Train": "failed"}
    assert failure(capfd)[0].endswith(
        "ended as Stopped (MaxRuntimeExceeded): it ran for as long as its StoppingCondition.MaxRuntimeInSeconds allows"
        " (1 s), and AWS ended it"
    )
