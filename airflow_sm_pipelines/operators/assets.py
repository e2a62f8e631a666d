"""A step's model packages and S3 outputs as Airflow assets, on which other Dags can be scheduled (off by default).

The outlets are asset aliases: which asset a step makes is known only when its request is resolved, and a step whose
result is an old one (of the cache, of a selective execution) makes none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, AssetAlias
from typing_extensions import override

from airflow_sm_pipelines.jobs.datasets import datasets_of
from airflow_sm_pipelines.jobs.observers import JobObserver
from airflow_sm_pipelines.settings import Assets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow.sdk import Context

    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.jobs.job_run import StepJobRun
    from airflow_sm_pipelines.settings import Settings
    from airflow_sm_pipelines.step_types.step_type import StepType


def outlets_of(dag_id: str, step: Step, step_type: StepType | None, settings: Settings) -> list[AssetAlias]:
    """The outlets of a step's task: one alias, ``<dag id>.<step>``, where the deployment wants assets of the step."""
    if step_type is None:
        return []
    package = step_type.model_package
    registers = settings.assets.models and package is not None and package.group in step.arguments
    writes = settings.assets.outputs and step_type.datasets.outputs
    return [_alias(dag_id, step.name)] if registers or writes else []


def model_package_group(name: str) -> Asset:
    """The asset of a model package group: a Dag scheduled on it runs for each new version.

    :param name: the group's name or ARN
    """
    name = name.rpartition("/")[2]
    return Asset(name=f"model-package-group/{name}", uri=f"sagemaker://model-package-group/{name}")


class AssetEvents(JobObserver):
    """Tells Airflow of what a step has made; the event's extra says of a version which it is."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @override
    def succeeded(self, run: StepJobRun, result: Mapping[str, Any]) -> None:
        if not outlets_of(run.task.dag_id, run.step, run.step_type, run.settings):
            return
        # The children of a ForEach step have names of their own, and their body's outlet.
        events = self._context["outlet_events"][_alias(run.task.dag_id, run.task.task_id)]
        for asset, extra in _made(run.step_type, run.settings.assets, run.request, result):
            events.add(asset, extra=extra)


def _alias(dag_id: str, name: str) -> AssetAlias:
    return AssetAlias(f"{dag_id}.{name}")


def _made(
    step_type: StepType, wanted: Assets, request: Mapping[str, Any], result: Mapping[str, Any]
) -> Iterator[tuple[Asset, dict[str, Any]]]:
    package = step_type.model_package
    if wanted.models and package is not None and (group := request.get(package.group)):
        yield model_package_group(str(group)), {name: result[name] for name in package.described if name in result}
    if wanted.outputs:
        for uri in datasets_of(step_type.datasets, request, None).outputs:
            yield Asset(uri=uri), {}
