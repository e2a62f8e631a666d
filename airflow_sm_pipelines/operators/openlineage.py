"""What OpenLineage is told of a step: the S3 data that its job reads and writes, and the job itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from typing_extensions import override

from airflow_sm_pipelines.jobs.datasets import datasets_of
from airflow_sm_pipelines.operators.assets import announce
from airflow_sm_pipelines.operators.job_end import EndingJobOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.openlineage.facet import Dataset
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import Context


class LineageOperator(EndingJobOperator):
    """The part of a job's step that OpenLineage asks, once the task has ended.

    The provider's operators answer from responses that only their own ``execute`` keeps, and have an answer for three
    kinds of jobs.
    """

    _result: dict[str, Any] | None = None

    @override
    def _end(self, context: Context, described: dict[str, Any]) -> Any:
        result: dict[str, Any] = super()._end(context, described)
        announce(context, self.dag_id, self.step, self.step_type, self.settings, self.config, result)
        self._result = result
        return result

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:  # noqa: ARG002 # Airflow's
        """The inputs and outputs of a job that has succeeded."""
        return self._lineage(self._result)

    def get_openlineage_facets_on_failure(self, task_instance: Any) -> OperatorLineage[Any, Any]:  # noqa: ARG002 # Airflow's
        """The inputs of a job that has failed, and where it was to write."""
        return self._lineage(None)

    def _lineage(self, result: dict[str, Any] | None) -> OperatorLineage[Any, Any]:
        from airflow.providers.openlineage.extractors import OperatorLineage

        found = datasets_of(self.step_type.datasets, self.config, result)
        return OperatorLineage(
            inputs=[_dataset(uri) for uri in found.inputs], outputs=[_dataset(uri) for uri in found.outputs]
        )


def _dataset(uri: str) -> Dataset:
    """OpenLineage's name of a place in S3: the bucket is the namespace, the key the name."""
    from airflow.providers.common.compat.openlineage.facet import Dataset

    parts = urlsplit(uri)
    return Dataset(namespace=f"s3://{parts.netloc}", name=parts.path.strip("/") or "/", facets={})
