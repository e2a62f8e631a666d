"""What the version before has left in Airflow's database is read: records, triggers, events and cached results.

The samples were written by the code of commit 7253206, before the modules moved.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from airflow.triggers.base import BaseTrigger

from airflow_sm_pipelines.cache.entry import CacheEntry
from airflow_sm_pipelines.callbacks.message import SUCCESS, Answer
from airflow_sm_pipelines.callbacks.store import SentMessage
from airflow_sm_pipelines.callbacks.trigger import CallbackTrigger
from airflow_sm_pipelines.callbacks.waiting import CallbackEnd, CallbackEvent
from airflow_sm_pipelines.jobs.record import Phase, StepRecord, TryFacts
from airflow_sm_pipelines.jobs.trigger import JobTrigger
from airflow_sm_pipelines.jobs.waiting import WaitEnd
from airflow_sm_pipelines.step_types.baselines import Check
from airflow_sm_pipelines.step_types.stop_target import (
    ApplicationTarget,
    JobTarget,
    MessageTarget,
    read_stop_target,
)

WRITTEN = json.loads((Path(__file__).parent / "written_by_0_1.json").read_text())
ACCESS = WRITTEN["triggers"]["JobTrigger"][1]["access"]
NEXT_TRY = TryFacts("0" * 64, max_tries=13, try_number=2, now=1764300100.0)


def record(name: str) -> StepRecord:
    return StepRecord.from_json(WRITTEN["records"][name])


@pytest.mark.parametrize("name", WRITTEN["records"])
def test_a_record_is_read_and_written_as_it_was(name: str) -> None:
    assert record(name).to_json() == WRITTEN["records"][name]


@pytest.mark.parametrize(
    ("name", "is_new_attempt", "lost_tries"),
    [
        ("begun", False, 1),
        ("submitted", False, 1),
        ("failed", False, 1),
        ("retried", True, 0),
        ("lost", False, 3),
        ("given up", False, 1),
        ("delivered", False, 1),
    ],
)
def test_the_next_try_goes_on_with_a_record(name: str, is_new_attempt: bool, lost_tries: int) -> None:
    before, after = record(name), StepRecord.begin(record(name), NEXT_TRY)
    assert (after.token != before.token) is is_new_attempt
    assert (after.phase, after.lost_tries, after.active_try) == (Phase.SUBMITTING, lost_tries, 2)


def test_what_a_record_says_of_how_to_stop_its_job_is_read() -> None:
    targets = {name: read_stop_target(record(name).stop_target) for name in WRITTEN["records"]}
    jobs = {name: target for name, target in targets.items() if isinstance(target, JobTarget)}
    requests = {name: (job.kind.stop, job.kind.stopped_by(job.name)) for name, job in jobs.items()}
    stop_training = ("StopTrainingJob", {"TrainingJobName": "pipelines-exec12345678-Train-tokentoken"})
    assert requests == {
        "submitted": stop_training,
        "lost": stop_training,
        "given up": stop_training,
        "EMR step": ("CancelSteps", {"ClusterId": "j-1", "StepIds": ["s-1"]}),
        "EMR cluster": ("TerminateJobFlows", {"JobFlowIds": ["j-1"]}),
        "EMR Serverless run": ("CancelJobRun", {"applicationId": "00a", "jobRunId": "00r"}),
    }
    assert [jobs[name].can_be_described for name in ("EMR step", "EMR cluster")] == [True, False]
    assert targets["EMR Serverless application"] == ApplicationTarget("00a", ACCESS)
    assert targets["callback"] == MessageTarget(ACCESS)
    assert targets["delivered"] is None


def loaded(name: str) -> BaseTrigger:
    """A trigger as the triggerer makes it of what is stored."""
    path, arguments = WRITTEN["triggers"][name]
    module, _, class_name = path.rpartition(".")
    trigger: BaseTrigger = getattr(import_module(module), class_name)(**arguments)
    return trigger


@pytest.mark.parametrize("name", WRITTEN["triggers"])
def test_a_deferred_trigger_is_loaded_by_its_old_path(name: str) -> None:
    trigger = loaded(name)
    path, arguments = trigger.serialize()
    old = WRITTEN["triggers"][name][1]
    assert {key: arguments[key] for key in old} == json.loads(json.dumps(old))
    assert path.startswith(("airflow_sm_pipelines.jobs.", "airflow_sm_pipelines.callbacks."))
    module, _, class_name = path.rpartition(".")
    again: BaseTrigger = getattr(import_module(module), class_name)(**json.loads(json.dumps(arguments)))
    assert again.serialize() == (path, arguments)


def test_the_old_trigger_of_an_own_application_knows_it() -> None:
    trigger = loaded("OwnApplicationTrigger")
    assert isinstance(trigger, JobTrigger)
    assert trigger.application == "00a"
    assert isinstance(loaded("CallbackTrigger"), CallbackTrigger)


def test_events_are_read() -> None:
    assert WaitEnd(WRITTEN["events"]["job"]["end"]) is WaitEnd.ENDED
    assert WaitEnd(WRITTEN["events"]["job overdue"]["end"]) is WaitEnd.OVERDUE
    answer = Answer(SUCCESS, {"n": "1"})
    assert CallbackEvent.from_json(WRITTEN["events"]["callback"]) == CallbackEvent(CallbackEnd.ANSWERED, answer)


def test_a_cached_result_is_read() -> None:
    entry = CacheEntry.from_json(WRITTEN["cache entry"])
    assert entry is not None
    assert (entry.run_id, entry.result["TrainingJobStatus"]) == ("manual__1", "Completed")
    assert entry.to_json() == WRITTEN["cache entry"]


def test_what_a_step_keeps_beside_its_record_is_read() -> None:
    assert SentMessage.from_json(WRITTEN["sending"]).attempt == "tokentoken"
    assert Check.from_json(WRITTEN["check"]).to_json() == WRITTEN["check"]


OLD_OPERATORS = [
    ("base", "StepOperator"),
    ("job", "JobStepOperator"),
    ("training", "TrainingStepOperator"),
    ("emr_serverless", "EmrServerlessStepOperator"),
    ("bedrock", "BedrockModelImportStepOperator"),
    ("callback", "CallbackStepOperator"),
]


@pytest.mark.parametrize(("module", "name"), OLD_OPERATORS)
def test_an_operator_is_found_by_its_old_path_with_a_warning(module: str, name: str) -> None:
    old = import_module(f"airflow_sm_pipelines.steps.{module}")
    with pytest.warns(DeprecationWarning, match=rf"steps\.{module}\.{name} is airflow_sm_pipelines\.operators\."):
        found: Any = getattr(old, name)
    assert found.__name__ == name
    with pytest.raises(AttributeError):
        _ = old.nothing


def test_other_old_modules_are_not_there() -> None:
    with pytest.raises(ModuleNotFoundError):
        import_module("airflow_sm_pipelines.steps.killed")
