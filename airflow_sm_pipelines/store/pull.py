"""Registered pipelines into a folder: which, what became of each file, and what could not be had."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from msgspec import Struct, field

from airflow_sm_pipelines.store.pipeline_names import name_in
from airflow_sm_pipelines.store.pulled_folder import FileChange, FolderError, State, file_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_sm_pipelines.store.pulled_folder import PulledFolder
    from airflow_sm_pipelines.store.registered import Fetched, RegisteredPipelines


class Selection(Struct, frozen=True):
    """Which pipelines: those of these names or ARNs, or all that have these tags, which may be none.

    :raises ValueError: for a name that no pipeline can have
    """

    names: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in self.names:
            name_in(name)

    def names_of(self, pipelines: RegisteredPipelines) -> list[str]:
        """The names of those that are meant, each once."""
        if self.names:
            return list(dict.fromkeys(self.names))
        found = list(pipelines.listed())
        return [each.name for each in (pipelines.tagged(found, self.tags) if self.tags else found)]


class Failure(Struct, frozen=True):
    """A pipeline that could not be had, and why. Its file, where there is one, stays."""

    name: str
    reason: str


class Pulled(Struct, frozen=True):
    """What became of the folder's files, and what could not be had."""

    changes: tuple[FileChange, ...]
    failures: tuple[Failure, ...]

    def count(self, state: State) -> int:
        return sum(change.state is state for change in self.changes)


def pull(
    pipelines: RegisteredPipelines,
    folder: PulledFolder,
    selection: Selection,
    *,
    prune: bool = False,
    dry_run: bool = False,
    overwrite: bool = False,
) -> Pulled:
    """Write the definition of each selected pipeline into a folder.

    Nothing is written before all was asked, so that an outage in the middle changes nothing.

    :param prune: whether files that an earlier pull has written go, where this one does not name their pipelines
    :param dry_run: whether all this is only reported
    :param overwrite: whether files that pull has not written, or that were edited since, give way
    :raises FolderError: where the folder cannot be pulled into
    :raises botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: where SageMaker cannot be asked
    """
    fetched = pipelines.fetch(selection.names_of(pipelines))
    contents, failures = _contents(fetched, is_named=bool(selection.names))
    if prune and not fetched:
        raise FolderError(
            "no pipeline is selected, and --prune would remove all that was pulled: is it the right account and region?"
        )
    unknown = [file_name(_short(each.name)) for each in fetched if each.failure is not None]
    with nullcontext() if dry_run else folder.locked():
        changes = folder.changes(contents, prune=prune, unknown=unknown, overwrite=overwrite)
        if not dry_run:
            folder.apply(changes)
    return Pulled(tuple(changes), tuple(failures))


def _contents(fetched: Sequence[Fetched], *, is_named: bool) -> tuple[dict[str, bytes], list[Failure]]:
    contents: dict[str, bytes] = {}
    failures: list[Failure] = []
    for each in fetched:
        if each.failure is not None:
            failures.append(Failure(each.name, each.failure))
        elif each.is_gone and is_named:
            failures.append(Failure(each.name, "there is no such pipeline"))
        elif each.text is not None:
            name = file_name(each.name)
            if name in contents:
                failures.append(Failure(each.name, f"another pipeline of this name is pulled into {name}"))
            else:
                contents[name] = each.text.encode()
    return contents, failures


def _short(name: str) -> str:
    """The name in an ARN, or the name itself."""
    return name.rpartition("/")[2]
