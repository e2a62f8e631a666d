"""``iam``: the IAM policy that a definition's steps need."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from airflow_sm_pipelines.cli.checking import plan_file, report_errors
from airflow_sm_pipelines.options import of_environment
from airflow_sm_pipelines.report.iam import policy_of

if TYPE_CHECKING:
    import argparse


def run(arguments: argparse.Namespace) -> int:
    """Print the policy document; a definition with errors has none: they are reported, and the exit status is 1."""
    checked = plan_file(arguments)
    if checked.plan is None:
        return report_errors(checked)
    queue = arguments.job_events_queue or of_environment("job_events_queue_url", os.environ)
    sys.stdout.write(json.dumps(policy_of(checked.plan, queue), indent=2) + "\n")
    return 0
