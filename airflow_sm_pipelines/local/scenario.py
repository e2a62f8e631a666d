"""What the jobs of the endpoint do: a JSON file or mapping. Every key is optional.

::

    {"defaults": {"duration": 0.2, "queued": 0.0, "stopping": 0.05},
     "jobs": [{"kind": "processing",             one of KINDS; absent: any kind
               "name": "*-Evaluate-*",           glob over the job's name, default "*"
               "times": 1,                       the rule is for so many jobs, then the next matching one is;
                                                 default: for all
               "duration": 1.0,                  seconds on the endpoint's clock from the job's start to its end
               "queued": 0.0,                    seconds before it starts
               "stopping": 0.05,                 seconds from a Stop call to Stopped
               "outcome": "Completed",           or "Failed", "Stopped"
               "failure_reason": "AlgorithmError: out of patience",
               "exit_message": "...",            processing
               "outputs": {"evaluation": {"evaluation.json": {"mse": 4.2}, "note.txt": {"text": "hello"}}},
                                                 files by output name, written below that output's S3Uri on
                                                 completion (processing; a transform or training job's
                                                 S3OutputPath, whatever the name); {"text": ...} is written as it is,
                                                 anything else as JSON
               "metrics": {"validation:rmse": 1.5},   training: FinalMetricDataList; tuning: also a list, one
                                                 value per training job
               "logs": ["line", ...],            CloudWatch log lines, written one after the other while the job
                                                 runs, by each of its hosts; a line that says its end follows
               "result": {"key": 1},             lambda: what the function answers; default null
               "error": {"errorType": "ValueError", "errorMessage": "no"},   lambda: or the error it ends with
               "describe": {...}}],              merged into the Describe response
     "s3": {"bucket": {"key": <as for outputs>,       objects put when the scenario is loaded; {"base64": ...} is bytes;
                       "code/": {"from_folder": "src"}}},     in a scenario file also of files beside it, see
                                                      scenario_files
     "runner": [...],                                 which jobs run their own code here: see runner_reader
     "existing": {"emr-cluster": ["j-123"]},          ids of what is there already: emr-cluster,
                                                      emr-serverless-application, model, endpoint
     "faults": [{"service": "sagemaker", "action": "DescribeTrainingJob", "name": "*", "times": 3, "skip": 0,
                 "error": {"code": "ThrottlingException", "message": "Rate exceeded", "status": 400},
                 "delay": 0.5, "drop": "before", "pause": "before"}],    see Fault; error and drop exclude each other
     "rates": [{"service": "sagemaker", "action": "Create*", "per_second": 1.0, "burst": 1}],    see Rate; calls beyond
                                                      it get a ThrottlingException, and meet no fault
     "events": {"queue": "job-events"}}               an SQS queue that gets an event of each training, processing,
                                                      transform and tuning job that begins and ends, as an
                                                      EventBridge rule does

The first rule that matches a job's kind and name, and is not used up, is the job's; the training jobs of a
tuning job are jobs like others here. Without a rule a job completes
after the default duration (a model package at once). A rule of the kind ``lambda`` is about the Invoke calls of the
functions of that name, and answers at once unless it has a duration; a function of which neither a rule nor Python
code (:meth:`LocalEndpoint.put_function`) is known does not exist.

EMR's kinds are ``emr-cluster`` (``name`` is its Name; ``queued`` until it is up, ``stopping`` until it is down, the
outcome Failed is a bootstrap failure) and ``emr-step``; those of EMR Serverless ``emr-serverless-application``
(``queued`` and ``stopping`` likewise) and ``emr-serverless-job``. Their records bear the ids that AWS gives.
"""

from __future__ import annotations

import base64
import fnmatch
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow_sm_pipelines.local.faults import Fault, read_fault
from airflow_sm_pipelines.local.json_text import JsonTextError, read_json
from airflow_sm_pipelines.local.limits import MAX_BODY_BYTES, MAX_COUNT, MAX_SECONDS
from airflow_sm_pipelines.local.rates import Rate, read_rate
from airflow_sm_pipelines.local.reader import Node, ScenarioError
from airflow_sm_pipelines.local.runner_reader import beside, read_runner
from airflow_sm_pipelines.local.scenario_files import CONTENT, FILE, FOLDER, with_files
from airflow_sm_pipelines.local_runner.rules import RunnerSettings

EXISTING_KINDS = ("emr-cluster", "emr-serverless-application")
EMR_KINDS = (*EXISTING_KINDS, "emr-step", "emr-serverless-job")
BEDROCK_KINDS = (
    *("bedrock-custom-model", "bedrock-custom-model-deployment", "bedrock-model-import-job"),
    "bedrock-provisioned-model-throughput",
)
KINDS = (
    *("processing", "training", "transform", "tuning", "automl", "job", "model-package"),
    *("endpoint", "inference-component", "lambda", *EMR_KINDS, *BEDROCK_KINDS),
)
OUTCOMES = ("Completed", "Failed", "Stopped")
RULE_KEYS = (
    *("kind", "name", "times", "duration", "queued", "stopping", "outcome", "failure_reason", "exit_message"),
    *("outputs", "metrics", "logs", "describe"),
    *("result", "error"),
)
Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Defaults:
    """Seconds on the endpoint's clock for jobs without a rule, or whose rule does not say."""

    duration: float = 0.2
    queued: float = 0.0
    stopping: float = 0.05


