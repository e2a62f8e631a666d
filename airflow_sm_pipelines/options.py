"""The options of Airflow's config section ``[sagemaker_pipelines]``: names, types, defaults and descriptions, once.

Airflow's provider discovery reads them (:mod:`airflow_sm_pipelines.provider_info`), their values are read by
:mod:`airflow_sm_pipelines.settings`, and docs/settings.md is made from them. Airflow imports this early: keep it light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

SECTION = "sagemaker_pipelines"
PREFIX = f"AIRFLOW__{SECTION.upper()}__"
"""How the environment variable of an option begins."""


class Option(NamedTuple):
    """One option.

    ``type`` is string, boolean, integer, float, json (an object with texts as values) or list (comma-separated).
    ``default`` is the text that Airflow would read, None where the option is not set. ``choices`` are the values that
    a text may have, ``minimum`` is the least value of a number, and ``least_but_zero`` that of one that is 0 where the
    option is off. ``old_name`` is a name that is still read, with a
    warning. ``version_added`` counts for options that are not in :data:`IN_0_1`.
    """

    type: str
    default: str | None
    description: str
    example: str | None = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    least_but_zero: float | None = None
    old_name: str | None = None
    version_added: str = "0.2.0"


IN_0_1 = frozenset(
    {
        "assets",
        "aws_conn_id",
        "aws_max_attempts",
        "aws_retry_mode",
        "cache",
        "cache_entries",
        "callback_endpoint",
        "callback_reply_queue_url",
        "callback_timeout",
        "deferrable",
        "experiments",
        "extra_job_tags",
        "job_tags",
        "log_tail_lines",
        "parallelism",
        "poll_interval",
        "poll_interval_max",
        "pool_scope",
        "region_name",
        "role_arn",
        "unsupported_keys",
        "unsupported_steps",
    }
)
"""The options that version 0.1.0 had; others say in ``version_added`` when they came."""

SIDECAR_MAY = ("dag_id", "connection", "region", "roles", "executor_config", "callbacks", "templates", "replace")
"""What a file of settings beside a definition may only give where it is named."""

OPTIONS = {
    "aws_conn_id": Option(
        "string",
        "aws_default",
        "The Airflow connection with the AWS credentials. Where there is no aws_default, boto3's own credentials are"
        " used. A connection of another name must be there.",
    ),
    "region_name": Option(
        "string",
        None,
        "The AWS region. Where it is not set, the connection's region holds, and then AWS_DEFAULT_REGION.",
        example="eu-west-1",
    ),
    "role_arn": Option(
        "string",
        None,
        "The role that fills a missing RoleArn in the Arguments of a step, where the pipeline itself names none.",
        example="arn:aws:iam::123456789012:role/SageMakerExecutionRole",
    ),
    "deferrable": Option("boolean", "True", "Whether waiting for a job holds no worker."),
    "poll_interval": Option("float", "30", "Seconds between two looks at a job.", minimum=0.001),
    "poll_interval_max": Option(
        "float",
        "300",
        "The longest pause in seconds after looks at a job that failed (throttling, faults, lost connections).",
        minimum=0.001,
    ),
    "poll_by_list": Option(
        "boolean",
        "True",
        "Whether a triggerer that waits for several jobs of one kind asks by List calls which have changed, and looks"
        " only at those (docs/operations.md). Where it may not list them, and with False, it looks at each.",
    ),
    "job_events_queue_url": Option(
        "string",
        None,
        "The SQS queue into which an EventBridge rule puts the state changes of SageMaker jobs. A triggerer then looks"
        " at a job as soon as an event says that it has ended, and otherwise in its interval (docs/job-events.md).",
        example="https://sqs.eu-west-1.amazonaws.com/123456789012/sagemaker-job-events",
    ),
    "max_runtime_grace": Option(
        "float",
        "3600",
        "Seconds that a job may run on after the limit of its own request (MaxRuntimeInSeconds and the like) before its"
        " step stops it and fails. AWS ends a job at its limit; what it uploads then takes time that does not count.",
        minimum=0,
        old_name="stopping_slack",
    ),
    "log_tail_lines": Option(
        "integer",
        "30",
        "How many of the last lines of a job's CloudWatch log a failure shows. 0: logs are not read at all.",
        minimum=0,
    ),
    "aws_retry_mode": Option(
        "string",
        "standard",
        "botocore's retry mode: standard, adaptive or legacy.",
        choices=("standard", "adaptive", "legacy"),
    ),
    "aws_max_attempts": Option(
        "integer",
        "5",
        "How often botocore makes a call that fails, the first time included. A call that begins something is made"
        " once: its failures are for the retry policies.",
        minimum=1,
    ),
    "throttle_patience": Option(
        "float",
        "900",
        "Seconds for which a call that begins something is made again after AWS has throttled it, before that is a"
        " failure (Step.THROTTLING) that a retry policy counts. 0: a policy counts each.",
        minimum=0,
    ),
    "pace": Option(
        "list",
        "CreateProcessingJob=1, CreateTrainingJob=1",
        "How many calls of an API are made in a second at most, over all workers, for an account in a region"
        " (docs/pace.md). Permits come from Airflow's API server, at /sagemaker-pace. Empty: no pace.",
        example="CreateProcessingJob=1, CreateTrainingJob=1, CreateTransformJob=0.5",
    ),
    "max_lost_tries": Option(
        "integer",
        "3",
        "How many tries of a step may end without reporting a result (their worker died, say); they cost no attempt of"
        " a retry policy.",
        minimum=0,
        old_name="worker_deaths",
    ),
    "orphan_jobs_interval": Option(
        "float",
        "60",
        "Seconds between two looks of the triggerer for jobs that run on though their task has ended, since whoever"
        " was to stop them had died: it stops them. 0: it does not look.",
        minimum=0,
        old_name="unowned_jobs_interval",
    ),
    "janitor_interval": Option(
        "float",
        "600",
        "Seconds between two looks of the triggerer for pools and cached results that nothing needs any more: it"
        " removes them. 0: it does not look.",
        minimum=0,
        old_name="tidying_interval",
    ),
    "preload": Option(
        "boolean",
        "True",
        "Whether the scheduler imports what steps need before LocalExecutor forks its workers: their tasks start"
        " sooner. For Celery see docs/operations.md. Likewise the triggerer imports the triggers before it runs any.",
    ),
    "parallelism": Option(
        "integer",
        "0",
        "How many steps of a run may be at work at once, deferred ones included, where the pipeline itself does not"
        " say; 0 for any number.",
        minimum=0,
    ),
    "pool_scope": Option(
        "string",
        "run",
        "What shares the limit of parallelism. run: each run has a pool of its own, as in SageMaker. pipeline: all runs"
        " of a pipeline share one, which makes fewer pools, and fewer series of metrics.",
        choices=("run", "pipeline"),
    ),
    "job_tags": Option(
        "boolean",
        "True",
        "Whether jobs are tagged with their pipeline, step, execution, Dag and run. The credentials need"
        " sagemaker:AddTags.",
    ),
    "extra_job_tags": Option(
        "json",
        None,
        "Further tags for all jobs, as a JSON object. A tag that a definition gives its job wins.",
        example='{"team": "forecasting"}',
    ),
    "experiments": Option(
        "boolean",
        "True",
        "Whether jobs join the experiment of the pipeline's PipelineExperimentConfig, which is created where it is"
        " absent, and the MLflow experiment of its MlflowConfig.",
    ),
    "cache": Option(
        "boolean",
        "True",
        "Whether steps whose CacheConfig asks for it reuse earlier results. False: they always run, and keep none.",
    ),
    "cache_entries": Option(
        "integer",
        "50",
        "How many results of a step are kept for reuse; the oldest go first. Of the body of a ForEach step there are"
        " as many more as it has items.",
        minimum=1,
    ),
    "assets": Option(
        "string",
        "none",
        "Which outlets the tasks have, for other Dags to be scheduled on: none; models, the model package groups that"
        " RegisterModel steps add a version to; outputs, the S3 outputs of jobs; all.",
        choices=("none", "models", "outputs", "all"),
    ),
    "max_json_file_size": Option(
        "integer",
        "33554432",
        "The most bytes that a step reads of a file itself: one for Std:JsonGet, a report of violations, an analysis"
        " config. A larger file fails the step.",
        minimum=1,
    ),
    "max_xcom_text_length": Option(
        "integer",
        "1024",
        "The most characters of a text of a job's description that XCom holds, where no step of the definition refers"
        " to it; of a longer one it holds the beginning and a note (docs/semantics/results.md). 0: all of each.",
        minimum=0,
        least_but_zero=1024,
    ),
    "callback_reply_queue_url": Option(
        "string",
        None,
        "The SQS queue in which workers answer Callback steps. Where it is not set, they answer by the endpoint alone.",
        example="https://sqs.eu-west-1.amazonaws.com/123456789012/callback-replies",
    ),
    "callback_timeout": Option(
        "float", "604800", "Seconds after which a Callback step fails without an answer.", minimum=1
    ),
    "callback_endpoint": Option(
        "boolean",
        "True",
        "Whether Airflow's API server takes answers to Callback steps at /aws/sagemaker (no login: the token counts).",
    ),
    "callback_refusals_per_minute": Option(
        "integer",
        "300",
        "How many refused calls a minute that endpoint answers with the reason, in each process of the API server."
        " Further ones get a ThrottlingException. An answer that a step waits for is taken at any rate.",
        minimum=1,
    ),
    "pipelines_api": Option(
        "boolean",
        "False",
        "Whether Airflow's API server answers SageMaker's API of pipelines at /sagemaker-api/v1, to who has an access"
        " key (docs/pipelines-api.md).",
    ),
    "pipelines_api_region": Option(
        "string",
        None,
        "The region that requests to that API are signed for, and that its ARNs have. Where it is not set, that of"
        " region_name, and then AWS_DEFAULT_REGION.",
        example="eu-west-1",
    ),
    "pipelines_api_account_id": Option(
        "string",
        None,
        "The account in the ARNs of that API. Where it is not set, that of the pipeline's role.",
        example="123456789012",
    ),
    "pipelines_api_store": Option(
        "string",
        None,
        "Where that API keeps pipelines: a folder that is in a Dag bundle, or the URL of an object store. Where it is"
        " not set, the folder pipelines-api of the dags folder.",
        example="s3://airflow-pipelines/store",
    ),
    "pipelines_api_unpaused": Option(
        "boolean",
        "False",
        "Whether the Dag of a pipeline that is new in that API is not paused. One that somebody pauses later stays"
        " paused, and its starts are refused.",
    ),
    "pipelines_api_wait": Option(
        "float",
        "40",
        "Seconds that a start by that API waits for the dag-processor to read the pipeline's latest version, before it"
        " is answered with a ConflictException. Less than a client waits for an answer: boto3 does so for 60.",
        minimum=0,
    ),
    "api_refusals_per_minute": Option(
        "integer",
        "300",
        "How many requests a minute without a good signature the SageMaker Pipelines API answers with the reason, in"
        " each process of the API server. Further ones get a ThrottlingException. Who is known has no such rate.",
        minimum=1,
    ),
    "pages": Option(
        "boolean",
        "True",
        "Whether Airflow's API server has pages on a pipeline's definition and its runs, at /sagemaker-pipelines, for"
        " those who may see the same in Airflow, and a Dag's documentation links to them.",
    ),
    "handled_failures": Option(
        "string",
        "fail",
        "How a run ends in which a step ran upon the failure or stop of another (a Trigger in DependsOn): fail, or"
        " succeed where a step ran upon each failure of the run. SageMaker calls both CompletedWithFailures.",
        choices=("fail", "succeed"),
    ),
    "unsupported_steps": Option(
        "string",
        "error",
        "error: a step type that is not known is a finding. placeholder: it is a task that fails when reached.",
        choices=("error", "placeholder"),
    ),
    "values": Option(
        "string",
        "error",
        "What becomes of a value in a step's Arguments that the API model of AWS refuses: error refuses the definition,"
        " warn reports it. Exceptions by the code of the finding follow: error, value-pattern=warn.",
        example="error, value-pattern=warn",
    ),
    "unsupported_keys": Option(
        "string",
        "warn",
        "warn: a key that is not known is warned of and ignored. error: it is a finding.",
        choices=("warn", "error"),
    ),
    "not_secret": Option(
        "list",
        "*tokenizer*, max_*tokens",
        "Names whose values are no secrets, though Airflow's masker takes them for that (docs/security.md): globs, in"
        " upper or lower case.",
    ),
    "cleanup_prefixes": Option(
        "list",
        None,
        "Where a Cleanup step may delete objects though no folder of their path has the name of the step's job or the"
        " execution's id in it: S3 URIs of folders, where the bucket may be a glob. Empty: nowhere (docs/security.md).",
        example="s3://bucket/scratch/",
    ),
    "allowed_step_types": Option(
        "list",
        None,
        "The step types that a definition may have: globs. Empty: any (docs/security.md).",
        example="Processing, Training, Condition, Fail",
    ),
    "allowed_regions": Option(
        "list",
        None,
        "The AWS regions in which steps may run, and of which the functions and queues that a definition names may be:"
        " globs. Empty: any.",
        example="eu-*",
    ),
    "allowed_role_arns": Option(
        "list",
        None,
        "The roles that a definition may hand to AWS: globs of ARNs. Empty: any.",
        example="arn:aws:iam::123456789012:role/sagemaker/*",
    ),
    "allowed_lambda_arns": Option(
        "list",
        None,
        "The functions that a Lambda step may invoke: globs of ARNs without version or alias. Empty: any.",
        example="arn:aws:lambda:eu-west-1:123456789012:function:ml-*",
    ),
    "allowed_queue_urls": Option(
        "list",
        None,
        "The SQS queues to which a Callback step may send: globs of URLs. Empty: any.",
        example="https://sqs.eu-west-1.amazonaws.com/123456789012/ml-*",
    ),
    "allowed_s3_prefixes": Option(
        "list",
        None,
        "Where Airflow itself reads or writes in S3 for a definition (Std:JsonGet, the reports and analysis configs of"
        " checks): S3 URIs, each the beginning of what is allowed; the bucket's name may be a glob. Empty: anywhere.",
        example="s3://ml-artifacts/reports/, s3://sagemaker-eu-west-1-*/",
    ),
    "dag_ids": Option(
        "string",
        "stem",
        "What load_dags names a Dag after. stem: its pipeline or file. path: the folders below that of load_dags too:"
        " team__forecast.",
        choices=("stem", "path"),
    ),
    "sidecar_allows": Option(
        "list",
        None,
        "What files of settings beside definitions may give beyond schedule, parameters and the like: dag_id,"
        " connection, region, roles, executor_config, callbacks, templates, replace. Empty: none (docs/sidecars.md).",
        example="connection, replace",
        choices=SIDECAR_MAY,
    ),
}


def of_environment(name: str, environment: Mapping[str, str]) -> str:
    """The text of an option where Airflow itself is not asked: its environment variable's, else its default."""
    text = environment.get(f"{PREFIX}{name.upper()}")
    return (OPTIONS[name].default or "") if text is None else text
