"""The pools that limit how many steps run at once: their names, and who comes first (semantics 6).

SageMaker's limit is one execution's. So every run of a limited pipeline has a pool of its own while it goes on. The
pipeline's pool, of the same size, is what its tasks name in the Dag: it holds what joins a run that has none.
"""

from __future__ import annotations

import hashlib
import re
from enum import Enum
from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.expressions.identity import execution_id
from airflow_sm_pipelines.settings import setting

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
LONGEST_DAG_ID = 200
DIGEST_LENGTH = 8


class PoolScope(Enum):
    """What a limit is one of."""

    RUN = "run"
    PIPELINE = "pipeline"


def pool_scope() -> PoolScope:
    """What the deployment wants a limit to be one of.

    :raises SettingError: for an option that is neither
    """
    return PoolScope(setting("pool_scope"))


def pipeline_pool(dag_id: str) -> str:
    """The pool that the tasks of a limited pipeline name; at most 256 of ``[A-Za-z0-9_.-]``, as are all these names."""
    return PIPELINE_PREFIX + _pool_part(dag_id)


def run_pool(dag_id: str, run_id: str) -> str:
    """The pool of one run: it ends in the execution id, which the names of the run's jobs have too."""
    return run_pool_prefix(dag_id) + execution_id(dag_id, run_id)


def run_pool_prefix(dag_id: str) -> str:
    """What the pools of a pipeline's runs begin with; an execution id follows."""
    return f"{RUN_PREFIX}{_pool_part(dag_id)}."


def _pool_part(dag_id: str) -> str:
    # Airflow warns, again and again, of a pool whose name cannot be a metric's.
    kept = re.sub(r"[^A-Za-z0-9_.-]", "-", dag_id)[:LONGEST_DAG_ID]
    if kept == dag_id:
        return kept
    return f"{kept}-{hashlib.sha256(dag_id.encode()).hexdigest()[:DIGEST_LENGTH]}"


def priority_weights(graph: Graph) -> dict[str, int]:
    """A weight for each step, no two alike: the nearer to the pipeline's beginning, the heavier.

    A task whose job has ended needs a slot again to be told of it. Of two steps that were ready together the heavier
    one has started first; so it comes before all that are still to start.
    """
    levels: dict[str, int] = {}
    for step in graph.steps:
        levels[step.name] = 1 + max((levels[upstream.step] for upstream in graph.upstream[step.name]), default=-1)
    order = sorted(levels, key=levels.__getitem__)
    return {name: len(order) - position for position, name in enumerate(order)}


def effective_limit(*limits: int | None) -> int | None:
    """The first limit that is given, or None: 0 is given and means none.

    :raises ValueError: for a limit below 0, or above what a pool can hold
    """
    # Every process of Airflow loads this module, and few read definitions.
    from airflow_sm_pipelines.definition.limits import MOST_PARALLEL_STEPS

    limit = next((limit for limit in limits if limit is not None), 0)
    if limit < 0:
        raise ValueError(f"parallelism = {limit}: a pipeline runs at least 1 step at a time, or, with 0, any number")
    if limit > MOST_PARALLEL_STEPS:
        raise ValueError(f"parallelism = {limit}: the highest limit is {MOST_PARALLEL_STEPS}; 0 is none")
    return limit or None


def limited_default_args(given: Mapping[str, Any], limit: int | None) -> dict[str, Any]:
    """The default_args of a Dag with its limit, unless the user has chosen a pool for its steps."""
    return {**given, **({LIMIT_KEY: limit} if limit is not None and "pool" not in given else {})}


def pool_arguments(dag_id: str, graph: Graph, default_args: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """For each step of the pipeline, what makes its tasks wait for a slot, and in which order they get one.

    Nothing without a limit; the user's own priorities stay.
    """
    if LIMIT_KEY not in default_args:
        return {step.name: {} for step in graph.steps}
    pool = {"pool": pipeline_pool(dag_id)}
    if not default_args.keys().isdisjoint(("priority_weight", "weight_rule")):
        return {step.name: pool for step in graph.steps}
    weights = priority_weights(graph)
    return {name: {**pool, "priority_weight": weight, "weight_rule": "absolute"} for name, weight in weights.items()}
