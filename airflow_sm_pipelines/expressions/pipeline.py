"""What every step of one pipeline knows of the pipeline while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from airflow_sm_pipelines.definition.frozen import FrozenDict
from airflow_sm_pipelines.graph.tasks import PARAMETERS_TASK, body_task, items_task
from airflow_sm_pipelines.step_types.roles import NO_REPLACEMENT, RoleReplacement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.definition.model import ExperimentConfig, MlflowConfig, Parameter, PropertyFile
    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.expressions.templates import ParameterTemplate
    from airflow_sm_pipelines.graph import Graph
    from airflow_sm_pipelines.place import Place
    from airflow_sm_pipelines.step_types.step_type import StepType


class PipelineContext(Struct, frozen=True):
    """``place`` is where its tasks stand. ``property_files`` are by step and name; ``digest`` is the definition's,
    ``graph`` that of its steps.

    ``step_types`` are the types of its steps, by name; one that is not known is not among them. ``own_params`` are the
    names of the Dag's Params beside those of the parameters. ``roles`` stand for roles that the definition names, and
    ``role_arn``, which fills a missing one, is one of them where they say so. ``templates`` give parameters the
    values that a run does not, and ``taken`` are the parameters whose values other tasks of the Dag give.
    """

    name: str
    place: Place
    digest: str
    parameters: Mapping[str, Parameter]
    property_files: Mapping[str, Mapping[str, PropertyFile]]
    experiment: ExperimentConfig | None
    mlflow: MlflowConfig | None
    role_arn: str | None
    graph: Graph
    step_types: Mapping[str, StepType]
    own_params: frozenset[str] = frozenset()
    roles: RoleReplacement = NO_REPLACEMENT
    templates: Mapping[str, ParameterTemplate] = FrozenDict()
    taken: frozenset[str] = frozenset()

    @property
    def renders_first(self) -> bool:
        """Whether a task finds these values before any step: one of them asks for what may change."""
        return bool(self.taken) or any(template.is_kept for template in self.templates.values())

    @property
    def parameters_task(self) -> str:
        """The id of that task."""
        return self.place.task(PARAMETERS_TASK)

    def has_no_value(self, name: str, given: Json) -> bool:
        """Whether a run that has been given ``given`` for a parameter leaves it to what the Dag's author has given."""
        return name in self.taken or (name in self.templates and given in (None, ""))

    def params_in(self, dag_params: Mapping[str, Json]) -> Mapping[str, Json]:
        """What a run gives the parameters: the Dag's Params, of which none is the pipeline's in a task group."""
        if self.place.group_id is None:
            return dag_params
        found: dict[str, Json] = {
            name: parameter.default for name, parameter in self.parameters.items() if parameter.has_default
        }
        return {**found, **dict.fromkeys(self.templates), **dict.fromkeys(self.taken)}

    def task_of(self, step: str) -> str:
        """The id of the task that has the result of a step."""
        return self.place.task(self.graph.task_of(step))

    def items_task(self, loop: str) -> str:
        """The id of the task that finds the items of a ForEach step."""
        return self.place.task(items_task(loop))

    def body_task(self, loop: str, step: str) -> str:
        """The id of the task of a step in the body of a ForEach step."""
        return self.place.task(body_task(loop, step))

    def __str__(self) -> str:
        # A mapped task's arguments stand in the serialized Dag as their text, which nobody reads back: a worker makes
        # the Dag of the definition. Primitives would be the whole definition once more for each mapped task, where
        # another text for another definition is all that is needed.
        return f"pipeline {self.name}, definition {self.digest}"
