"""The step cache in the life of a job: looked at before anything is made, written when the step has succeeded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.aws.access import AwsIdentity
from airflow_sm_pipelines.cache.entry import CacheEntry, oldest_allowed
from airflow_sm_pipelines.cache.key import changed, digest, key_attributes, key_of, may_cache
from airflow_sm_pipelines.cache.store import StepCache
from airflow_sm_pipelines.definition.durations import parse_duration
from airflow_sm_pipelines.expressions.identity import iso_time
from airflow_sm_pipelines.expressions.stringify import to_text
from airflow_sm_pipelines.expressions.values import resolve
from airflow_sm_pipelines.jobs.enrich_request import account_in
from airflow_sm_pipelines.jobs.observers import CachedResult
from airflow_sm_pipelines.jobs.step_secrets import Published

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.expressions.values import Scope
    from airflow_sm_pipelines.jobs.job_run import StepJobRun


class StepResultCache:
    """The step cache of one step (:class:`airflow_sm_pipelines.jobs.observers.ResultCache`).

    :param open_cache: gives where the results are kept
    :param count_children: how many children the step has as a loop's body, 0 for any other step
    :param on_reuse: is called with the result that is reused
    """

    def __init__(
        self,
        open_cache: Callable[[], StepCache],
        count_children: Callable[[], int],
        on_reuse: Callable[[CachedResult], None],
    ) -> None:
        self._open_cache = open_cache
        self._count_children = count_children
        self._on_reuse = on_reuse

    def attributes(self, run: StepJobRun, arguments: Mapping[str, Json], scope: Scope) -> dict[str, str] | None:
        """The digests by which a result of this step is found again; None where it is not cached."""
        step, step_type = run.step, run.step_type
        if not may_cache(step_type, step, run.settings) or step.cache is None:
            return None
        if to_text(resolve(step.cache.enabled, scope)).lower() != "true":
            return None
        settings = {name: resolve(step.settings.get(name), scope) for name in step_type.cache_key.settings}
        attributes = {**dict(key_attributes(step_type, arguments, settings)), **_place(run, arguments)}
        return {path: digest(value) for path, value in attributes.items()}

    def lookup(self, run: StepJobRun) -> CachedResult | None:
        """The result of an earlier run that stands for this step's; None where its job has to run.

        A result of this very run is not looked for: its task was cleared to run again.
        """
        attributes = run.record.cache_attributes
        if attributes is None:
            return None
        try:
            entry = self._find(run, attributes)
        except Exception as error:  # noqa: BLE001 # whatever ails the store, the step can do without
            run.log.warning("The step cache could not be read, so the job runs: %s", error)
            return None
        if entry is None:
            return None
        source: dict[str, Json] = {"run_id": entry.run_id, "succeeded_at": _iso(entry.succeeded_at)}
        run.log.info(
            "Cache hit: the result of the run %s is used (%s, succeeded at %s); no job runs",
            entry.run_id,
            entry.job.get("job_name"),
            source["succeeded_at"],
        )
        return CachedResult(Published(entry.result, entry.sealed), entry.job, source)

    def reused(self, found: CachedResult) -> None:
        self._on_reuse(found)

    def store(self, run: StepJobRun, job: Mapping[str, Any], result: Published) -> None:
        """Keep the result of a step that succeeded, under what was resolved when its job was submitted."""
        attributes, config = run.record.cache_attributes, run.step.cache
        if attributes is None or config is None or config.expire_after is None:
            return
        now = datetime.fromtimestamp(run.clock.time(), UTC)
        entry = CacheEntry(run.task.run_id, now.timestamp(), attributes, dict(job), result.shown, result.sealed)
        oldest = oldest_allowed(parse_duration(config.expire_after), now).timestamp()
        try:
            # Of a loop's body, as many more are kept as it has children, so that all of them can hit.
            limit = run.settings.cache_entries + self._count_children()
            self._open_cache().put(key_of(run.step.type, attributes), entry, oldest=oldest, limit=limit)
        except Exception as error:  # noqa: BLE001 # whatever ails the store, the step can do without
            run.log.warning("The step's result could not be kept in the step cache: %s", error)

    def _find(self, run: StepJobRun, attributes: dict[str, str]) -> CacheEntry | None:
        config, log = run.step.cache, run.log
        if config is None or config.expire_after is None:
            return None
        cache = self._open_cache()
        entry = cache.get(key_of(run.step.type, attributes))
        if entry is None:
            newest = cache.newest()
            if newest is None:
                log.info("Cache miss: no result of this step is kept")
            else:
                changes = ", ".join(changed(newest.attributes, attributes))
                said = "Cache miss: since the newest kept result, of the run %s, these changed: %s"
                log.info(said, newest.run_id, changes)
            return None
        if entry.run_id == run.task.run_id:
            log.info("Cache miss: the kept result is of this run, whose task was cleared to run again")
            return None
        oldest = oldest_allowed(parse_duration(config.expire_after), datetime.fromtimestamp(run.clock.time(), UTC))
        if entry.succeeded_at < oldest.timestamp():
            age = f"the result of the run {entry.run_id} is of {_iso(entry.succeeded_at)}"
            log.info("Cache miss: %s, and ExpireAfter is %s", age, config.expire_after)
            return None
        return entry


def _place(run: StepJobRun, arguments: Mapping[str, Json]) -> dict[str, Json]:
    """The attributes that no definition has: a result of another account, region or endpoint is none here.

    The endpoint tells the local one from AWS. No call is made: the account is known where a role has it.
    """
    return {
        "AWS connection": run.aws.aws_conn_id,
        "AWS region": AwsIdentity(run.aws).region,
        "AWS endpoint": run.client().meta.endpoint_url,
        "AWS account": account_in(run, arguments),
    }


def _iso(moment: float) -> str:
    return iso_time(datetime.fromtimestamp(moment, UTC))
