"""The dag id of a definition."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from airflow_sm_pipelines.definition.findings import DefinitionError, Finding
from airflow_sm_pipelines.definition.limits import MAX_ID_LENGTH

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.document import Source

DagIds: TypeAlias = Literal["stem", "path"]
"""What ``load_dags`` names a Dag after."""
PIPELINE_TAG = "sagemaker-pipeline"
"""The tag of each Dag that is a pipeline."""
KEPT = 240
"""The characters of a name that is too long for a dag id with which its id begins."""


def safe_dag_id(name: str) -> str:
    """A name as a dag id: what is outside ``[A-Za-z0-9_.-]`` becomes ``-``.

    Of a name with more than 250 characters the first 240 are left, and a hash of the whole.
    """
    safe = re.sub(r"[^A-Za-z0-9_.-]", "-", name)
    if safe in {".", ".."}:
        # In the address of a page these are a folder: such a Dag could not be looked at.
        return safe.replace(".", "-")
    if len(safe) <= MAX_ID_LENGTH:
        return safe
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{safe[:KEPT]}-{digest[: MAX_ID_LENGTH - KEPT - 1]}"


def dag_id_of(definition: Source, name: str | None) -> str:
    """The dag id by the name of the pipeline, else by the stem of the definition's file.

    :param name: what stands around the definition says of it: PipelineName, or the logical id in a template
    :raises DefinitionError: where there is neither: a definition itself carries no name
    """
    if name is not None:
        return safe_dag_id(name)
    if isinstance(definition, Path):
        return safe_dag_id(definition.stem)
    raise DefinitionError(
        "definition",
        [
            Finding(
                "A definition carries no name: pass dag_id, or the path of a file, whose stem it takes.", code="no-name"
            )
        ],
    )
