"""The commands and their arguments, once for the console script and for Airflow's command line. No heavy imports."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from airflow_sm_pipelines.cli.errors import USAGE_ERROR, CommandError
from airflow_sm_pipelines.options import OPTIONS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping


class Argument(Struct, frozen=True):
    """One argument: its names (or the one name of a positional) and the keywords that argparse takes."""

    names: tuple[str, ...]
    help: str
    keywords: Mapping[str, Any] = field(default_factory=dict)


class Command(Struct, frozen=True):
    """One command; ``module`` has a function ``run(arguments) -> exit status``."""

    name: str
    help: str
    module: str
    arguments: tuple[Argument, ...]

    def run_safely(self, arguments: argparse.Namespace) -> int:
        """Run the command and report what keeps it from being run; its module is imported only now."""
        try:
            status: int = import_module(self.module).run(arguments)
            sys.stdout.flush()
        except CommandError as error:
            sys.stderr.write(f"sm-pipelines {self.name}: {error}\n")
            return USAGE_ERROR
        except BrokenPipeError:
            # The reader (head, a pager) has seen enough; Python would complain once more as it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        return status


def _format(*choices: str) -> Argument:
    return Argument(
        ("--format",), f"How it is shown; {choices[0]} by default", {"choices": choices, "default": choices[0]}
    )


def _steps(default: str) -> Argument:
    text = "Whether a step of an unknown type is an error, or read as a placeholder"
    return Argument(
        ("--unsupported-steps",), text, {"choices": OPTIONS["unsupported_steps"].choices, "default": default}
    )


def _values(default: str) -> Argument:
    text = "What a value is that AWS would refuse, error or warn; exceptions by code: error,value-enum=warn"
    return Argument(("--values",), text, {"default": default, "metavar": "SEVERITY"})


KEYS = Argument(
    ("--unsupported-keys",),
    "Whether a key that is not known is a warning or an error",
    {"choices": OPTIONS["unsupported_keys"].choices, "default": "warn"},
)
FILE = Argument(("file",), "A pipeline definition, or a document that holds one", {"metavar": "FILE"})
PIPELINE = Argument(("--pipeline",), "Which pipeline of a template with several, by its dag id", {"metavar": "NAME"})

CONNECTION = Argument(("--aws-conn-id",), "The Airflow connection for AWS; the deployment's setting by default", {})


def with_connection(command: Command) -> Command:
    """The command as Airflow's command line has it."""
    return replace(command, arguments=(*command.arguments, CONNECTION))


LINT = Command(
    "lint",
    "Check pipeline definitions",
    "airflow_sm_pipelines.cli.lint",
    (
        Argument(("paths",), "Files, and folders of *.json files", {"nargs": "+", "metavar": "PATH"}),
        _format("text", "json", "github"),
        Argument(("--strict",), "Let warnings count as errors", {"action": "store_true"}),
        _steps("error"),
        KEYS,
        _values("error"),
    ),
)
LIST = Command(
    "list",
    "List the pipeline definitions of a folder",
    "airflow_sm_pipelines.cli.listing",
    (
        Argument(
            ("folder",), "The folder, by default the current one", {"nargs": "?", "default": ".", "metavar": "FOLDER"}
        ),
        _format("text", "json"),
        _steps("error"),
        KEYS,
        _values("error"),
    ),
)
SHOW = Command(
    "show",
    "Show the steps of a pipeline definition and their order",
    "airflow_sm_pipelines.cli.show",
    (FILE, PIPELINE, _format("tree", "dot", "mermaid", "json"), _steps("placeholder"), KEYS, _values("warn")),
)
EXPLAIN = Command(
    "explain",
    "Explain step by step what a pipeline definition does in Airflow",
    "airflow_sm_pipelines.cli.explain",
    (
        FILE,
        PIPELINE,
        Argument(("--step",), "Explain this step only", {"metavar": "NAME"}),
        _format("text", "json"),
        _steps("placeholder"),
        KEYS,
        _values("warn"),
    ),
)

DIFF = Command(
    "diff",
    "Show what two pipeline definitions do differently: steps, requests, parameters, policies, edges",
    "airflow_sm_pipelines.cli.diff",
    (
        Argument(("left",), "A pipeline definition, or a document that holds one", {"metavar": "A"}),
        Argument(("right",), "The one that is compared with it", {"metavar": "B"}),
        PIPELINE,
        _format("text", "json"),
        _steps("placeholder"),
        KEYS,
        _values("warn"),
    ),
)

IAM = Command(
    "iam",
    "Print the IAM policy that the steps of a pipeline definition need",
    "airflow_sm_pipelines.cli.iam",
    (
        FILE,
        PIPELINE,
        Argument(
            ("--job-events-queue",),
            "The URL of the queue with job events, by default that of the environment's setting job_events_queue_url",
            {"metavar": "URL"},
        ),
        _steps("placeholder"),
        KEYS,
        _values("warn"),
    ),
)

