"""What OpenLineage gets of a step: the S3 data that its job reads and writes.

The provider's operators answer from responses that only their own ``execute`` keeps, and have an answer for three kinds
of jobs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_sm_pipelines.jobs.datasets import datasets_of
from airflow_sm_pipelines.operators.masking import shown_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.compat.openlineage.facet import Dataset
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_sm_pipelines.step_types.datasets import DatasetPaths


def lineage_of(
    paths: DatasetPaths, request: Mapping[str, Any], result: Mapping[str, Any] | None
) -> OperatorLineage[Any, Any]:
    """What is read and written at these paths, of a job's request and, where it has succeeded, its step's result."""
    from airflow.providers.openlineage.extractors import OperatorLineage

    found = datasets_of(paths, request, result)
    return OperatorLineage(
        inputs=[_dataset(shown_text(uri)) for uri in found.inputs],
        outputs=[_dataset(shown_text(uri)) for uri in found.outputs],
    )


def _dataset(uri: str) -> Dataset:
    """OpenLineage's name of a place in S3: the bucket is the namespace, the key the name."""
    from airflow.providers.common.compat.openlineage.facet import Dataset

    parts = urlsplit(uri)
    return Dataset(namespace=f"s3://{parts.netloc}", name=parts.path.strip("/") or "/", facets={})
