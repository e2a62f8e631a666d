"""What the members of a step's Arguments demand of each other, beyond the shape of an AWS request, as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from airflow_sm_pipelines.step_types.member_paths import member_at


class ArgumentRules(Struct, frozen=True):
    """The rules for one step type; members are named by dotted paths into the Arguments.

    ``required`` must be there. Of each tuple in ``one_of`` exactly one is there. ``only_with`` maps a member to another
    without which it has no meaning. ``forbidden`` members are set by the service.
    """

    required: tuple[str, ...] = ()
    one_of: tuple[tuple[str, ...], ...] = ()
    only_with: tuple[tuple[str, str], ...] = ()
    forbidden: tuple[str, ...] = ()

    def broken(self, arguments: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """Each broken rule: the dotted path of the member and what is wrong.

        It holds for Arguments as a definition has them and for resolved ones: a member within an expression is not
        there, one that is ``null`` neither.
        """
        for path in self.required:
            if not _has(arguments, path):
                yield path, "is missing"
        for paths in self.one_of:
            parent = paths[0].rpartition(".")[0]
            if parent and not _has_members(arguments, parent):
                continue
            there = [path for path in paths if _has(arguments, path)]
            if len(there) != 1:
                yield parent or paths[0], f"exactly one of {' and '.join(paths)} is to be given"
        for path, other in self.only_with:
            if _has(arguments, path) and not _has(arguments, other):
                yield path, f"has a meaning only with {other}"
        for path in self.forbidden:
            if _has(arguments, path):
                yield path, "cannot be given: the service sets it"


def _has(arguments: Mapping[str, object], path: str) -> bool:
    return member_at(arguments, path) is not None


def _has_members(arguments: Mapping[str, object], path: str) -> bool:
    return isinstance(member_at(arguments, path), Mapping)