DRIFT = Command(
    "drift",
    "Show what is new in the installed SageMaker SDK and botocore",
    "airflow_sm_pipelines.cli.drift",
    (
        Argument(("--sdk",), "A folder with the SDK's packages, where another is meant", {"metavar": "FOLDER"}),
        Argument(("--botocore",), "botocore's folder of models (data), where another is meant", {"metavar": "FOLDER"}),
        _format("text", "json"),
        Argument(("--write",), "Take up what is new as looked at, in this checkout", {"action": "store_true"}),
    ),
)

SCHEMA = Command(
    "schema",
    "Print the JSON schema of files of settings (*.airflow.yaml), for editors",
    "airflow_sm_pipelines.cli.settings_schema",
    (),
)

INIT = Command(
    "init",
    "Write the loader file, the folder for pipeline definitions and a file of settings into a dags folder",
    "airflow_sm_pipelines.cli.init",
    (Argument(("folder",), "The dags folder, by default the current one", {"nargs": "?", "default": "."}),),
)

REGION = Argument(("--region",), "The AWS region; by default the one that boto3 finds", {"metavar": "NAME"})
PULL = Command(
    "pull",
    "Write the pipelines that are registered in SageMaker into a folder, as definitions",
    "airflow_sm_pipelines.cli.pull",
    (
        Argument(("names",), "Pipelines, by name or ARN", {"nargs": "*", "metavar": "NAME"}),
        Argument(("--all",), "All pipelines of the account and region", {"action": "store_true"}),
        Argument(
            ("--tag",),
            "Those with this tag; several times: with each of them",
            {"action": "append", "default": [], "metavar": "KEY=VALUE"},
        ),
        Argument(("--folder",), "Where to; pipelines by default", {"default": "pipelines", "metavar": "FOLDER"}),
        Argument(
            ("--prune",),
            "Remove what an earlier pull has written and this one does not name",
            {"action": "store_true"},
        ),
        Argument(
            ("--overwrite",),
            "Write also over files that pull has not written, or that were edited since",
            {"action": "store_true"},
        ),
        Argument(("--dry-run",), "Show what would be done, and write nothing", {"action": "store_true"}),
        REGION,
        _format("text", "json"),
    ),
)

COMPARE = Command(
    "compare",
    "Show where an execution of SageMaker Pipelines differs from what Airflow would do",
    "airflow_sm_pipelines.cli.compare",
    (
        Argument(("name",), "The pipeline", {"metavar": "NAME"}),
        Argument(("--execution",), "The execution", {"required": True, "metavar": "ARN"}),
        Argument(("--definition",), "A definition that Airflow would run in the place of its own", {"metavar": "FILE"}),
        PIPELINE,
        CONNECTION,
        _format("text", "json"),
    ),
)

RUN = Command(
    "run",
    "Run a pipeline definition once, against a local AWS endpoint or AWS, without a deployment",
    "airflow_sm_pipelines.cli.run",
    (
        FILE,
        PIPELINE,
        Argument(("--conf",), "Values of parameters, as a JSON object", {"metavar": "JSON"}),
        Argument(
            ("--aws",), "Run the jobs in AWS; by default a local endpoint stands for it", {"action": "store_true"}
        ),
        Argument(("--scenario",), "JSON file that says what the local endpoint's jobs do", {"metavar": "FILE"}),
        Argument(("--endpoint",), "A local endpoint that runs already", {"metavar": "URL"}),
        Argument(
            ("--keep",),
            "Keep the folders of jobs that really run here (by the scenario's runner)",
            {"action": "store_true"},
        ),
        Argument(
            ("--debug",),
            "When the job of this step has failed here, open a shell in its folder",
            {"metavar": "STEP"},
        ),
        CONNECTION,
        Argument(("--region",), "The AWS region; the deployment's setting by default", {}),
        Argument(("--home",), "Where the run's Airflow lives; temporary by default", {"metavar": "FOLDER"}),
        Argument(("--plain",), "Lines in the place of the table", {"action": "store_true"}),
    ),
)

COMMANDS = (LINT, LIST, SHOW, EXPLAIN, DIFF, IAM, SCHEMA, DRIFT, INIT)
ASKING_AWS = (PULL,)
"""Those that ask AWS: the console script by boto3's own credentials, Airflow's command line by a connection."""
WITH_AIRFLOW = (*(with_connection(command) for command in ASKING_AWS), COMPARE, RUN)
"""Those of Airflow's command line alone: they run Airflow, or take a connection of it."""
