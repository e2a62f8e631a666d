"""Where a step type's request and result name what is read, written and registered, as data."""

from __future__ import annotations

from msgspec import Struct


class DatasetPaths(Struct, frozen=True):
    """Dotted paths of S3 URIs: ``inputs`` and ``outputs`` in the Create request, ``results`` in the step's result.

    They are the inputs and outputs that OpenLineage gets, and the outputs are assets where the deployment wants
    them. Where the result names what was written, the request's ``outputs`` are not: they are its folders.
    """

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    results: tuple[str, ...] = ()


NO_DATASETS = DatasetPaths()


class ModelPackageVersion(Struct, frozen=True):
    """A step that registers a version of a model package, which is an event of an asset of the group.

    ``group`` is the member of the request that names the model package group, and ``described`` are the members of the
    result that the event's extra carries.
    """

    group: str
    described: tuple[str, ...] = ()


CHANNEL = "InputDataConfig[].DataSource.S3DataSource.S3Uri"
"""The S3 URI of an input channel, as training jobs of all kinds have it."""

CONTAINER_MODEL = ("ModelDataUrl", "ModelDataSource.S3DataSource.S3Uri")
"""The S3 URIs of the model in a container definition."""
