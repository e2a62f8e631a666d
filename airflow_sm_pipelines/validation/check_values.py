"""Whether AWS would take the values of a step's Arguments: each against the API model of the request that they are."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.findings import Finding, Severity
from airflow_sm_pipelines.definition.frozen import FrozenDict
from airflow_sm_pipelines.definition.paths import render_path
from airflow_sm_pipelines.step_types.unique_name import kept_of
from airflow_sm_pipelines.validation.api_model import api_model, installed_model, is_installed, own_model
from airflow_sm_pipelines.validation.check_botocore import is_installed_older, may_lack_members
from airflow_sm_pipelines.validation.expression_types import ExpressionTypes
from airflow_sm_pipelines.validation.judgement import RequestJudgement, TextMember, dotted
from airflow_sm_pipelines.validation.meant_members import members_of
from airflow_sm_pipelines.validation.value_rules import ValueRules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from airflow_sm_pipelines.definition.expressions import Scalar, Value
    from airflow_sm_pipelines.definition.findings import FindingCollector
    from airflow_sm_pipelines.definition.model import Pipeline, Step
    from airflow_sm_pipelines.definition.paths import JsonPath
    from airflow_sm_pipelines.step_types.step_type import ApiShape, RequestPart, StepType
    from airflow_sm_pipelines.validation.api_model import ApiModel
    from airflow_sm_pipelines.validation.severities import ValueSeverities

# The models live as long as the process.
_MADE_RULES: dict[tuple[int, str], ValueRules] = {}


def check_values(
    pipeline: Pipeline,
    step_types: Mapping[str, StepType],
    severities: ValueSeverities,
    collector: FindingCollector,
    given: Mapping[str, Scalar] = MappingProxyType({}),
) -> list[TextMember]:
    """A finding for each value of Arguments that the API model refuses, and where expressions are sent as texts.

    An expression is judged by the type of its value. The findings name the version of botocore whose model refuses:
    where the installed one is another than this package's table is of, it has the last word. ``given`` are values that
    Airflow gives parameters in the place of their defaults.
    """
    steps: dict[str, Step] = {}
    for step in pipeline.all_steps:
        steps.setdefault(step.name, step)
    types = ExpressionTypes(api_model(), step_types, pipeline.parameters, steps, given)
    texts: list[TextMember] = []
    for step in pipeline.all_steps:
        named = step_types.get(step.type)
        if named is None:
            continue
        known = named.used_with(step.arguments)
        judged = _judge(_model_of, known, step, types)
        if _has_installed_a_say(step, known, judged):
            by_table, judged = judged, _judge(_installed_model_of, known, step, types)
            for ours, theirs in zip(by_table, judged, strict=False):
                theirs.note_what_is_newer(ours)
        for one in judged:
            one.add_findings(severities, collector)
            texts += one.texts
    _warn_of_texts(texts, collector)
    return texts


def _has_installed_a_say(step: Step, known: StepType, by_table: list[RequestJudgement]) -> bool:
    """Whether the installed botocore judges a step: it may know what the table refuses, or lack what the table has.

    Not where it lacks the whole call, which is a finding of its own.
    """
    if is_installed(api_model()) or (known.botocore is not None and is_installed_older(known.botocore)):
        return False
    return any(one.findings for one in by_table) or may_lack_members(step, known)


def _warn_of_texts(texts: list[TextMember], collector: FindingCollector) -> None:
    """Say once for a document that numbers and booleans are sent as texts."""
    numbers = [text for text in texts if text.is_number]
    if not numbers:
        return
    first, more = numbers[0], len(numbers) - 1
    place = f"{first.step.path}.Arguments{render_path(first.path)[1:]}"
    others = f" (so {'do' if more > 1 else 'does'} {more} more of this definition)" if more else ""
    message = f"the API takes a text here and the expression gives a number or boolean: its text is sent{others}"
    collector.add(Finding(message, place, first.step.name, severity=Severity.WARNING, code="value-sent-as-text"))


def _judge(
    model_of: Callable[[ApiShape], ApiModel | None], known: StepType, step: Step, types: ExpressionTypes
) -> list[RequestJudgement]:
    """The judgements of all requests that a step's Arguments are made of."""
    judged = []
    if known.arguments is not None and (model := model_of(known.arguments)) is not None:
        shape = model.request(known.arguments)
        names = _prefix(known, step), _cut(known)
        members = None if shape is None else members_of(model, known.arguments.service, shape)
        settings = () if known.syntax is None else tuple(known.syntax.settings)
        judgement = RequestJudgement(
            step, known.arguments, model.botocore, types, _filled(known), *names, members, settings
        )
        arguments = _as_sent(known, step)
        if shape is not None:
            _rules(model, known.arguments.service).check(shape)(arguments, None, judgement)
        judged.append(judgement)
    for part in known.parts:
        if (model := model_of(part.api)) is None or (shape := _shape_of(model, part)) is None:
            continue
        check = _rules(model, part.api.service).check(shape)
        for value, path in _values_at(step, part.path):
            filled = frozenset(f"{dotted(path)}.{name}" for name in part.filled)
            judgement = RequestJudgement(step, part.api, model.botocore, types, filled)
            check(value, path, judgement)
            judged.append(judgement)
    return judged


