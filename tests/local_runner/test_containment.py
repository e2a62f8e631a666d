"""What a job can reach, and that nothing of it is left: processes, folders, files elsewhere."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines.local.client import EndpointClient
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from tests.guarded.plugin import ENVIRONMENT
from tests.local_runner.jobs import BUCKET, PATIENCE, Jobs, client_of, wait_until

# Its child is in a session of its own, and neither heeds SIGTERM.
STUBBORN = """
    import signal, subprocess, sys, time
    signal.signal(signal.SIGTERM, lambda *_: print("asked to end", flush=True))
    child = "signal.signal(signal.SIGTERM, signal.SIG_IGN); print('child', flush=True); time.sleep(600)"
    subprocess.Popen([sys.executable, "-c", "import signal, time; " + child, sys.argv[1]], start_new_session=True)
    while True:
        time.sleep(0.05)
"""


class Remote(EndpointClient):
    """An endpoint of another process, with clients for it."""

    def client(self, service: str, *, attempts: int = 3) -> Any:
        return client_of(self.url, service, attempts)


def processes_with(mark: str) -> list[int]:
    """The processes that have a word in their command line."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and mark.encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return found


@pytest.fixture
def mark() -> str:
    return f"mark-{uuid.uuid4().hex}"


@pytest.mark.usefixtures("bubblewrap")
def test_a_job_sees_no_home_and_writes_nowhere_but_to_its_folder(
    start_jobs: Callable[..., Jobs], tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    jobs = start_jobs("bubblewrap")
    port = jobs.endpoint.url.rpartition(":")[2]
    script = f"""
        import os, pathlib, socket
        for path in ({str(secret)!r}, {str(Path.home())!r} + "/.bashrc", "/etc/shadow", "/proc/1/environ"):
            print("reads", path.rpartition("/")[2], os.access(path, os.R_OK))
        print("home", os.listdir(os.path.expanduser("~")))
        for path in ("/usr/written", os.__file__ + ".written", "/etc/ssl/written", "/.runner/written"):
            try:
                pathlib.Path(path).write_text("x")
                print("wrote", path)
            except OSError as error:
                print(error.strerror)
        pathlib.Path("/written").write_text("x")
        pathlib.Path("/tmp/written").write_text("x")
        try:
            socket.create_connection(("127.0.0.1", {port}), 5)
        except OSError as error:
            print("network", error.strerror)
    """
    jobs.process("reaching", script)
    assert jobs.wait("reaching").status == "Completed", jobs.log("reaching")
    log = jobs.log("reaching")
    assert log[:3] == ["reads secret False", "reads .bashrc False", "reads shadow False"]
    assert log[4:] == ["home []", *["Read-only file system"] * 4, "network Connection refused"]
    assert not Path("/written").exists()
    assert not Path("/tmp/written").exists()


@pytest.mark.usefixtures("bubblewrap")
def test_a_job_that_may_use_the_network_reaches_the_endpoint(start_jobs: Callable[..., Jobs]) -> None:
    script = """
        import os, urllib.request
        print(urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/_local/health").status)
    """
    jobs = start_jobs("bubblewrap", {"run": "process", "network": True})
    jobs.process("asking", script)
    jobs.process("isolated", script, NetworkConfig={"EnableNetworkIsolation": True})
    assert jobs.wait("asking").status == "Completed", jobs.log("asking")
    assert jobs.log("asking") == ["200"]
    assert jobs.wait("isolated").status == "Failed"
    assert "KeyError: 'AWS_ENDPOINT_URL'" in jobs.log("isolated")


@pytest.mark.skipif(ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), 1) < 1, reason="no Landlock here")
def test_without_bubblewrap_a_job_writes_to_its_folder_only(start_jobs: Callable[..., Jobs], tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("before")
    script = f"""
        import multiprocessing, os, pathlib, tempfile
        for change in (
            lambda: pathlib.Path({str(tmp_path)!r}, "new").write_text("x"),
            lambda: pathlib.Path({str(there)!r}).write_text("x"),
            lambda: os.truncate({str(there)!r}, 0),
            lambda: os.unlink({str(there)!r}),
            lambda: os.rename({str(there)!r}, "moved"),
            lambda: os.mkdir({str(tmp_path)!r} + "/folder"),
            lambda: pathlib.Path("/" + "opt", "ml").mkdir(parents=True),
        ):
            try:
                change()
                print("changed")
            except OSError as error:
                print(type(error).__name__)
        tempfile.TemporaryFile().write(b"x")
        open(os.devnull, "w").write("x")
        multiprocessing.Lock()
        os.mkdir("own")
        os.rename("own", "opt/ml/moved")
    """
    jobs = start_jobs("paths")
    jobs.process("writing", script)
    assert jobs.wait("writing").status == "Completed", jobs.log("writing")
    log = jobs.log("writing")
    assert set(log) <= {"PermissionError", "FileExistsError", "OSError"}, log
    assert len(log) == 7
    assert there.read_text() == "before"
    assert sorted(tmp_path.iterdir()) == [there]


def test_what_a_job_links_to_is_its_own_and_never_ours(jobs: Jobs, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    script = f"""
        import os, pathlib
        out = pathlib.Path("/opt/ml/processing/out")
        (out / "file").symlink_to({str(tmp_path / "secret")!r})
        (out / "folder").symlink_to({str(tmp_path)!r})
        (out / "up").symlink_to("../../../../../../../../../../.." + {str(tmp_path / "secret")!r})
        (out / "own").symlink_to("real.txt")
        (out / "loop").symlink_to("loop")
        (out / "real.txt").write_text("own")
        (out / "slashes").symlink_to({f"/{tmp_path}/secret"!r})
        (out / "slashed").symlink_to({f"/{tmp_path}"!r})
    """
    jobs.process("linking", script, outputs={"out": f"s3://{BUCKET}/linking/out"})
    assert jobs.wait("linking").status == "Completed", jobs.log("linking")
    assert jobs.keys("linking/out/") == ["linking/out/own", "linking/out/real.txt"]


def test_a_key_with_dots_stays_in_the_folder(jobs: Jobs) -> None:
    jobs.put("data/../../../../../../../../../../tmp/outside-of-job.txt", "x")
    script = """
        import pathlib
        print(sorted(file.name for file in pathlib.Path("/opt/ml/processing/input").rglob("*.txt")))
    """
    jobs.process("dotted", script, inputs={"data": f"s3://{BUCKET}/data/"})
    assert jobs.wait("dotted").status == "Completed"
    assert not Path("/tmp/outside-of-job.txt").exists()


def test_stop_asks_then_kills_the_whole_tree(start_jobs: Callable[..., Jobs], isolation: str, mark: str) -> None:
    jobs = start_jobs(isolation, stop_seconds=3)
    jobs.process("stubborn", STUBBORN, arguments=[mark])
    jobs.wait_for_line("stubborn", "child")
    jobs.sagemaker.stop_processing_job(ProcessingJobName="stubborn")
    ended = jobs.wait("stubborn")
    assert (ended.status, ended.failure_reason) == ("Stopped", None)
    wait_until(lambda: not processes_with(mark), "nothing of the job runs")
    assert "asked to end" in jobs.log("stubborn")


def test_a_job_that_stops_its_guard_is_ended_all_the_same(
    start_jobs: Callable[..., Jobs], isolation: str, mark: str
) -> None:
    jobs = start_jobs(isolation, stop_seconds=0.1)
    script = """
        import os, signal, subprocess, sys, time
        child = [sys.executable, "-c", "import time; time.sleep(600)", sys.argv[1]]
        subprocess.Popen(child, start_new_session=True)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.kill(os.getppid(), signal.SIGSTOP)
        print("alone", flush=True)
        time.sleep(600)
    """
    jobs.process("alone", script, arguments=[mark])
    jobs.wait_for_line("alone", "alone")
    jobs.sagemaker.stop_processing_job(ProcessingJobName="alone")
    assert jobs.wait("alone").status == "Stopped"
    wait_until(lambda: not processes_with(mark), "nothing of the job runs")


def test_a_job_over_its_time_is_stopped(start_jobs: Callable[..., Jobs], isolation: str, mark: str) -> None:
    jobs = start_jobs(isolation, stop_seconds=0.2)
    jobs.process("slow", STUBBORN, arguments=[mark], StoppingCondition={"MaxRuntimeInSeconds": 3600})
    jobs.wait_for_line("slow", "child")
    jobs.endpoint.advance(3601)
    assert jobs.wait("slow").status == "Stopped"
    wait_until(lambda: not processes_with(mark), "nothing of the job runs")


def test_children_of_a_job_that_has_ended_end_with_it(jobs: Jobs, mark: str) -> None:
    script = """
        import subprocess, sys
        child = "import time; print('child', flush=True); time.sleep(600)"
        started = subprocess.Popen(
            [sys.executable, "-c", child, sys.argv[1]], start_new_session=True, stdout=subprocess.PIPE
        )
        started.stdout.readline()
    """
    jobs.process("leaving", script, arguments=[mark])
    assert jobs.wait("leaving").status == "Completed"
    wait_until(lambda: not processes_with(mark), "nothing of the job runs")


def test_a_reset_ends_what_runs(start_jobs: Callable[..., Jobs], isolation: str, mark: str) -> None:
    jobs = start_jobs(isolation, stop_seconds=3600)
    jobs.process("forgotten", STUBBORN, arguments=[mark])
    jobs.wait_for_line("forgotten", "child")
    jobs.endpoint.reset({})
    wait_until(lambda: not processes_with(mark), "nothing of the job runs")


def test_ten_jobs_at_once_leave_nothing(
    start_jobs: Callable[..., Jobs], isolation: str, mark: str, tmp_path: Path
) -> None:
    jobs = start_jobs(isolation, folder=str(tmp_path / "jobs"))
    script = """
        import pathlib, sys
        pathlib.Path("/opt/ml/processing/out/who.txt").write_text(sys.argv[2])
    """
    names = [f"job-{number}" for number in range(10)]
    for name in names:
        jobs.process(name, script, arguments=[mark, name], outputs={"out": f"s3://{BUCKET}/ten/{name}"})
    assert {jobs.wait(name).status for name in names} == {"Completed"}
    assert [jobs.get(f"ten/{name}/who.txt").decode() for name in names] == names
    wait_until(lambda: not list((tmp_path / "jobs").glob("endpoint-*/job-*")), "the folders are gone")
    wait_until(lambda: not processes_with(mark), "nothing of the job runs")


def test_memory_is_bounded(start_jobs: Callable[..., Jobs], isolation: str) -> None:
    jobs = start_jobs(isolation, {"run": "process", "memory_mb": 400})
    jobs.process("greedy", "print(len(bytearray(600 * 2**20)))")
    assert jobs.wait("greedy").status == "Failed"
    assert jobs.log("greedy")[-1] == "MemoryError"


def test_killing_the_endpoint_leaves_no_process_and_its_folder_goes_at_the_next_start(
    isolation: str, mark: str, tmp_path: Path
) -> None:
    base = tmp_path / "jobs"
    runner = {"isolation": isolation, "folder": str(base), "rules": [{"run": "process"}]}
    scenario = tmp_path / "scenario.json"
    scenario.write_text(json.dumps({"runner": runner}))
    command = [sys.executable, "-m", "airflow_sm_pipelines.local", "--port", "0", "--scenario", str(scenario)]
    endpoint: Any = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **ENVIRONMENT})
    try:
        url = endpoint.stdout.readline().split()[4]
        jobs = Jobs(Remote(url))
        jobs.process("orphan", STUBBORN, arguments=[mark])
        jobs.wait_for_line("orphan", "child")
        assert processes_with(mark)
    finally:
        endpoint.send_signal(signal.SIGKILL)
        endpoint.wait()
        endpoint.stdout.close()
    wait_until(lambda: not processes_with(mark), "nothing of the job runs")
    assert [found.name.rpartition("-")[0] for found in base.glob("endpoint-*/orphan-*")] == ["orphan"]
    with LocalEndpoint(scenario=scenario) as other:
        Jobs(other).process("next", "print('done')")
        assert other.wait("next", timeout=PATIENCE).status == "Completed"
        assert list(base.glob("endpoint-*/orphan-*")) == []
    assert list(base.glob("endpoint-*")) == []
