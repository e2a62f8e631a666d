"""The Pipelines API under load: many clients that poll, and starts that come twice.

A real Airflow (API server, scheduler, dag-processor and triggerer, on PostgreSQL) runs a pipeline of a Training and a
Condition step, whose job the local AWS endpoint ends at once. Three phases:

- ``alone``: one client, while nothing runs;
- ``paced``: once in ``--pace`` seconds each client calls DescribePipelineExecution and then ListPipelineExecutionSteps;
  meanwhile starts come at ``--starts`` a second, each sent twice at the same moment with one ClientRequestToken;
- ``unpaced``: each client calls again as soon as it has its answer. The runs that were started go on.

Then it waits for the end of every run, and judges: each call was answered with 200; each token gave one run; each run
is listed, has succeeded, and has made one training job. What does not hold is told, and the exit code is 1. Figures are
a Markdown table: latency as the client sees it, and SQL statements a call, which the API server counts
(``query_counter.py``). They are printed and written to ``--output``::

    .venv/bin/python bench/api_load.py [--clients 10] [--seconds 5]

PostgreSQL is found as in the tests: ``SM_PIPELINES_TEST_POSTGRES``. Clients and components share this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="bench-"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from airflow.configuration import conf
from botocore.credentials import ReadOnlyCredentials

from airflow_sm_pipelines.client import pipelines_client
from airflow_sm_pipelines.local.endpoint import REGION, LocalEndpoint
from bench import query_counter
from bench.polling_clients import POLLED, Load, Measured, measure
from bench.signed_calls import OK, outcomes, table
from tests.runs.harness import ROLE, condition, equals, get, pipeline, training
from tests.system.deployment import QUICKLY_MISSED, Deployment, deployed

NAME = "Load"
FAIL = {"Name": "Refuse", "Type": "Fail", "Arguments": {"ErrorMessage": "refused"}}
PIPELINE = pipeline(
    training("Train"),
    condition("Check", [equals(get("Parameters.Pass"), "yes")], [], [FAIL], DependsOn=["Train"]),
    Parameters=[{"Name": "Pass", "Type": "String", "DefaultValue": "yes"}],
)
ROOT = Path(__file__).resolve().parent.parent
OPTION = "AIRFLOW__SAGEMAKER_PIPELINES__"


def defaults_of(options: Sequence[str]) -> dict[str, str]:
    """Airflow's own values of options that the tests have set: under load those would take the living for dead."""
    found = {}
    for option in options:
        _, section, key = option.split("__")
        found[option] = str(conf.get_default_value(section.lower(), key.lower()))
    return found


def listed(sagemaker: Any) -> dict[str, str]:
    """The status of each execution of the pipeline, by its ARN."""
    pages = sagemaker.get_paginator("list_pipeline_executions").paginate(PipelineName=NAME)
    return {
        each["PipelineExecutionArn"]: each["PipelineExecutionStatus"]
        for page in pages
        for each in page["PipelineExecutionSummaries"]
    }


def wait_for_ends(deployment: Deployment, sagemaker: Any, seconds: float) -> dict[str, str]:
    """The statuses once nothing runs any more, or when the time is over."""
    deadline = time.monotonic() + seconds
    while "Executing" in (found := listed(sagemaker)).values() and time.monotonic() < deadline:
        deployment.processes.check_running()
        time.sleep(2)
    return found


def problems(measured: Measured, statuses: Mapping[str, str], runs: int, jobs: int, first: str) -> list[str]:
    """What does not hold, in words."""
    found = [
        f"{count} calls of {operation}: {outcome}"
        for (operation, outcome), count in sorted(outcomes(measured.caller.samples).items())
        if outcome != OK
    ]
    of_tokens = [set(start.arns) for start in measured.started]
    found += [
        f"the token {start.token} gave {start.arns}"
        for start, arns in zip(measured.started, of_tokens, strict=True)
        if len(arns) != 1
    ]
    expected = {arn for arns in of_tokens for arn in arns if arn is not None} | {first}
    total = len(measured.started) + 1
    counts = {
        "executions answered": len(expected),
        "executions listed": len(statuses),
        "runs in Airflow": runs,
        "training jobs": jobs,
    }
    found += [f"{what}: {count}, and not {total}" for what, count in counts.items() if count != total]
    found += [f"{arn} was answered, and is not listed" for arn in sorted(expected - statuses.keys())]
    not_succeeded = Counter(status for status in statuses.values() if status != "Succeeded")
    found += [f"{count} executions are {status}" for status, count in not_succeeded.items()]
    return found


