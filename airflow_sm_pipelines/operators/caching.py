"""The step cache in the life of a step: looked at before anything is made, written when the step has succeeded."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.aws.access import AwsIdentity
from airflow_sm_pipelines.cache.entry import CacheEntry, oldest_allowed
from airflow_sm_pipelines.cache.key import changed, digest, key_attributes, key_of
from airflow_sm_pipelines.cache.store import StepCache, cache_asset
from airflow_sm_pipelines.definition.durations import parse_duration
from airflow_sm_pipelines.expressions.scope import JOB_KEY
from airflow_sm_pipelines.expressions.stringify import to_text
from airflow_sm_pipelines.expressions.values import resolve
from airflow_sm_pipelines.jobs.identity import iso_time
from airflow_sm_pipelines.operators.additions import account_in
from airflow_sm_pipelines.operators.request import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.expressions.scope import TaskScope
    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.operators.job import JobStepOperator
    from airflow_sm_pipelines.operators.job_end import EndingJobOperator
    from airflow_sm_pipelines.settings import Settings
    from airflow_sm_pipelines.step_types.step_type import StepType


def may_cache(step: Step, step_type: StepType | None, settings: Settings) -> bool:
    """Whether results of a step may be reused: what its CacheConfig, its type and the deployment say of it."""
    config = step.cache
    if step_type is None or not step_type.cached or config is None or not settings.cache:
        return False
    return config.enabled is not False and config.expire_after is not None


def cache_attributes(
    operator: JobStepOperator, arguments: Mapping[str, Json], scope: TaskScope
) -> dict[str, str] | None:
    """The digests by which a result of this step is found again; None where it is not cached."""
    step, step_type = operator.step, operator.step_type
    if not may_cache(step, step_type, operator.settings) or step.cache is None:
        return None
    if to_text(resolve(step.cache.enabled, scope)).lower() != "true":
        return None
    settings = {name: resolve(step.settings.get(name), scope) for name in step_type.cache_key.settings}
    attributes = {**dict(key_attributes(step_type, arguments, settings)), **_place(operator, arguments)}
    return {path: digest(value) for path, value in attributes.items()}


def _place(operator: JobStepOperator, arguments: Mapping[str, Json]) -> dict[str, Json]:
    """The attributes that no definition has: a result of another account, region or endpoint is none here.

    The endpoint tells the local one from AWS. No call is made: the account is known where a role tells it.
    """
    return {
        "AWS connection": operator.aws_conn_id,
        "AWS region": AwsIdentity(operator.access).region,
        "AWS endpoint": operator.access.client(operator.kind.service).meta.endpoint_url,
        "AWS account": account_in(operator, arguments),
    }


def reused(operator: JobStepOperator, context: Context, client: Any) -> dict[str, Json] | None:
    """The result of an earlier run that stands for this step's, delivered as its own; None where its job has to run.

    A result of this very run is not looked for: its task was cleared to run again.
    """
    attributes = operator.record.cache_attributes
    if attributes is None:
        return None
    try:
        entry = _find(operator, context, attributes)
    except Exception as error:  # noqa: BLE001 # whatever ails the store, the step can do without
        operator.log.warning("The step cache could not be read, so the job runs: %s", error)
        return None
    if entry is None:
        return None
    source: dict[str, Json] = {"run_id": entry.run_id, "succeeded_at": _iso(entry.succeeded_at)}
    operator.log.info(
        "Cache hit: the result of the run %s is used (%s, succeeded at %s); no job runs",
        entry.run_id,
        entry.job.get("job_name"),
        source["succeeded_at"],
    )
    context["ti"].xcom_push(key=JOB_KEY, value={**entry.job, "cache_source": source})
    _show(operator, source, entry)
    # The links of the task lead to the old job.
    known: Any = entry.job.get("asked_with") or {}
    operator.amend(job_name=str(entry.job.get("job_name")), identifiers=known)
    operator.show_links(context, client)
    # The record names no job: a later try, should this one die unheard, looks at the cache again. And this task has
    # read and written nothing.
    operator.amend(job_name="", identifiers={})
    operator.config = {}
    operator.deliver(context)
    return entry.result


def remember(operator: EndingJobOperator, context: Context, result: dict[str, Json], job: dict[str, Json]) -> None:
    """Keep the result of a step that succeeded, under what was resolved when its job was submitted."""
    attributes, config = operator.record.cache_attributes, operator.step.cache
    if attributes is None or config is None or config.expire_after is None:
        return
    now = datetime.now(UTC)
    entry = CacheEntry(context["dag_run"].run_id, now.timestamp(), attributes, job, result)
    oldest = oldest_allowed(parse_duration(config.expire_after), now).timestamp()
    try:
        cache = _cache(operator, context)
        key = key_of(operator.step.type, attributes)
        cache.put(key, entry, oldest=oldest, limit=_most_entries(operator, context))
    except Exception as error:  # noqa: BLE001 # whatever ails the store, the step can do without
        operator.log.warning("The step's result could not be kept in the step cache: %s", error)


def _most_entries(operator: EndingJobOperator, context: Context) -> int:
    """How many results are kept: of a loop's body, as many more as it has children, so that all of them can hit."""
    children = 0
    if operator.iteration is not None:
        ti = context["ti"]
        children = ti.get_ti_count(dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id])
    return operator.settings.cache_entries + children


def _cache(operator: EndingJobOperator, context: Context) -> StepCache:
    store = context["asset_state_store"][cache_asset(context["dag_run"].dag_id)]
    # The children of a ForEach step, each with a name of its own, share the results of their body.
    return StepCache(store, operator.task_id)


def _find(operator: JobStepOperator, context: Context, attributes: dict[str, str]) -> CacheEntry | None:
    config, log = operator.step.cache, operator.log
    if config is None or config.expire_after is None:
        return None
    cache = _cache(operator, context)
    entry = cache.get(key_of(operator.step.type, attributes))
    if entry is None:
        newest = cache.newest()
        if newest is None:
            log.info("Cache miss: no result of this step is kept")
        else:
            told = ", ".join(changed(newest.attributes, attributes))
            log.info("Cache miss: since the newest kept result, of the run %s, these changed: %s", newest.run_id, told)
        return None
    if entry.run_id == context["dag_run"].run_id:
        log.info("Cache miss: the kept result is of this run, whose task was cleared to run again")
        return None
    oldest = oldest_allowed(parse_duration(config.expire_after), datetime.fromtimestamp(time.time(), UTC))
    if entry.succeeded_at < oldest.timestamp():
        told = f"the result of the run {entry.run_id} is of {_iso(entry.succeeded_at)}"
        log.info("Cache miss: %s, and ExpireAfter is %s", told, config.expire_after)
        return None
    return entry


def _show(operator: JobStepOperator, source: Mapping[str, Json], entry: CacheEntry) -> None:
    """Let the UI say under Rendered Templates that the request was not made, and link to the source."""
    operator.cache_source_run = entry.run_id
    request: Any = operator.request
    operator.request = shown({"CacheHit": {**source, "job_name": entry.job.get("job_name")}, "Request": request})
    operator.overwrite_rtif_after_execution = True


def _iso(moment: float) -> str:
    return iso_time(datetime.fromtimestamp(moment, UTC))
