"""The settings of the definitions below a folder: which files, read once each, make the layers of a Dag."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct, field

from airflow_sm_pipelines.definition.findings import Finding
from airflow_sm_pipelines.definition.guessing import nearest
from airflow_sm_pipelines.definition.secret_names import listed
from airflow_sm_pipelines.definition.text import storable
from airflow_sm_pipelines.options import of_environment
from airflow_sm_pipelines.sidecars.content import content_of
from airflow_sm_pipelines.sidecars.layers import Layer
from airflow_sm_pipelines.sidecars.names import SUFFIX, SidecarFiles
from airflow_sm_pipelines.sidecars.reader import read_file

_DAG_ID = b"dag_id"


def allows_of_environment(environment: Mapping[str, str]) -> tuple[str, ...]:
    """What files of settings may give, where Airflow itself is not asked."""
    return listed(of_environment("sidecar_allows", environment))


class FolderSettings(Struct):
    """The files with settings below a folder.

    :param allows: what ``[sagemaker_pipelines] sidecar_allows`` names
    :param called: what findings and ``explain`` call a file
    """

    files: SidecarFiles
    allows: tuple[str, ...]
    called: Callable[[Path], str]
    _read: dict[tuple[Path, bool], Layer] = field(default_factory=dict)

    def layers_of(self, definition: Path, instance: str | None, *, is_shared: bool = False) -> list[Layer]:
        """The settings of a definition's Dag, or of an instance of it: a later one counts for more.

        :param is_shared: whether the file has several definitions
        """
        own = [each for each in self.files.of(definition) if each.instance in (None, instance)]
        return [
            *(self.layer_of(path, is_shared=True) for path in self.files.defaults_of(definition)),
            *(self.layer_of(each.path, is_shared=is_shared) for each in own),
        ]

    def instances_of(self, definition: Path) -> list[str]:
        return [each.instance for each in self.files.of(definition) if each.instance is not None]

    def dag_id_of(self, definition: Path, instance: str | None) -> str | None:
        """The dag id that a definition's own file gives, where such files may."""
        if not self.may_rename(definition):
            return None
        given = None
        for each in self.files.of(definition):
            if each.instance == instance and (found := self.layer_of(each.path).values.get(("dag_id",))) is not None:
                given = str(found.value)
        return given

    def may_rename(self, definition: Path) -> bool:
        """Whether a file may give a Dag of a definition another id."""
        return "dag_id" in self.allows and any(self._may_name_dag_id(each.path) for each in self.files.of(definition))

    def _may_name_dag_id(self, path: Path) -> bool:
        """Whether a file is worth the time of being read for a dag id; escapes spell a key otherwise."""
        try:
            data = content_of(path, self.files.root)
        except OSError:
            return False
        return _DAG_ID in data or b"\\" in data

    def layer_of(self, path: Path, *, is_shared: bool = False) -> Layer:
        key = (path, is_shared)
        if (known := self._read.get(key)) is None:
            layer = read_file(path, self.called(path), self.allows, is_shared=is_shared, root=self.files.root)
            known = self._read[key] = layer
        return known

    def without_definition(self, folders: Iterable[Path], unused: Collection[Path]) -> Iterator[tuple[Path, Finding]]:
        """The files of some folders that no definition has, each with the finding.

        :param unused: files that look like definitions and are none
        """
        for path in self.files.of_none(set(folders)):
            yield path, self._orphan(path)
        for definition in unused:
            for each in self.files.of(definition):
                message = (
                    f"{storable(self.called(definition))} is no pipeline definition, so nothing has these settings"
                )
                yield each.path, self._finding(each.path, message, None)

    def _orphan(self, path: Path) -> Finding:
        if not path.name.endswith(SUFFIX):
            message = f"settings stand in a file whose name ends in {SUFFIX}, so these count for nothing"
            return self._finding(path, message, f"{path.name.rpartition('.')[0]}.yaml")
        base = path.name.removesuffix(SUFFIX)
        stems = sorted(self.files.stems_in(path.parent))
        near = nearest(base, stems) or nearest(base.partition(".")[0], stems)
        message = "there is no definition of this name here, so these settings count for nothing"
        return self._finding(path, message, None if near is None else f"{near}{SUFFIX}")

    def _finding(self, path: Path, message: str, suggestion: str | None) -> Finding:
        name = storable(self.called(path))
        return Finding(message, suggestion=suggestion, code="sidecar-unused", file=name).at(1, 1)
