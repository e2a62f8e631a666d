"""All definitions of a folder, the settings beside them, and what of either counts for nothing."""

from __future__ import annotations

from itertools import chain, count, takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.sdk.configuration import conf

from airflow_sm_pipelines.dag_ids import place_of
from airflow_sm_pipelines.definition.findings import DefinitionError
from airflow_sm_pipelines.definition.limits import MAX_ID_LENGTH
from airflow_sm_pipelines.discovery import definitions_in, paths_in, with_instances, without_clashes
from airflow_sm_pipelines.file_dags import given_dag_ids, sidecar_allows
from airflow_sm_pipelines.ignored import Ignored, syntax_of
from airflow_sm_pipelines.naming import safe_dag_id
from airflow_sm_pipelines.overrides import is_excluded
from airflow_sm_pipelines.sidecars.folder import FolderSettings
from airflow_sm_pipelines.sidecars.names import MARK, SidecarFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from airflow_sm_pipelines.dag_ids import Place
    from airflow_sm_pipelines.definition.findings import Finding
    from airflow_sm_pipelines.discovery import DefinitionFile
    from airflow_sm_pipelines.naming import DagIds
    from airflow_sm_pipelines.sidecars.layers import Layer

UNUSED = "--sidecar"
_MAX_LENGTH = MAX_ID_LENGTH - len(UNUSED)


class DefinitionsFolder:
    """The definitions of a folder, with the files of settings beside them."""

    def __init__(self, root: Path, pattern: str, exclude: Collection[str], dag_ids: DagIds | None = None) -> None:
        self._root = root
        self._exclude = exclude
        self._ignored = Ignored(root, syntax_of(conf.get("core", "dag_ignore_file_syntax", fallback=None)))
        self._paths = paths_in(root, pattern, self._ignored)
        files = SidecarFiles(root, self._ignored, frozenset(self._paths))
        self._settings = FolderSettings(files, sidecar_allows(), self._relative)
        self._no_definitions: list[Path] = []
        self._dag_ids = given_dag_ids() if dag_ids is None else dag_ids

    @property
    def count(self) -> int:
        """How many files there are that may be definitions, by their names."""
        return len(self._paths)

    def definitions(
        self, wanted: str | None, goes_on: Callable[[], bool] = lambda: True
    ) -> Iterator[tuple[DefinitionFile, Finding | None]]:
        """The definitions and their instances, in the order of their paths; with ``wanted``, those that may be the Dag
        of that id.

        All files are read before the first definition comes, since that shows which has a dag id. ``goes_on`` is asked
        before each file: once it has said no, some are unread, and none of the definitions can be relied on.
        """
        self._ignored.log()
        read = takewhile(lambda _: goes_on(), self._paths)
        files = chain.from_iterable(self._in(path, wanted) for path in read)
        instances = chain.from_iterable(with_instances(file, self._settings) for file in files)
        kept = (file for file in instances if not is_excluded(file.relative, file.dag_id, self._exclude))
        return without_clashes(kept, lambda: {self._place(path)(safe_dag_id(path.stem)) for path in self._paths})

    def layers_of(self, file: DefinitionFile) -> list[Layer]:
        """What files give a definition's Dag."""
        return self._settings.layers_of(file.path, file.instance, is_shared=file.excerpt is not None)

    def unused(self, taken: Collection[str]) -> Iterator[tuple[str, DefinitionError]]:
        """For each file of settings that no definition has, the id of the Dag that shows it, and the finding.

        :param taken: the ids of other Dags
        """
        folders = {path.parent for path in self._root.glob(f"**/*{MARK}*")}
        ids = set(taken)
        for path, finding in self._settings.without_definition(folders, self._no_definitions):
            # By its path where the name alone is that of another.
            place = self._relative(path).partition(MARK)[0]
            names = chain((path.name.partition(MARK)[0], place), (f"{place}-{number}" for number in count(2)))
            dag_id = next(each for each in map(_id_of_unused, names) if each not in ids)
            ids.add(dag_id)
            yield dag_id, DefinitionError(self._relative(path), [finding])

    def _in(self, path: Path, wanted: str | None) -> list[DefinitionFile]:
        relative, may_be_any = self._relative(path), wanted is None or self._settings.may_rename(path)
        found = definitions_in(path, relative, None if may_be_any else wanted, place_of(self._dag_ids, relative))
        if wanted is None and not found:
            self._no_definitions.append(path)
        return found

    def _place(self, path: Path) -> Place:
        return place_of(self._dag_ids, self._relative(path))

    def _relative(self, path: Path) -> str:
        # As path.relative_to(self._root).as_posix(), at a tenth of the time: a worker asks this of every file.
        return "/".join(path.parts[len(self._root.parts) :])


def _id_of_unused(name: str) -> str:
    return f"{safe_dag_id(name)[:_MAX_LENGTH]}{UNUSED}"
