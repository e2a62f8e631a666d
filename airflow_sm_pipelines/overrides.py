"""``overrides`` of ``load_dags``: arguments of single Dags of a folder, by dag id or by a glob of dag ids."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from airflow_sm_pipelines.definition.findings import DefinitionError, Finding
from airflow_sm_pipelines.definition.guessing import nearest
from airflow_sm_pipelines.naming import safe_dag_id
from airflow_sm_pipelines.sidecars.layers import Layer, layer_of

_OF_THE_LOADER = frozenset({"dag_id", "definition", "on_error", "source"})
_SOURCE = "overrides"


class Overrides:
    """The overrides of a folder.

    :param given: arguments of :class:`SageMakerPipelineDag` by dag id or glob
    :raises TypeError: for what is no such mapping
    """

    def __init__(self, given: Mapping[str, Mapping[str, Any]] | None) -> None:
        self._given: dict[Any, Any] = dict(given or {})
        for key, arguments in self._given.items():
            if not isinstance(key, str) or not isinstance(arguments, Mapping):
                raise TypeError(f"load_dags: overrides has {key!r}, which does not give a dag id or glob its arguments")

    def layers_of(self, dag_id: str) -> list[Layer]:
        """The arguments of a Dag, those of the globs in their order and then its very own: a later one counts."""
        globs = [key for key in self._given if key != dag_id and fnmatchcase(dag_id, key)]
        own = [dag_id] if dag_id in self._given else []
        return [layer_of(f"{_SOURCE}[{key!r}]", self._given[key], is_shared=key != dag_id) for key in [*globs, *own]]

    def fault_of(self, dag_id: str) -> DefinitionError | None:
        """What is wrong with the arguments of a Dag: those that are the loader's to give."""
        findings = [
            Finding(f"overrides gives {name} for {key!r}, which load_dags itself gives", code="dag-argument")
            for key, arguments in self._given.items()
            if key == dag_id or fnmatchcase(dag_id, key)
            for name in sorted(_OF_THE_LOADER & arguments.keys())
        ]
        return DefinitionError(_SOURCE, findings) if findings else None

    def names_error_dag(self, dag_id: str) -> bool:
        """Whether a Dag may be one that shows an override: then all definitions have to be known."""
        return any(dag_id == _id_of(key) for key in self._given)

    def unmatched(self, dag_ids: Collection[str]) -> Iterator[tuple[str, DefinitionError]]:
        """For each override that no Dag of the folder has, the id of the Dag that shows it, and the finding."""
        for key in self._given:
            if not any(dag_id == key or fnmatchcase(dag_id, key) for dag_id in dag_ids):
                message = f"overrides names {key!r}, and load_dags makes no such Dag"
                finding = Finding(message, suggestion=nearest(key, sorted(dag_ids)), code="unmatched-override")
                yield _id_of(key), DefinitionError(_SOURCE, [finding])


def is_excluded(relative: str, dag_id: str, exclude: Collection[str]) -> bool:
    """Whether a definition is left out: by its path below the folder, one of the folders above it, or its dag id."""
    folders = relative.split("/")[:-1]
    places = [relative, *("/".join(folders[: depth + 1]) for depth in range(len(folders)))]
    return any(fnmatchcase(place, glob.rstrip("/")) for glob in exclude for place in (*places, dag_id))


def _id_of(key: str) -> str:
    return safe_dag_id(f"{key.replace('*', '-')}--override")