@dataclass(frozen=True)
class JobRule:
    """What happens to the jobs it matches; ``None`` means not said."""

    kind: str | None = None
    name: str = "*"
    times: int | None = None
    duration: float | None = None
    queued: float | None = None
    stopping: float | None = None
    outcome: str = "Completed"
    failure_reason: str | None = None
    exit_message: str | None = None
    outputs: Mapping[str, Files] = field(default_factory=dict)
    metrics: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    logs: tuple[str, ...] = ()
    describe: Mapping[str, Any] = field(default_factory=dict)
    result: Any = None
    error: Mapping[str, Any] | None = None

    def matches(self, kind: str, name: str) -> bool:
        """Whether this rule is about such a job."""
        return self.kind in (None, kind) and fnmatch.fnmatchcase(name, self.name)


@dataclass(frozen=True)
class Scenario:
    """A whole scenario, read and checked."""

    defaults: Defaults = Defaults()
    jobs: tuple[JobRule, ...] = ()
    s3: Mapping[str, Files] = field(default_factory=dict)
    existing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    rates: tuple[Rate, ...] = ()
    runner: RunnerSettings = field(default_factory=RunnerSettings)
    events_queue: str | None = None


def load_scenario(source: Path | Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The scenario's JSON object from a file, a mapping or nothing; raises :class:`ScenarioError`.

    Paths that a file names are relative to its folder, those of a mapping to the working directory.
    """
    if source is None:
        return {}
    if isinstance(source, Mapping):
        return source
    try:
        with source.open("rb") as file:
            text = file.read(MAX_BODY_BYTES + 1)
        if len(text) > MAX_BODY_BYTES:
            raise ScenarioError(f"{source}: a scenario has at most {MAX_BODY_BYTES} bytes")
        value = read_json(text)
    except FileNotFoundError:
        raise ScenarioError(f"{source}: no such scenario file") from None
    except OSError as error:
        raise ScenarioError(f"{source}: cannot be read: {error.strerror}") from None
    except JsonTextError as error:
        raise ScenarioError(f"{source}: {error}") from None
    if not isinstance(value, dict):
        raise ScenarioError(f"{source}: a scenario is a JSON object")
    folder = source.absolute().parent
    return with_files(beside(value, folder), folder)


def read_scenario(value: Mapping[str, Any]) -> Scenario:
    """Check a scenario's JSON object; raises :class:`ScenarioError` with the JSON path of what is wrong."""
    members = Node(value).only(("defaults", "jobs", "s3", "existing", "faults", "rates", "runner", "events"))
    return Scenario(
        defaults=_read_defaults(members["defaults"]) if "defaults" in members else Defaults(),
        jobs=tuple(_read_rule(node) for node in members["jobs"].items()) if "jobs" in members else (),
        s3=_read_files_by_name(members["s3"]) if "s3" in members else {},
        existing=_read_existing(members["existing"]) if "existing" in members else {},
        faults=tuple(read_fault(node) for node in members["faults"].items()) if "faults" in members else (),
        rates=tuple(read_rate(node) for node in members["rates"].items()) if "rates" in members else (),
        runner=read_runner(members["runner"]) if "runner" in members else RunnerSettings(),
        events_queue=_read_events(members["events"]) if "events" in members else None,
    )


def _read_defaults(node: Node) -> Defaults:
    members = node.only(("duration", "queued", "stopping"))
    return Defaults(**{key: value.number(0, MAX_SECONDS) for key, value in members.items()})


def _read_events(node: Node) -> str:
    members = node.only(("queue",))
    if "queue" not in members:
        raise node.fail("needs a queue")
    return members["queue"].name()


def _read_existing(node: Node) -> dict[str, tuple[str, ...]]:
    return {
        kind: tuple(name.name() for name in names.items())
        for kind, names in node.only((*EXISTING_KINDS, "model", "endpoint")).items()
    }


def _read_rule(node: Node) -> JobRule:
    members = node.only(RULE_KEYS)
    values: dict[str, Any] = {}
    for key, member in members.items():
        match key:
            case "kind":
                values[key] = member.one_of(KINDS)
            case "outcome":
                values[key] = member.one_of(OUTCOMES)
            case "name":
                values[key] = member.name()
            case "failure_reason" | "exit_message":
                values[key] = member.text()
            case "times":
                values[key] = member.integer(1, MAX_COUNT)
            case "outputs":
                values[key] = _read_files_by_name(member)
            case "metrics":
                values[key] = {name: _read_values(value) for name, value in member.members().items()}
            case "logs":
                values[key] = tuple(line.text() for line in member.items())
            case "describe" | "error":
                member.members()
                values[key] = member.data()
            case "result":
                values[key] = member.data()
            case _:
                values[key] = member.number(0, MAX_SECONDS)
    return JobRule(**values)


def _read_values(node: Node) -> tuple[float, ...]:
    if isinstance(node.value, list):
        return tuple(value.number() for value in node.items())
    return (node.number(),)


def _read_files_by_name(node: Node) -> dict[str, Files]:
    return {
        name: {path: _content(file) for path, file in files.members().items()} for name, files in node.members().items()
    }


def _content(node: Node) -> bytes:
    if isinstance(node.value, Mapping) and node.value.keys() == {"text"}:
        return node.members()["text"].text().encode()
    if isinstance(node.value, Mapping) and node.value.keys() == {CONTENT}:
        return _decoded(node.members()[CONTENT])
    if isinstance(node.value, Mapping) and node.value.keys() in ({FILE}, {FOLDER}):
        raise node.fail("is read below the s3 of a scenario that is a file, and nowhere else")
    return json.dumps(node.data()).encode()


def _decoded(node: Node) -> bytes:
    try:
        return base64.b64decode(node.text(MAX_BODY_BYTES * 2), validate=True)
    except ValueError:
        raise node.fail("is no base64") from None
