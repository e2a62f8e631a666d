"""The body of a ForEach step: the order of its steps within one item, and how many of them run at once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.graph.model import Dependency


class Body(Struct, frozen=True, dict=True):
    """The steps of one body in an order in which they can run, and what each waits for of the same body and item.

    What a step of a body waits for outside of it, the ForEach step waits for as a whole. ``limit`` is MaxConcurrency:
    how many children run at once, over all steps and items.
    """

    steps: tuple[Step, ...]
    upstream: Mapping[str, tuple[Dependency, ...]]
    limit: int

    @cached_property
    def lanes(self) -> tuple[tuple[str, ...], ...]:
        """The steps in chains in which each waits for the one before it: of a chain one runs at a time."""
        before: dict[str, set[str]] = {}
        chains: list[list[str]] = []
        for step in self.steps:
            direct = {dependency.step for dependency in self.upstream[step.name]}
            before[step.name] = direct.union(*(before[name] for name in direct))
            chain = next((chain for chain in chains if chain[-1] in before[step.name]), None)
            if chain is None:
                chains.append([step.name])
            else:
                chain.append(step.name)
        return tuple(map(tuple, chains))
