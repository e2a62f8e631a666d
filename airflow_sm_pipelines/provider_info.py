"""What Airflow's provider discovery reads of this package. It is imported early: keep it free of other imports."""

from __future__ import annotations

from typing import Any


def _option(description: str, kind: str, default: str | None, example: str | None = None) -> dict[str, Any]:
    return {
        "description": description,
        "version_added": "0.1.0",
        "type": kind,
        "example": example,
        "default": default,
    }


OPTIONS = {
    "aws_conn_id": _option("The Airflow connection with the AWS credentials.", "string", "aws_default"),
    "region_name": _option(
        "The AWS region. Where it is not set, the connection's region holds, and then AWS_DEFAULT_REGION.",
        "string",
        None,
        "eu-west-1",
    ),
    "role_arn": _option(
        "The role that fills a missing RoleArn in the Arguments of a step, where the pipeline itself names none.",
        "string",
        None,
        "arn:aws:iam::123456789012:role/SageMakerExecutionRole",
    ),
    "deferrable": _option("Whether waiting for a job holds no worker.", "boolean", "True"),
    "poll_interval": _option("Seconds between two looks at a job.", "float", "30"),
    "poll_interval_max": _option(
        "The longest pause in seconds after looks at a job that failed (throttling, faults, lost connections).",
        "float",
        "300",
    ),
    "stopping_slack": _option(
        "Seconds that a job may outlive the limit of its own request (MaxRuntimeInSeconds and the like) before its step"
        " stops it and fails. AWS ends a job at its limit; what it uploads then takes time that does not count.",
        "float",
        "3600",
    ),
    "log_tail_lines": _option(
        "How many of the last lines of a job's CloudWatch log a failure shows. 0: logs are not read at all.",
        "integer",
        "30",
    ),
    "aws_retry_mode": _option("botocore's retry mode: standard, adaptive or legacy.", "string", "standard"),
    "aws_max_attempts": _option("How often botocore makes a call that fails, the first time included.", "integer", "5"),
    "worker_deaths": _option(
        "How many tries of a step may end by the death of their worker; they cost no attempt of a retry policy.",
        "integer",
        "3",
    ),
    "unowned_jobs_interval": _option(
        "Seconds between two looks of the triggerer for jobs that run on though their task has ended, since whoever was"
        " to stop them had died: it stops them. 0: it does not look.",
        "float",
        "60",
    ),
    "tidying_interval": _option(
        "Seconds between two looks of the triggerer for pools and cached results that nothing needs any more: it"
        " removes them. 0: it does not look.",
        "float",
        "600",
    ),
    "parallelism": _option(
        "How many steps of a run run at once, deferred ones included, where the pipeline itself does not say; 0 for any"
        " number.",
        "integer",
        "0",
    ),
    "pool_scope": _option(
        "What that limit is one of. run: each run has a pool of its own, as in SageMaker. pipeline: all runs of a"
        " pipeline share one, which makes fewer pools, and fewer series of metrics.",
        "string",
        "run",
    ),
    "job_tags": _option(
        "Whether jobs are tagged with their pipeline, step, execution, Dag and run. The credentials need"
        " sagemaker:AddTags.",
        "boolean",
        "True",
    ),
    "extra_job_tags": _option(
        "Further tags for all jobs, as a JSON object. A tag that a definition gives its job wins.",
        "string",
        None,
        '{"team": "forecasting"}',
    ),
    "experiments": _option(
        "Whether jobs join the experiment of the pipeline's PipelineExperimentConfig, which is created where it is"
        " absent, and the MLflow experiment of its MlflowConfig.",
        "boolean",
        "True",
    ),
    "cache": _option(
        "Whether steps whose CacheConfig asks for it reuse earlier results. False: they always run, and keep none.",
        "boolean",
        "True",
    ),
    "cache_entries": _option(
        "How many results of a step are kept for reuse; the oldest go first. Of the body of a ForEach step there are"
        " as many more as it has items.",
        "integer",
        "50",
    ),
    "assets": _option(
        "Which outlets the tasks have, for other Dags to be scheduled on: none; models, the model package groups that"
        " RegisterModel steps add a version to; outputs, the S3 outputs of jobs; all.",
        "string",
        "none",
    ),
    "callback_reply_queue_url": _option(
        "The SQS queue in which workers answer Callback steps. Where it is not set, they answer by the endpoint alone.",
        "string",
        None,
        "https://sqs.eu-west-1.amazonaws.com/123456789012/callback-replies",
    ),
    "callback_timeout": _option("Seconds after which a Callback step fails without an answer.", "float", "604800"),
    "callback_endpoint": _option(
        "Whether Airflow's API server takes answers to Callback steps at /aws/sagemaker (no login: the token counts).",
        "boolean",
        "True",
    ),
    "unsupported_steps": _option(
        "error: a step type that is not known is a finding. placeholder: it is a task that fails when reached.",
        "string",
        "error",
    ),
    "unsupported_keys": _option(
        "warn: a key that is not known is told and ignored. error: it is a finding.", "string", "warn"
    ),
}


def get_provider_info() -> dict[str, Any]:
    """The provider's registration (Airflow's provider_info schema)."""
    from airflow_sm_pipelines import __version__

    return {
        "package-name": "airflow-sm-pipelines",
        "name": "SageMaker Pipelines",
        "description": "Amazon SageMaker pipeline definitions as first-class Apache Airflow Dags.",
        "versions": [__version__],
        "config": {
            "sagemaker_pipelines": {
                "description": "How pipeline definitions become Dags and their steps run.",
                "options": OPTIONS,
            }
        },
        "extra-links": [
            "airflow_sm_pipelines.operators.links.AwsConsoleLink",
            "airflow_sm_pipelines.operators.links.JobLogLink",
            "airflow_sm_pipelines.operators.cache_link.CacheSourceLink",
        ],
        "cli": ["airflow_sm_pipelines.cli.airflow_commands.get_cli_commands"],
    }
