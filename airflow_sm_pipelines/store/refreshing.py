"""From what SageMaker has now, and the files of before, to the files of a bundle."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct

from airflow_sm_pipelines.definition.wrapping import DEFINITION
from airflow_sm_pipelines.store.pulled_folder import file_name

if TYPE_CHECKING:
    from airflow_sm_pipelines.store.pull import Selection
    from airflow_sm_pipelines.store.registered import Fetched, RegisteredPipelines

log = logging.getLogger(__name__)

NOTHING: Mapping[str, str] = MappingProxyType({})


class Seen(Struct, frozen=True):
    """The definitions of a refresh, as texts by file name. ``modified`` has the times at which ListPipelines said that
    they were changed, by the names of the pipelines.
    """

    files: Mapping[str, str] = NOTHING
    modified: Mapping[str, str] = NOTHING


def refreshed(pipelines: RegisteredPipelines, selection: Selection, before: Seen) -> Seen:
    """What SageMaker has now. A pipeline that ListPipelines says was not changed is not asked for again.

    A pipeline that cannot be had, for reasons of its own, stays as it was; one that was never had is a file without a
    definition, whose Dag says so.

    :raises botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: where SageMaker cannot be asked
    """
    modified: Mapping[str, str] = NOTHING
    if selection.names:
        names = list(dict.fromkeys(selection.names))
    else:
        listed = list(pipelines.listed())
        if selection.tags:
            listed = pipelines.tagged(listed, selection.tags)
        names, modified = [each.name for each in listed], {each.name: each.modified for each in listed}
    kept = {name for name in names if _is_unchanged(name, modified, before)}
    files: dict[str, str] = {file_name(name): before.files[file_name(name)] for name in kept}
    failed = set()
    for each in pipelines.fetch(name for name in names if name not in kept):
        if each.text is not None:
            files[file_name(each.name)] = each.text
        elif each.failure is not None:
            failed.add(each.name)
            name = file_name(each.name.rpartition("/")[2])
            log.error("The pipeline %s could not be had: %s", each.name, each.failure)
            files[name] = before.files[name] if name in before.files else _without_definition(each)
        elif selection.names:
            log.error("There is no pipeline %s", each.name)
    return Seen(files, {name: time for name, time in modified.items() if name not in failed})


def _is_unchanged(name: str, modified: Mapping[str, str], before: Seen) -> bool:
    time = modified.get(name)
    return bool(time) and before.modified.get(name) == time and file_name(name) in before.files


def _without_definition(fetched: Fetched) -> str:
    document = {"PipelineName": fetched.name.rpartition("/")[2], DEFINITION: f"SageMaker gave none: {fetched.failure}"}
    return json.dumps(document, indent=2) + "\n"
