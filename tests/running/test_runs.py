"""Runs in processes of their own: side by side, refused, interrupted, and deserted by who started them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.running.definition_run import run_definition
from airflow_sm_pipelines.running.events import RunEnded, RunStarted, StepChanged, Stopping
from airflow_sm_pipelines.running.showing import show
from airflow_sm_pipelines.running.under_way import UnderWay
from tests.runs.harness import BUCKET, get, pipeline, training

pytestmark = pytest.mark.airflow
FAST = {"poll_interval": "0.1", "poll_interval_max": "0.5"}
NAMED = [{"Name": "Folder", "Type": "String"}, {"Name": "Hours", "Type": "Integer", "DefaultValue": 1}]


@pytest.fixture(scope="module")
def database(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with Airflow's tables."""
    home = tmp_path_factory.mktemp("home")
    shutil.copy(empty_database, home / "airflow.db")
    (home / "migrated").touch()
    return home


@pytest.fixture
def homes(database: Path, tmp_path: Path) -> Iterator[Path]:
    """Homes of the test's own: ``one``, ``two`` and ``three``."""
    for name in ("one", "two", "three"):
        shutil.copytree(database, tmp_path / name)
    yield tmp_path
    shutil.rmtree(tmp_path)


def write(folder: Path, name: str, *steps: Any, **members: Any) -> Path:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(pipeline(*steps, **members)))
    return path


