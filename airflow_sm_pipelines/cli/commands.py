"""The commands and their arguments, once for the console script and for Airflow's command line. No heavy imports."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from airflow_sm_pipelines.cli.errors import USAGE_ERROR, CommandError

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
        """Run the command and tell what keeps it from being run; its module is imported only now."""
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
    return Argument(("--unsupported-steps",), text, {"choices": ("error", "placeholder"), "default": default})


def _values(default: str) -> Argument:
    text = "What a value is that AWS would refuse, error or warn; exceptions by code: error,value-enum=warn"
    return Argument(("--values",), text, {"default": default, "metavar": "SEVERITY"})


KEYS = Argument(
    ("--unsupported-keys",),
    "Whether a key that is not known is a warning or an error",
    {"choices": ("warn", "error"), "default": "warn"},
)
FILE = Argument(("file",), "A pipeline definition, or the describe-pipeline response around one", {"metavar": "FILE"})

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
    (FILE, _format("tree", "dot", "mermaid", "json"), _steps("placeholder"), KEYS, _values("warn")),
)
EXPLAIN = Command(
    "explain",
    "Explain step by step what a pipeline definition does in Airflow",
    "airflow_sm_pipelines.cli.explain",
    (
        FILE,
        Argument(("--step",), "Explain this step only", {"metavar": "NAME"}),
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
    (FILE, _steps("placeholder"), KEYS, _values("warn")),
)

COMMANDS = (LINT, LIST, SHOW, EXPLAIN, IAM)
