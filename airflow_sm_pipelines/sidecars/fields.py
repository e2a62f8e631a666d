"""The settings that a file may have, once: for reading it, for its JSON schema and for what ``explain`` shows."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

from airflow_sm_pipelines.definition.limits import MAX_ID_LENGTH, MAX_LOST_TRIES, MAX_OWNER_LENGTH, MAX_POOL_LENGTH
from airflow_sm_pipelines.sidecars import kinds
from airflow_sm_pipelines.sidecars.kinds import Kind, count_from
from airflow_sm_pipelines.sidecars.layers import Key
from airflow_sm_pipelines.sidecars.replacements import REPLACE
from airflow_sm_pipelines.sidecars.schedule_kind import SCHEDULE

TEMPLATES = "templates"
MAX_PRIORITY = 2**31 - 1


class Setting(Struct, frozen=True):
    """One setting: its type, what it is, and the name by which ``sidecar_allows`` has to allow it, None for any file.

    ``key`` is the argument of the Dag that it gives.
    """

    kind: Kind
    about: str
    key: Key
    allowed_by: str | None = None


OF_DAG: Mapping[str, Setting] = MappingProxyType(
    {
        "schedule": Setting(
            SCHEDULE,
            "A cron expression or preset; assets: [...] (all of them) or any_asset: [...], by URI or name; null: none.",
            ("schedule",),
        ),
        "start_date": Setting(
            kinds.MOMENT, "The date of the first run, and the time zone of the schedule.", ("start_date",)
        ),
        "catchup": Setting(kinds.BOOLEAN, "Whether the runs since start_date that were missed are made.", ("catchup",)),
        "tags": Setting(kinds.TAGS, "The Dag's tags.", ("tags",)),
        "owner": Setting(kinds.name_up_to(MAX_OWNER_LENGTH), "Who owns the Dag.", ("default_args", "owner")),
        "parameters": Setting(
            kinds.BY_NAME, "Values that take the place of the parameters' defaults.", ("parameters",)
        ),
        "cache": Setting(kinds.BOOLEAN, "Whether steps reuse earlier results, as their CacheConfig says.", ("cache",)),
        "assets": Setting(
            kinds.choice_of("none", "models", "outputs", "all"), "Which outlets the tasks have.", ("assets",)
        ),
        "dag_id": Setting(kinds.DAG_ID, "The Dag's id.", ("dag_id",), "dag_id"),
        "aws_conn_id": Setting(
            kinds.name_up_to(MAX_ID_LENGTH),
            "The Airflow connection with the credentials.",
            ("aws_conn_id",),
            "connection",
        ),
        "region_name": Setting(kinds.NAME, "The AWS region.", ("region_name",), "region"),
        "role_arn": Setting(kinds.NAME, "The role that fills a missing RoleArn.", ("role_arn",), "roles"),
        "roles": Setting(kinds.TEXT_BY_NAME, "Roles that stand for those of the definition.", ("roles",), "roles"),
        "replace": Setting(
            REPLACE,
            "Beginnings of texts of the definition, at JSON paths.",
            ("replace",),
            "replace",
        ),
        "on_success_callback": Setting(
            kinds.DOTTED,
            "What is called when a run succeeds: a dotted path.",
            ("on_success_callback",),
            "callbacks",
        ),
        "on_failure_callback": Setting(
            kinds.DOTTED, "What is called when a run fails: a dotted path.", ("on_failure_callback",), "callbacks"
        ),
    }
)

OF_STEPS: Mapping[str, Setting] = MappingProxyType(
    {
        "pool": Setting(kinds.name_up_to(MAX_POOL_LENGTH), "The Airflow pool whose slots the steps take.", ("pool",)),
        "queue": Setting(kinds.name_up_to(MAX_POOL_LENGTH), "The queue of the workers that run the steps.", ("queue",)),
        "priority_weight": Setting(
            count_from(-MAX_PRIORITY, MAX_PRIORITY), "Which of the tasks that wait comes first.", ("priority_weight",)
        ),
        "execution_timeout": Setting(
            kinds.DURATION, "Seconds, or a time such as 2h30m, after which a step is stopped.", ("execution_timeout",)
        ),
        "retries": Setting(
            count_from(0, MAX_LOST_TRIES),
            "How many tries of a step may be lost to workers that died. SageMaker's failures are for RetryPolicies.",
            ("retries",),
        ),
        "executor_config": Setting(
            kinds.PLAIN, "What the executor gets for the steps' tasks.", ("executor_config",), "executor_config"
        ),
        **{
            f"on_{when}_callback": Setting(
                kinds.DOTTED,
                f"What is called {words}: a dotted path.",
                (f"on_{when}_callback",),
                "callbacks",
            )
            for when, words in (
                ("execute", "before a step runs"),
                ("success", "when a step has succeeded"),
                ("failure", "when a step has failed"),
                ("retry", "when a step is tried again"),
                ("skipped", "when a step is skipped"),
            )
        },
    }
)
