"""A scope whose answers are given, for tests of what is resolved in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.evaluation_errors import UnresolvedError
from airflow_sm_pipelines.definition.expressions import format_expression
from airflow_sm_pipelines.expressions.properties import PathNotFoundError, look_up

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.expressions import CurrentItem, PropertyFileReference, PropertyReference
    from airflow_sm_pipelines.expressions.iteration import Iteration
    from airflow_sm_pipelines.expressions.stringify import Json


@dataclass(frozen=True)
class FixedScope:
    """Property files are by step and name, files by S3 URI."""

    parameters: Mapping[str, Json] = field(default_factory=dict)
    variables: Mapping[str, Json] = field(default_factory=dict)
    results: Mapping[str, Json] = field(default_factory=dict)
    files: Mapping[str, Json] = field(default_factory=dict)
    property_files: Mapping[tuple[str, str], str] = field(default_factory=dict)
    iteration: Iteration | None = None

    def parameter(self, name: str) -> Json:
        return self._given(self.parameters, name, f"Parameters.{name}")

    def execution_variable(self, name: str) -> Json:
        return self._given(self.variables, name, f"Execution.{name}")

    def experiment(self, name: str) -> Json:
        raise UnresolvedError(f"PipelineExperimentConfig.{name}", "is undefined.")

    def step_property(self, reference: PropertyReference) -> Json:
        try:
            return look_up(self.results.get(reference.step), reference.path)
        except PathNotFoundError as error:
            raise UnresolvedError(format_expression(reference), f"is undefined: {error}") from None

    def property_file_uri(self, reference: PropertyFileReference) -> str:
        return self.property_files[reference.step, reference.property_file]

    def read_json(self, uri: str) -> Json:
        return self._given(self.files, uri, uri)

    def learn(self, name: str | None, value: Json) -> None:
        """Nothing is shown here."""

    def current_item(self, reference: CurrentItem) -> Json:
        if self.iteration is None:
            raise UnresolvedError(format_expression(reference), "is undefined.")
        return self.iteration.current_item(reference)

    @staticmethod
    def _given(answers: Mapping[str, Json], name: str, expression: str) -> Json:
        if name not in answers:
            raise UnresolvedError(expression, "is undefined.")
        return answers[name]
