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
    from airflow_sm_pipelines.place import Place
    from airflow_sm_pipelines.settings import Settings
    from airflow_sm_pipelines.step_types.step_type import StepType


def outlets_of(place: Place, step: Step, step_type: StepType | None, settings: Settings) -> list[AssetAlias]:
    """The outlets of a step's task: one alias, the Dag's id and the task's, where the deployment wants assets of it."""
    if step_type is None:
        return []
    package = step_type.model_package
    registers = settings.assets.models and package is not None and package.group in step.arguments
    writes = settings.assets.outputs and step_type.datasets.outputs
    return [_alias(place, step.name)] if registers or writes else []


def model_package_group(name: str) -> Asset:
    """The asset of a model package group: a Dag scheduled on it runs for each new version.

    :param name: the group's name or ARN, or the name or URI of the asset itself
    """
    name = name.rpartition("/")[2]
    return Asset(name=f"model-package-group/{name}", uri=f"sagemaker://model-package-group/{name}")


def s3_output(uri: str) -> Asset:
    """The asset of an S3 URI that a job writes to, as its request gives it.

    :param uri: ``s3://bucket/key``
    :raises ValueError: for what is no ``s3://`` URI
    """
    if not uri.startswith("s3://"):
        raise ValueError(f"{uri!r} is no S3 URI (s3://bucket/key)")
    return Asset(uri=uri)


def assets_of(given: str | Assets) -> Assets:
    """:raises ValueError: for what is no such choice"""
    try:
        return Assets(given)
    except ValueError:
        choices = ", ".join(choice.value for choice in Assets)
        raise ValueError(f"assets = {given!r} is none of {choices}") from None


class AssetEvents(JobObserver):
    """Reports to Airflow what a step has made; the event's extra says of a version which it is."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @override
    def succeeded(self, run: StepJobRun, result: Mapping[str, Any]) -> None:
        if not outlets_of(run.pipeline.place, run.step, run.step_type, run.settings):
            return
        # The children of a ForEach step have names of their own, and their body's outlet.
        name = run.step.name if run.iteration is None else run.iteration.body
        events = self._context["outlet_events"][_alias(run.pipeline.place, name)]
        for asset, extra in _made(run.step_type, run.settings.assets, run.request, result):
            events.add(asset, extra=extra)


def _alias(place: Place, name: str) -> AssetAlias:
    return AssetAlias(f"{place.name}.{name}")


def _made(
    step_type: StepType, wanted: Assets, request: Mapping[str, Any], result: Mapping[str, Any]
) -> Iterator[tuple[Asset, dict[str, Any]]]:
    package = step_type.model_package
    if wanted.models and package is not None and (group := request.get(package.group)):
        yield model_package_group(str(group)), {name: result[name] for name in package.described if name in result}
    if wanted.outputs:
        for uri in datasets_of(step_type.datasets, request, None).outputs:
            yield s3_output(uri) if uri.startswith("s3://") else Asset(uri=uri), {}