def _as_sent(known: StepType, step: Step) -> FrozenDict[str, Value]:
    """The Arguments, with what is kept of a name that is cut and made unique."""
    arguments = step.arguments
    name = _cut(known)
    given = None if name is None else arguments.get(name)
    if name is not None and known.kind is not None and isinstance(given, str):
        arguments = {**arguments, name: kept_of(given, known.kind.name_limit)}
    return arguments if type(arguments) is FrozenDict else FrozenDict(arguments)


def _shape_of(model: ApiModel, part: RequestPart) -> str | None:
    """The shape of a part of a request; of a list, that of its elements."""
    shapes, shape = model.services[part.api.service], model.request(part.api)
    for name in part.inside:
        shape = None if shape is None else shapes[shape].members.get(name)
        if shape is not None and shapes[shape].type == "list":
            shape = shapes[shape].member
    return shape


def _model_of(api: ApiShape) -> ApiModel | None:
    """The model that an operation is judged by: this package's, else that of the installed botocore."""
    known = api_model()
    return known if _is_known(api) else own_model(api.service, api.operation)


def _installed_model_of(api: ApiShape) -> ApiModel | None:
    return installed_model(api.service) if _is_known(api) else own_model(api.service, api.operation)


def _is_known(api: ApiShape) -> bool:
    return f"{api.service}:{api.operation}" in api_model().requests


def _values_at(step: Step, name: str) -> Iterator[tuple[Value, JsonPath]]:
    value = step.arguments.get(name)
    if isinstance(value, tuple):
        for index, element in enumerate(value):
            yield element, ((None, name), index)
    elif value is not None:
        yield value, (None, name)


def _rules(model: ApiModel, service: str) -> ValueRules:
    rules = _MADE_RULES.get((id(model), service))
    if rules is None:
        rules = _MADE_RULES[id(model), service] = ValueRules(model.services[service])
    return rules


def _prefix(known: StepType, step: Step) -> str | None:
    """The member whose text is no name, but what a generated one begins with; an empty one is none at all."""
    name = None if known.kind is None else known.kind.name_field
    is_name = known.user_named or known.made_unique
    return name if name is not None and (not is_name or step.arguments.get(name) == "") else None


def _cut(known: StepType) -> str | None:
    """The member whose text is cut where it is too long for a name that is made unique."""
    return known.kind.name_field if known.kind is not None and known.made_unique else None


def _filled(known: StepType) -> frozenset[str]:
    """The required members that the service or this package fills in, as dotted paths."""
    kind = known.kind
    own = () if kind is None else (kind.name_field, kind.role_field or "")
    return frozenset((*own, *known.defaulted_roles))