def command(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    """``airflow sm-pipelines run`` with the tests' own deployment."""
    return subprocess.Popen(
        [sys.executable, "-m", "airflow", "sm-pipelines", "run", *arguments],
        cwd=cwd,
        env={**os.environ, "AIRFLOW__SAGEMAKER_PIPELINES__ORPHAN_JOBS_INTERVAL": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_two_runs_at_once_are_each_their_own(homes: Path, local_endpoint: LocalEndpoint) -> None:
    failure = {
        "kind": "training",
        "name": "*-Spoil-*",
        "outcome": "Failed",
        "failure_reason": "AlgorithmError: no rows",
    }
    (homes / "two" / "scenario.json").write_text(json.dumps({"defaults": {"duration": 0}, "jobs": [failure]}))
    write(homes, "bad", training("Spoil"), training("After", DependsOn=["Spoil"]))
    with command(
        "../bad.json", "--scenario", "scenario.json", "--home", str(homes / "two"), cwd=homes / "two"
    ) as beside:
        succeeds(homes, local_endpoint)
        said, _ = beside.communicate()
    assert beside.returncode == 1, said
    # On a busy machine a step may run for long.
    first, spoilt, after, reason, last = [line for line in said.splitlines() if not line.startswith("running ")]
    assert first.startswith("Local AWS endpoint: http://127.0.0.1:")
    assert (spoilt.split()[:2], after.split()[:3]) == (["failed", "Spoil"], ["not", "run", "After"])
    assert reason.startswith("Spoil: ")
    assert reason.endswith("AlgorithmError: no rows")
    assert last.startswith("Failed after")
    assert last.endswith(f"(log: {homes / 'two' / 'run.log'})")
    # The command has an endpoint of its own.
    assert [call.parameters for call in local_endpoint.requests() if "Spoil" in str(call.parameters)] == []


def succeeds(homes: Path, local_endpoint: LocalEndpoint) -> None:
    local_endpoint.reset({"defaults": {"duration": 0}})
    to_folder = {"Std:Join": {"On": "/", "Values": [f"s3://{BUCKET}", get("Parameters.Folder")]}}
    good = write(
        homes, "good", training("Train", Arguments={"OutputDataConfig": {"S3OutputPath": to_folder}}), Parameters=NAMED
    )
    with run_definition(
        good, conf={"Folder": "here"}, endpoint=local_endpoint.url, settings=FAST, home=homes / "one"
    ) as run:
        events = list(run.events())
    assert run.outcome == RunEnded("success"), run.log.read_text()
    started = events[0]
    assert isinstance(started, RunStarted)
    assert (started.dag_id, started.steps) == ("good", ("Train",))
    last = [event for event in events if isinstance(event, StepChanged)][-1]
    [sent] = [dict(call.parameters) for call in local_endpoint.requests("sagemaker", "CreateTrainingJob")]
    assert sent["OutputDataConfig"] == {"S3OutputPath": f"s3://{BUCKET}/here"}
    assert (last.state, last.job) == ("success", sent["TrainingJobName"])
    assert last.produced == f"s3://{BUCKET}/here/{last.job}/output/model.tar.gz"


def test_an_interrupt_stops_the_job_and_so_does_the_death_of_the_command_but_not_that_of_who_could_stop_it(
    homes: Path, local_endpoint: LocalEndpoint
) -> None:
    local_endpoint.reset({"defaults": {"duration": 3600, "stopping": 0}})
    long = write(homes, "long", training("Train"), training("Never", DependsOn=["Train"]))
    started = [
        command("../long.json", "--endpoint", local_endpoint.url, "--home", str(homes / name), cwd=homes / name)
        for name in ("one", "two")
    ]
    try:
        keeper_is_killed(long, homes / "three", local_endpoint)
        wait_for(lambda: len(local_endpoint.jobs("training")) == 3, started)
        one_home_has_one_run(long, homes / "one", local_endpoint)
        interrupted, killed = started
        interrupted.send_signal(signal.SIGINT)
        killed.kill()
        said, _ = interrupted.communicate(timeout=120)
        assert interrupted.returncode == 130, said
        wait_for(lambda: [job.status for job in local_endpoint.jobs("training")].count("Stopped") == 2, [])
        stopped = {
            call.parameters["TrainingJobName"] for call in local_endpoint.requests("sagemaker", "StopTrainingJob")
        }
        assert stopped == {job.name for job in local_endpoint.jobs("training") if job.status == "Stopped"}
        assert len(local_endpoint.jobs("training")) == 3
        [line] = [line for line in said.splitlines() if line.startswith("Stopping ")]
        assert line.removeprefix("Stopping ") in stopped
        assert said.splitlines()[-1].startswith("Stopped after")
    finally:
        for process in started:
            process.kill()
            process.communicate()


def keeper_is_killed(definition: Path, home: Path, local_endpoint: LocalEndpoint) -> None:
    """Its job runs on, is named, and nobody waits for it any more."""
    job = ""
    with run_definition(definition, endpoint=local_endpoint.url, settings=FAST, home=home) as run:
        for event in run.events():
            # What the run had said before it was killed may come after.
            if not job and isinstance(event, StepChanged) and event.job and event.state == "running":
                job = event.job
                # Its name is on record before it is created.
                wait_for(lambda name=job: name in {known.name for known in local_endpoint.jobs("training")}, [])
                both = processes_of(home)
                [keeper] = [process for process in both if os.getpgid(process) == process]
                assert len(both) > 1
                os.kill(keeper, signal.SIGKILL)
    assert run.outcome == RunEnded(
        "failed", (f"the run's process ended with the status -9: see {run.log}",), left=(job,)
    ), run.log.read_text()
    wait_for(lambda: not processes_of(home), [])


def processes_of(home: Path) -> list[int]:
    """The processes of a run, by their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"AIRFLOW_HOME={home}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return found


def one_home_has_one_run(definition: Path, home: Path, local_endpoint: LocalEndpoint) -> None:
    """A second one is refused, and what the first has there stays as it is."""
    before = (home / "run.json").read_bytes(), (home / "run.log").read_bytes()
    other = write(home, "other", training("Other"))
    with run_definition(other, conf={"Folder": "x"}, endpoint=local_endpoint.url, home=home) as second:
        assert list(second.events()) == [RunEnded("refused", (f"another run has the folder {home}",))]
    assert (home / "run.json").read_bytes() == before[0]
    assert (home / "run.log").read_bytes().startswith(before[1])


def test_a_run_that_is_interrupted_twice_has_been_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with run_definition(write(tmp_path, "long", training("Train")), endpoint="http://127.0.0.1:9") as run:
        before, reader = signal.getsignal(signal.SIGTERM), threading.get_ident()

        def interrupt() -> None:
            wait_for(lambda: signal.getsignal(signal.SIGTERM) != before, [])
            # Two of a kind may come as one.
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.pthread_kill(reader, number)

        interrupting = threading.Thread(target=interrupt)
        interrupting.start()
        assert show(run, as_lines=True) == 130
        interrupting.join()
    assert run.outcome == RunEnded("stopped")
    assert capsys.readouterr().out.startswith("Stopped after")


def test_the_jobs_that_are_left_are_those_that_ran_or_that_were_to_be_stopped() -> None:
    known = UnderWay()
    for step, state, job in (("A", "running", "a"), ("B", "running", "b"), ("C", "scheduled", None)):
        known.take(StepChanged(step, -1, state, 1, job=job))
    known.take(StepChanged("A", -1, "success", 1, job="a"))
    known.take(StepChanged("B", 0, "running", 1, job="b0"))
    assert known.jobs == ("b", "b0")
    known.take(Stopping(("b0", "late")))
    known.take(StepChanged("B", 0, "failed", 1, job="b0"))
    assert known.jobs == ("b0", "late")


def wait_for(condition: Any, processes: list[subprocess.Popen[str]]) -> None:
    """Wait for what is meant, up to the time-out of the test, but not for a process that has ended."""
    pause = threading.Event()
    while not condition():
        for process in processes:
            assert process.poll() is None, process.communicate()[0]
        pause.wait(0.2)


@pytest.mark.parametrize(
    ("conf", "reason"),
    [
        ({"Foldr": "x", "Folder": "y"}, "conf: the parameter 'Foldr' is not declared. Did you mean 'Folder'?"),
        ({}, "conf: the parameter 'Folder': "),
        ({"Folder": "x", "Hours": "many"}, "conf: the parameter 'Hours': "),
    ],
)
def test_a_conf_that_cannot_hold_is_refused(conf: dict[str, Any], reason: str, tmp_path: Path) -> None:
    from airflow_sm_pipelines import SageMakerPipelineDag
    from airflow_sm_pipelines.running.keeper import RefusedError, check_conf

    dag = SageMakerPipelineDag(write(tmp_path, "named", training("Train"), Parameters=NAMED))
    with pytest.raises(RefusedError) as refused:
        check_conf(dag, conf)
    [told] = refused.value.args
    assert told.startswith(reason)
    check_conf(dag, {"Folder": "x", "Hours": 2})


def test_a_definition_that_cannot_be_run_is_refused_with_every_finding(homes: Path) -> None:
    wrong = write(homes, "wrong", training("Train", DependsOn=["Tran"]), training("Also", Colour="blue"))
    with run_definition(
        wrong, arguments={"unsupported_keys": "error"}, endpoint="http://127.0.0.1:9", home=homes / "one"
    ) as run:
        [ended] = run.events()
    assert isinstance(ended, RunEnded)
    assert ended.state == "refused"
    assert [reason.split(",")[0] for reason in ended.reasons] == ["$.Steps[0].DependsOn[0]", "$.Steps[1].Colour"]
