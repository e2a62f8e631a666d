"""What the triggerer does now and then: by threads that begin before it is known which component a process is."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from airflow_sm_pipelines.server.periodic import TRIGGERER, watch

SECONDS = 0.01
PATIENCE = 60


@pytest.fixture(autouse=True)
def interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__JANITOR_INTERVAL", str(SECONDS))


class Component:
    """A component that is asked for its type, which it knows when it has been asked a number of times."""

    def __init__(self, job_type: str, asked_in_vain: int) -> None:
        self._type = job_type
        self._in_vain = asked_in_vain
        self.told = threading.Event()

    @property
    def job_type(self) -> str | None:
        if self._in_vain > 0:
            self._in_vain -= 1
            return None
        self.told.set()
        return self._type


def watches() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "sagemaker-janitor_interval"]


def start(component: object, work: threading.Event) -> list[threading.Thread]:
    before = watches()
    watch(component, work.set, option="janitor_interval")
    return [thread for thread in watches() if thread not in before]


def end(component: Component, threads: list[threading.Thread]) -> None:
    component._type = "another"
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()


@pytest.mark.parametrize("asked_in_vain", [0, 1, 5])
def test_a_triggerer_does_it_also_where_it_is_known_late_that_it_is_one(asked_in_vain: int) -> None:
    # It imports triggers before its type is set, which takes longer than an interval may be.
    component, done = Component(TRIGGERER, asked_in_vain), threading.Event()
    threads = start(component, done)
    assert done.wait(PATIENCE)
    end(component, threads)


@pytest.mark.parametrize("asked_in_vain", [0, 2])
def test_another_component_does_not(asked_in_vain: int) -> None:
    component, done = Component("SchedulerJob", asked_in_vain), threading.Event()
    threads = start(component, done)
    assert component.told.wait(PATIENCE)
    end(component, threads)
    assert not done.is_set()


def test_what_fails_is_done_again() -> None:
    component, times, enough = Component(TRIGGERER, 0), [0], threading.Event()

    def work() -> None:
        times[0] += 1
        if times[0] == 1:
            raise RuntimeError("the database is away")
        enough.set()

    before = watches()
    watch(component, work, option="janitor_interval")
    assert enough.wait(PATIENCE)
    end(component, [thread for thread in watches() if thread not in before])


def test_a_tasks_process_is_no_component() -> None:
    assert start(SimpleNamespace(), threading.Event()) == []
