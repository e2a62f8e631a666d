"""Which dag ids the definitions of a folder ask for, and which of them has an id that several ask for.

A worker that runs one Dag reads only what may be that Dag: what is decided here must not depend on other files than
those that ask for the same id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeAlias, cast, get_args

from msgspec import Struct

from airflow_sm_pipelines.definition.findings import Finding
from airflow_sm_pipelines.naming import DagIds, safe_dag_id
from airflow_sm_pipelines.options import of_environment

Place: TypeAlias = Callable[[str], str]
"""From what a definition is called to the dag id that it asks for."""

SEPARATOR = "__"
"""Between the folders and the name. It may stand in a dag id, and unlike a dot it divides no name of a metric, nor is
it taken for that of an instance."""


def dag_ids_of_environment(environment: Mapping[str, str]) -> DagIds:
    """The option where Airflow itself is not asked; what it cannot be is reported where Airflow reads it."""
    return "path" if of_environment("dag_ids", environment) == "path" else "stem"


class Claim(Struct, frozen=True):
    """One definition that asks for a dag id. ``is_stem``: its file is called so, and does not only hold a pipeline that
    is; ``depth`` counts the folders that it stands in.
    """

    name: str
    dag_id: str
    is_stem: bool
    depth: int

    @property
    def rank(self) -> tuple[bool, int]:
        return (not self.is_stem, self.depth)


def place_of(dag_ids: DagIds, relative: str) -> Place:
    """How a file at a path below the folder comes by its dag ids."""
    folders = relative.split("/")[:-1]
    return partial(_below, folders) if dag_ids == "path" and folders else str


def _below(folders: Sequence[str], own: str) -> str:
    return safe_dag_id(SEPARATOR.join([*folders, own]))


def dag_ids_of(given: str) -> DagIds:
    """:raises ValueError: for what is no such choice"""
    if given not in get_args(DagIds):
        raise ValueError(f"dag_ids = {given!r} is none of {', '.join(get_args(DagIds))}")
    return cast("DagIds", given)


def judged(claims: Iterable[Claim]) -> list[Finding | None]:
    """For each claim the finding, None where it has its dag id to itself, or comes before the others.

    A file that is called so comes before one that only names a pipeline so, and then the nearer to the folder. Where
    several come first, none has the id: a new file takes no Dag away from another one.
    """
    given = list(claims)
    of_id: dict[str, list[Claim]] = {}
    for claim in given:
        of_id.setdefault(claim.dag_id, []).append(claim)
    return [_judge(claim, of_id[claim.dag_id]) for claim in given]


def _judge(claim: Claim, rivals: Sequence[Claim]) -> Finding | None:
    if len(rivals) == 1:
        return None
    best = min(rival.rank for rival in rivals)
    first = [rival for rival in rivals if rival.rank == best]
    if len(first) > 1:
        names = f"{', '.join(rival.name for rival in first[:-1])} and {first[-1].name}"
        how = "both" if len(first) == 2 else "all"
        message = f"{names} {how} ask for the dag id {claim.dag_id!r}, and none of them has it"
        if claim.rank != best:
            message += f", nor has {claim.name}"
        return _finding(message)
    if claim is first[0]:
        return None
    why = "is called so" if first[0].is_stem and not claim.is_stem else "stands nearer to the folder"
    return _finding(f"{first[0].name} and {claim.name} both ask for the dag id {claim.dag_id!r}, and the first {why}")


def _finding(message: str) -> Finding:
    hint = "rename a file or its pipeline, leave one out with exclude, or make folders part of the ids: dag_ids = path"
    return Finding(f"{message}: {hint}", code="dag-id-clash")
