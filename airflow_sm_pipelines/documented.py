"""The documentation of a pipeline's Dag, made when the Dag is serialized: no worker reads it. And of a task group."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow.sdk import DAG

from airflow_sm_pipelines.definition.text import storable
from airflow_sm_pipelines.markdown import bullets, documentation, escaped
from airflow_sm_pipelines.operators.masking import Masking
from airflow_sm_pipelines.settings import setting

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.model import Pipeline
    from airflow_sm_pipelines.graph import Plan


PAGES = "sagemaker-pipelines"


class DocumentedDag(DAG):
    """A Dag whose documentation describes its pipeline, unless it is given another one."""

    _doc_md: str | None = None
    _documents: tuple[Plan, str | None, Masking] | None = None

    @property
    def doc_md(self) -> str | None:
        if self._doc_md is not None or self._documents is None:
            return self._doc_md
        from airflow_sm_pipelines.report.dag_docs import dag_documentation

        planned, source, masking = self._documents
        return dag_documentation(planned, source, masking.is_secret, self._links())

    @doc_md.setter
    def doc_md(self, given: str | None) -> None:
        self._doc_md = given

    def _links(self) -> dict[str, str]:
        """The pages of the API server on this Dag: Airflow's own pages name their root as that of all links."""
        own = f"{PAGES}/dags/{quote(self.dag_id)}"
        return {"Definition": f"{own}/definition", "Runs and their jobs": f"{own}/runs"} if setting("pages") else {}

    def document(self, planned: Plan, source: str | None, masking: Masking) -> None:
        """Describe this pipeline; ``source`` is what its definition is called."""
        self._documents = (planned, source, masking)


def group_documentation(pipeline: Pipeline, source: str | None) -> str:
    """Where a task group comes from, and what has no effect."""
    origin = f" of {escaped(storable(source))}" if source is not None else ""
    parts = [f"The SageMaker pipeline definition{origin}: {len(pipeline.all_steps)} steps."]
    if pipeline.description:
        parts.append(escaped(pipeline.description))
    if pipeline.warnings:
        parts += ["It was read with warnings:", *bullets(pipeline.warnings)]
    return documentation(parts)