def report(measured: Measured, load: Load, waited: float) -> str:
    """The figures, as Markdown."""
    asked = len(POLLED) * load.clients / load.pace
    text = (
        f"{load.clients} clients, {load.seconds:g} s a phase. `paced` asks for {asked:g} calls a second and sends"
        f" {load.starts:g} starts a second, each twice: {len(measured.started)} tokens. {os.cpu_count()} CPUs for"
        " Airflow with one process of the API server, PostgreSQL, the endpoint and the clients; clients and endpoint"
        f" took {measured.cpu_share:.0%} of one CPU. The wait for the ends of the runs was {waited:.0f} s. Queries are"
        " SQL statements that the API server sent for the call, by SQLAlchemy's event before_cursor_execute."
    )
    return f"{text}\n\n{table(measured.caller.samples)}"


def run(load: Load, end_seconds: float, folder: Path, output: Path) -> int:
    """The exit code."""
    import boto3

    plugins = folder / "plugins"
    plugins.mkdir()
    shutil.copy(query_counter.__file__, plugins)
    settings = {
        **defaults_of([*QUICKLY_MISSED]),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(plugins),
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "1",
        f"{OPTION}PIPELINES_API": "True",
        f"{OPTION}PIPELINES_API_REGION": REGION,
        f"{OPTION}PIPELINES_API_UNPAUSED": "True",
    }
    with (
        LocalEndpoint(scenario={}) as endpoint,
        deployed(folder / "airflow", {**endpoint.environment, **settings}, {}) as deployment,
    ):
        key_id, secret = deployment.access_key()
        url = f"{deployment.site.url}/sagemaker-api/v1"
        nobody = boto3.Session("none", "none")
        sagemaker = pipelines_client(url, key_id, secret, region_name=REGION, boto_session=nobody)
        sagemaker.create_pipeline(PipelineName=NAME, PipelineDefinition=json.dumps(PIPELINE), RoleArn=ROLE)
        first = sagemaker.start_pipeline_execution(PipelineName=NAME)["PipelineExecutionArn"]
        wait_for_ends(deployment, sagemaker, end_seconds)
        measured = asyncio.run(measure(f"{url}/", ReadOnlyCredentials(key_id, secret, None), REGION, [first], load))
        last_call = time.monotonic()
        statuses = wait_for_ends(deployment, sagemaker, end_seconds)
        text = report(measured, load, time.monotonic() - last_call)
        runs = deployment.airflow.call("GET", f"/dags/{NAME}/dagRuns", params={"limit": 1})["total_entries"]
        found = problems(measured, statuses, runs, len(endpoint.jobs("training")), first)
        if found:
            print(deployment.process("api-server").tail(), file=sys.stderr)
    verdict = "\n".join(["Not as it should be:", *(f"- {each}" for each in found)]) if found else "Nothing was lost."
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(f"{text}\n\n{verdict}\n")
    print(f"{text}\n\n{verdict}")
    return 1 if found else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, default=200, help="how many clients poll (200)")
    parser.add_argument("--seconds", type=float, default=30, help="how long a phase lasts (30)")
    parser.add_argument("--pace", type=float, default=2, help="seconds from one poll of a client to its next (2)")
    parser.add_argument("--starts", type=float, default=5, help="starts a second, each sent twice (5)")
    parser.add_argument("--end-seconds", type=float, default=1800, help="how long to wait for the runs' ends (1800)")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "api-load.md", help="where figures are written")
    options = parser.parse_args()
    load = Load(NAME, options.clients, options.seconds, options.pace, options.starts)
    if min(load.clients, load.seconds, load.pace, load.starts) <= 0:
        parser.error("--clients, --seconds, --pace and --starts have to be more than 0")
    with tempfile.TemporaryDirectory(prefix="api-load-") as folder:
        return run(load, options.end_seconds, Path(folder), options.output)


if __name__ == "__main__":
    sys.exit(main())
