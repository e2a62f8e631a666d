"""The pools that limit how many steps run at once: their names, and who comes first (semantics 6).

Every process of Airflow loads this module (:mod:`airflow_sm_pipelines.server.pool_policy`), and few read definitions:
what only those need is imported where it is used.

SageMaker's limit is one execution's. So every run of a limited pipeline has a pool of its own while it goes on. The
pipeline's pool, of the same size, is what its tasks name in the Dag: it holds what joins a run that has none.
"""

from __future__ import annotations

import hashlib
import re
from enum import Enum
from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.place import Place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.graph import Graph

# The Dag's default_args carry the limit to the scheduler, which knows the Dag by its serialized form only. No
# operator has an argument of that name.
LIMIT_KEY = "max_parallel_execution_steps"
PIPELINE_PREFIX = "sagemaker-pipeline."
RUN_PREFIX = "sagemaker-run."
# A pool whose description begins otherwise is not ours, and is left as it is.
DESCRIPTION_MARK = "Made by airflow-sm-pipelines: "
MAX_DAG_ID_LENGTH = 200
DIGEST_LENGTH = 8


class PoolScope(Enum):
    """What a limit is one of."""

    RUN = "run"
    PIPELINE = "pipeline"


def pool_scope() -> PoolScope:
    """What the deployment wants a limit to be one of.

    :raises SettingError: for an option that is neither
    """
    from airflow_sm_pipelines.settings import setting

    return PoolScope(setting("pool_scope"))


def pipeline_pool(place: Place) -> str:
    """The pool that the tasks of a limited pipeline name; at most 256 of ``[A-Za-z0-9_.-]``, as are all these names."""
    return PIPELINE_PREFIX + _pool_part(place)


def place_of(dag_id: str, task_id: str, pool: str) -> Place | None:
    """The pipeline that a task belongs to which names a pipeline's pool; None where it is no pipeline's of this Dag."""
    parts = task_id.split(".")[:-1]
    groups = (".".join(parts[: count + 1]) for count in range(len(parts)))
    places = (Place(dag_id), *(Place(dag_id, group) for group in groups))
    return next((place for place in places if pipeline_pool(place) == pool), None)


def run_pool(place: Place, run_id: str) -> str:
    """The pool of one run: it ends in the execution id, which the names of the run's jobs have too."""
    from airflow_sm_pipelines.expressions.identity import execution_id

    return run_pool_prefix(place) + execution_id(place, run_id)


def run_pool_prefix(place: Place) -> str:
    """What the pools of a pipeline's runs begin with; an execution id follows."""
    return f"{RUN_PREFIX}{_pool_part(place)}."


def _pool_part(place: Place) -> str:
    # Airflow warns, again and again, of a pool whose name cannot be a metric's.
    kept = re.sub(r"[^A-Za-z0-9_.-]", "-", place.name)[:MAX_DAG_ID_LENGTH]
    if place.group_id is None and kept == place.dag_id:
        return kept
    # The id of a Dag may be that of another, a dot and that of its group.
    identity = place.dag_id if place.group_id is None else f"{place.dag_id}\0{place.group_id}"
    return f"{kept}-{hashlib.sha256(identity.encode()).hexdigest()[:DIGEST_LENGTH]}"


def priority_weights(graph: Graph) -> dict[str, int]:
    """A weight for each step, no two alike: the nearer to the pipeline's beginning, the heavier.

    A task whose job has ended needs a slot again to go on. Of two steps that were ready together the heavier
    one has started first; so it comes before all that are still to start.
    """
    levels: dict[str, int] = {}
    for step in graph.steps:
        levels[step.name] = 1 + max((levels[upstream.step] for upstream in graph.upstream[step.name]), default=-1)
    order = sorted(levels, key=levels.__getitem__)
    return {name: len(order) - position for position, name in enumerate(order)}


def effective_limit(*limits: object) -> int | None:
    """The first limit that is given, or None: 0 is given and means none.

    :raises ValueError: for what is no whole number, a limit below 0, or one above what a pool can hold
    """
    from airflow_sm_pipelines.definition.limits import MAX_PARALLEL_STEPS

    limit = next((limit for limit in limits if limit is not None), 0)
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise ValueError(f"parallelism = {limit!r}: it is not a whole number of steps; 0 is any number")  # noqa: TRY004 # reported as the others
    if limit < 0:
        raise ValueError(f"parallelism = {limit}: a pipeline runs at least 1 step at a time, or, with 0, any number")
    if limit > MAX_PARALLEL_STEPS:
        raise ValueError(f"parallelism = {limit}: the highest limit is {MAX_PARALLEL_STEPS}; 0 is none")
    return limit or None


def may_be_pool_of(dag_id: str, name: str) -> bool:
    """Whether a pool may be of a pipeline in a Dag, or of one of its runs: a cheap look at its name."""
    kept = re.sub(r"[^A-Za-z0-9_.-]", "-", dag_id)[:MAX_DAG_ID_LENGTH]
    return name.startswith((f"{PIPELINE_PREFIX}{kept}", f"{RUN_PREFIX}{kept}"))


def limit_key(place: Place) -> str:
    """Where the default_args of a Dag have the limit of a pipeline."""
    return LIMIT_KEY if place.group_id is None else f"{LIMIT_KEY}:{place.group_id}"


def limits_in(dag_id: str, default_args: Mapping[str, Any]) -> dict[Place, int]:
    """The limits of the pipelines in a Dag that have one."""
    found: dict[Place, int] = {}
    for key, limit in default_args.items():
        name, _, group_id = key.partition(":")
        if name == LIMIT_KEY and isinstance(limit, int):
            found[Place(dag_id, group_id or None)] = limit
    return found


def limited_default_args(place: Place, given: Mapping[str, Any], limit: int | None) -> dict[str, Any]:
    """The default_args with the limit of a pipeline, unless the user has chosen a pool for its steps."""
    return {**given, **({limit_key(place): limit} if limit is not None and "pool" not in given else {})}


def pool_arguments(place: Place, graph: Graph, default_args: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """For each step of the pipeline, what makes its tasks wait for a slot, and in which order they get one.

    Nothing without a limit; the user's own priorities stay.
    """
    if limit_key(place) not in default_args:
        return {step.name: {} for step in graph.steps}
    pool = {"pool": pipeline_pool(place)}
    if not default_args.keys().isdisjoint(("priority_weight", "weight_rule")):
        return {step.name: pool for step in graph.steps}
    weights = priority_weights(graph)
    return {name: {**pool, "priority_weight": weight, "weight_rule": "absolute"} for name, weight in weights.items()}
