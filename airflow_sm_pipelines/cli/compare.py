"""``airflow sm-pipelines compare``: an execution of SageMaker Pipelines beside what Airflow would send."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.cli.aws_clients import reporting_aws_errors
from airflow_sm_pipelines.cli.checking import plan_file, report_errors
from airflow_sm_pipelines.cli.errors import USAGE_ERROR, CommandError
from airflow_sm_pipelines.cli.lint import counted
from airflow_sm_pipelines.cli.terminal import write_lines
from airflow_sm_pipelines.comparing.service import Execution, ExecutionArn, read_execution
from airflow_sm_pipelines.definition.findings import DefinitionError
from airflow_sm_pipelines.graph import plan
from airflow_sm_pipelines.report.json_diff import display_text
from airflow_sm_pipelines.store.registered import configuration
from airflow_sm_pipelines.validation.severities import severities_of

if TYPE_CHECKING:
    from airflow_sm_pipelines.comparing.comparison import ComparedStep
    from airflow_sm_pipelines.graph import Plan
    from airflow_sm_pipelines.settings import Settings


def run(arguments: argparse.Namespace) -> int:
    """Compare them; 0 is equal, 1 different, 2 wrong usage, a definition with errors, or no answer of AWS."""
    from airflow_sm_pipelines.aws.access import AwsAccess
    from airflow_sm_pipelines.comparing.comparison import Verdict, compare
    from airflow_sm_pipelines.operators.masking import Masking
    from airflow_sm_pipelines.settings import SettingError, read_settings

    try:
        arn = ExecutionArn.of(arguments.execution)
        settings = read_settings()
    except (ValueError, SettingError) as error:
        raise CommandError(str(error)) from None
    if arn.pipeline.lower() != arguments.name.lower():
        raise CommandError(f"the execution is one of the pipeline {arn.pipeline!r}, and not of {arguments.name!r}")
    conn_id = settings.aws_conn_id if arguments.aws_conn_id is None else arguments.aws_conn_id or None
    access = AwsAccess(conn_id, arn.region, None, configuration(settings.aws_max_attempts))
    with reporting_aws_errors():
        execution = read_execution(access.client("sagemaker"), arn)
        planned = _plan_of(arguments, execution, settings)
        if planned is None:
            return USAGE_ERROR
        is_secret = Masking(settings.not_secret).is_secret
        found = compare(planned, execution, settings, access, access.client, is_secret)
    if arguments.format == "json":
        sys.stdout.write(json.dumps(_document(execution, found), indent=2, ensure_ascii=False) + "\n")
    else:
        write_lines(_lines(execution, found))
    return 1 if any(step.verdict is Verdict.DIFFERENT for step in found) else 0


def _plan_of(arguments: argparse.Namespace, execution: Execution, settings: Settings) -> Plan | None:
    """The definition that the execution ran, or the file that is to take its place; None where it has errors."""
    options: dict[str, Any] = {
        "unsupported_steps": "placeholder",
        "unsupported_keys": settings.unsupported_keys,
        "values": "warn",
    }
    if arguments.definition is not None:
        checked = plan_file(argparse.Namespace(file=arguments.definition, pipeline=arguments.pipeline, **options))
        if checked.plan is None:
            report_errors(checked)
        return checked.plan
    document = {"PipelineName": execution.arn.pipeline, "PipelineDefinition": execution.definition}
    if execution.role_arn is not None:
        document["RoleArn"] = execution.role_arn
    try:
        return plan(document, unsupported_steps="placeholder", values=severities_of("warn"))
    except DefinitionError as error:
        sys.stderr.write(f"{error}\n")
        return None


def _lines(execution: Execution, found: Sequence[ComparedStep]) -> Iterator[str]:
    from airflow_sm_pipelines.comparing.comparison import Verdict

    width = max((len(step.name) for step in found), default=0)
    for step in found:
        status = "-" if step.service is None else step.service.status
        note = f"  ({step.outcome.reason})" if step.outcome.reason else ""
        yield f"{step.verdict.value:<12}  {step.name:<{width}}  {step.type}  {status}{note}"
        for one in step.outcome.differences:
            yield f"    {one.path}: the service {display_text(one.left)}, Airflow {display_text(one.right)}"
    counts = {verdict: sum(step.verdict is verdict for step in found) for verdict in Verdict}
    summary = ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items() if count)
    yield f"{execution.arn.id} ({execution.status}), {counted(len(found), 'step')}: {summary or 'none'}"
    unseen = sorted({name for step in found for name in step.outcome.unseen})
    if unseen:
        yield f"Not shown by the service, and not compared: {', '.join(unseen)}"


def _document(execution: Execution, found: Sequence[ComparedStep]) -> dict[str, Any]:
    from airflow_sm_pipelines.comparing.comparison import Verdict

    return {
        "pipeline": execution.arn.pipeline,
        "execution": execution.arn.text,
        "status": execution.status,
        "equal": not any(step.verdict is Verdict.DIFFERENT for step in found),
        "steps": [
            {
                "name": step.name,
                "type": step.type,
                "verdict": step.verdict.value,
                "service": None if step.service is None else {"status": step.service.status, "job": step.service.job},
                "airflow": {"runs": step.would_run},
                "differences": [one.to_json("service", "airflow") for one in step.outcome.differences],
                **({"reason": step.outcome.reason} if step.outcome.reason else {}),
                "not_told": list(step.outcome.unseen),
            }
            for step in found
        ],
    }
