"""A document through the reader, and its values through their evaluation. No Airflow, no AWS."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from airflow_sm_pipelines.definition import DefinitionError
from airflow_sm_pipelines.definition.evaluation_errors import ConditionError, UnresolvedError
from airflow_sm_pipelines.definition.model import Parameter, Step
from airflow_sm_pipelines.definition.settings import output_parameters
from airflow_sm_pipelines.expressions.conditions import evaluate_all
from airflow_sm_pipelines.expressions.json_get import JsonPathError, json_get
from airflow_sm_pipelines.expressions.outputs import OutputError, typed_outputs
from airflow_sm_pipelines.expressions.parameters import coerce
from airflow_sm_pipelines.expressions.results import summarize, to_result
from airflow_sm_pipelines.expressions.values import resolve_object
from airflow_sm_pipelines.graph import Plan, plan
from airflow_sm_pipelines.report import report_of
from tests.expressions.scope import FixedScope
from tests.fuzz.documents import wild_document
from tests.fuzz.storable import check_storable, check_told
from tests.fuzz.wild import FLOATS, TEXTS, key, scalar, value


@dataclass(frozen=True)
class WildScope(FixedScope):
    """Whatever is asked for is there, and is anything."""

    chance: random.Random = field(default_factory=random.Random)
    declared: dict[str, Parameter] = field(default_factory=dict)

    def parameter(self, name: str) -> Any:
        return coerce(self.declared[name], scalar(self.chance, raws=False))

    def execution_variable(self, name: str) -> Any:
        return scalar(self.chance, raws=False)

    def experiment(self, name: str) -> Any:
        return scalar(self.chance, raws=False)

    def step_property(self, reference: Any) -> Any:
        return value(self.chance, 1, raws=False)

    def property_file_uri(self, reference: Any) -> str:
        return "s3://bucket/file"

    def read_json(self, uri: str) -> Any:
        return value(self.chance, raws=False)

    def current_item(self, reference: Any) -> Any:
        return scalar(self.chance, raws=False)


class Reading:
    """The input is a document's text, and the seed of the values that its expressions meet."""

    counted = 1

    def make(self, chance: random.Random) -> tuple[str, int]:
        return wild_document(chance), chance.randrange(2**32)

    def take(self, given: tuple[str, int]) -> str:
        text, seed = given
        chance = random.Random(seed)
        if chance.random() < 0.2:
            _take_path(chance)
            _take_response(chance)
        try:
            planned = plan(text)
        except DefinitionError as error:
            check_told(error)
            return "findings"
        if chance.random() < 0.1:
            assert list(report_of(planned).lines())
        _resolve_all(planned, chance)
        return "plan"


def _resolve_all(planned: Plan, chance: random.Random) -> None:
    scope = WildScope(chance=chance, declared=dict(planned.pipeline.parameters))
    for step in planned.graph.steps:
        try:
            summarize(resolve_object(step.arguments, scope), 4096)
            if step.branches is not None:
                evaluate_all(step.branches.conditions, scope)
        except (UnresolvedError, ConditionError) as error:
            check_told(error)
        _take_outputs(step, chance)


def _take_outputs(step: Step, chance: random.Random) -> None:
    if step.type in ("Lambda", "Callback"):
        declared = output_parameters(step)
        try:
            typed_outputs(declared, {name: value(chance, 1, raws=False) for name in declared}, "the function")
        except OutputError as error:
            check_told(error)


def _take_response(chance: random.Random) -> None:
    """What AWS answers, as botocore gives it, is stored as a step's result."""
    odd = (math.nan, math.inf, -math.inf, datetime.now(UTC), 1e22, 2**63 - 1, *FLOATS)
    response = {
        "Environment": {key(chance): chance.choice(TEXTS)},
        "Name": [chance.choice(TEXTS)],
        "At": chance.choice(odd),
    }
    check_storable(to_result(response))


def _take_path(chance: random.Random) -> None:
    try:
        json_get(value(chance, raws=False), chance.choice(TEXTS))
    except JsonPathError as error:
        check_told(error)
