"""What both interpreters are given: parameter values, canned results of steps, and documents of our own.

Plain data and functions of it, free of the SDK and of this project's reader, so that neither shapes the questions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, TypeAlias

Json: TypeAlias = Any

PIPELINE_NAME = "Differential-Pipeline"
EXECUTION_ID = "a1b2c3d4e5f6"
STARTED = datetime(2024, 2, 29, 23, 59, 58, 250_000, tzinfo=UTC)
EVALUATED = datetime(2024, 3, 1, 7, 8, 9, 125_000, tzinfo=UTC)

BRANCH_KEYS = ("IfSteps", "ElseSteps")
LOCAL_TYPES = ("Training", "Processing", "Transform", "Model", "Condition", "Fail")
"""The step types that the SDK's local mode runs."""

NAMED_LISTS = {"Outputs": "OutputName", "ProcessingInputs": "InputName", "FinalMetricDataList": "MetricName"}

LONG_TEXT = "0123456789-abcdefghij/" * 12
UNICODE_TEXT = "naïve … 日本 {{ ds }} ${x} \"q\" 'r' \\ 🚀"
VALUES: dict[str, dict[str, Json]] = {
    "defaults": {},
    "changed": {},
    "zero": {"String": "0", "Integer": 0, "Float": 0.0, "Boolean": False},
    "negative": {"String": "-1.5", "Integer": -7, "Float": -0.1, "Boolean": True},
    "small": {"String": "1e-5", "Integer": 1, "Float": 1e-5, "Boolean": False},
    "whole": {"String": LONG_TEXT, "Integer": 2**53 + 1, "Float": 1.0, "Boolean": True},
    "unicode": {"String": UNICODE_TEXT, "Integer": 10, "Float": 1e16, "Boolean": False},
}
"""The parameter sets, each with the value that it gives to a parameter by its type."""

_PLAUSIBLE = {"String": "plausible", "Integer": 2, "Float": 0.5, "Boolean": True}


def definition_of(document: Json) -> Json:
    """The definition itself, where a document is a describe-pipeline response around one."""
    inner = document.get("PipelineDefinition", document)
    return json.loads(inner) if isinstance(inner, str) else inner


def walk_steps(steps: Json) -> Iterator[Json]:
    """Every step, those in branches included; the bodies of ForEach steps are left out."""
    for step in steps:
        yield step
        if step["Type"] == "Condition":
            for key in BRANCH_KEYS:
                yield from walk_steps(step["Arguments"].get(key, []))


def is_expression(value: Json) -> bool:
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in ("Get", "Std:Join", "Std:JsonGet")


def own_arguments(step: Json) -> Json:
    """The Arguments that a step evaluates itself: those of a Condition without its branches."""
    return {key: value for key, value in step["Arguments"].items() if key not in BRANCH_KEYS}


def outer_expressions(value: Json, pointer: str = "") -> Iterator[tuple[str, Json]]:
    """The outermost expressions of a value in document order, each with its JSON pointer (RFC 6901)."""
    if is_expression(value):
        yield pointer, value
    elif isinstance(value, dict):
        for key, member in value.items():
            yield from outer_expressions(member, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from outer_expressions(member, f"{pointer}/{index}")


def all_expressions(value: Json) -> Iterator[Json]:
    """Every expression of a value, those inside others included."""
    if is_expression(value):
        yield value
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for member in members:
        yield from all_expressions(member)


def split_step(get: str) -> tuple[str, str]:
    """The step and the property path of a ``Steps.`` reference."""
    found = re.fullmatch(r"Steps\.([^.\[]+)(?:\.|(?=\[)|$)(.*)", get, re.DOTALL)
    assert found is not None, get
    return found.group(1), found.group(2)


def parameter_values(definition: Json, which: str) -> dict[str, Json]:
    """The value of every parameter in one of the sets."""
    return {
        parameter["Name"]: _parameter_value(parameter, which, place)
        for place, parameter in enumerate(definition.get("Parameters") or [])
    }


def _parameter_value(parameter: Json, which: str, place: int) -> Json:
    kind = parameter.get("Type", "String")
    default = parameter.get("DefaultValue", _PLAUSIBLE[kind])
    default = float(default) if kind == "Float" else default
    choices = parameter.get("EnumValues")
    if which == "defaults":
        return default if choices is None or "DefaultValue" in parameter else choices[0]
    if choices:
        return choices[(list(VALUES).index(which) + place) % len(choices)]
    if which != "changed":
        return VALUES[which][kind]
    match kind:
        case "Boolean":
            return not default
        case "String":
            return f"changed {parameter['Name']}"
    return default + (3 if kind == "Integer" else 0.25)


class Canned:
    """Results of steps and files in S3, made up so that every reference of a definition leads to something.

    What a condition compares is made up so that, over the sets, it comes out both ways.
    """

    def __init__(self, definition: Json, which: str, parameters: dict[str, Json]) -> None:
        self.results: dict[str, Json] = {}
        self.files: dict[str, Json] = {}
        self._number = list(VALUES).index(which)
        self._parameters = parameters
        self._steps = {step["Name"]: step for step in walk_steps(definition["Steps"])}
        self._wanted: dict[str, Json] = {}
        local = [step for step in self._steps.values() if step["Type"] in LOCAL_TYPES]
        for step in local:
            if step["Type"] == "Condition":
                self._want(step["Arguments"]["Conditions"])
        for step in local:
            for expression in all_expressions(own_arguments(step)):
                if str(expression.get("Get", "")).startswith("Steps.") and ".PropertyFiles." not in expression["Get"]:
                    self._give_property(expression["Get"])
        for step in local:
            for expression in all_expressions(own_arguments(step)):
                if "Std:JsonGet" in expression:
                    self._give_file(expression)

    def _want(self, conditions: Json) -> None:
        """Note which values let conditions come out either way."""
        for condition in conditions:
            self._want(condition.get("Conditions", []))
            self._want([condition["Condition"]] if "Condition" in condition else [])
            left, right = condition.get("LeftValue"), condition.get("RightValue")
            if "QueryValue" in condition:
                left, right = condition["QueryValue"], next(iter(condition["Values"]), None)
            for operand, other in ((left, right), (right, left)):
                known = self._known(other)
                if is_expression(operand) and known is not None:
                    self._wanted.setdefault(_key(operand), self._near(known))

    def _known(self, operand: Json) -> Json:
        if is_expression(operand):
            name = str(operand.get("Get", ""))
            return self._parameters.get(name.removeprefix("Parameters.")) if name.startswith("Parameters.") else None
        return operand

    def _near(self, value: Json) -> Json:
        if isinstance(value, bool):
            return value if self._number % 2 else not value
        if isinstance(value, str):
            return value if self._number % 2 else f"{value}x"
        return value + (-0.5, 0, 0.5)[self._number % 3]

    def _give_property(self, get: str) -> None:
        step, path = split_step(get)
        value = self._wanted.get(_key({"Get": get}))
        result = self.results.setdefault(step, {})
        if path:
            put(result, path, self._plausible(step, path) if value is None else value)

    def _plausible(self, step: str, path: str) -> Json:
        name = re.split(r"[.\[]", path)[-1].strip("'\"]")
        declared = {output["OutputName"]: output for output in self._steps.get(step, {}).get("OutputParameters") or []}
        if name in declared:
            return _of_type(declared[name].get("OutputType", "String"), self._number)
        if name == "Outcome":
            return self._number % 2 == 0
        if re.search(r"(Uri|Url|Path|S3ModelArtifacts)$", name):
            return f"s3://bucket-{self._number}/{step}/{name.lower()}"
        if name.endswith("Arn"):
            return f"arn:aws:sagemaker:eu-west-1:123456789012:thing/{step.lower()}-{self._number}"
        if name.endswith("InSeconds"):
            return 100 + self._number
        return f"{step}-{name}-{self._number}"

    def _give_file(self, expression: Json) -> None:
        inner = expression["Std:JsonGet"]
        uri = self._uri(inner)
        if uri is None:
            return
        value = self._wanted.get(_key(expression))
        if value is None:
            value = (0.25, 7, "text", True, -3, 1e-5, "1.5")[self._number % 7]
        put(self.files.setdefault(uri, {}), inner["Path"], value)

    def _uri(self, inner: Json) -> str | None:
        if "S3Uri" in inner:
            join = inner["S3Uri"]["Std:Join"]
            return str(join["On"]).join(str(self._part(value)) for value in join["Values"])
        step, path = split_step(inner["PropertyFile"]["Get"])
        name = path.removeprefix("PropertyFiles.")
        for file in self._steps.get(step, {}).get("PropertyFiles") or []:
            if file["PropertyFileName"] == name:
                place = f"ProcessingOutputConfig.Outputs['{file['OutputName']}'].S3Output.S3Uri"
                self._give_property(f"Steps.{step}.{place}")
                return f"{at(self.results[step], place)}/{file['FilePath']}"
        return None

    def _part(self, value: Json) -> Json:
        if not is_expression(value):
            return value
        get = value["Get"]
        if get.startswith("Parameters."):
            return self._parameters[get.removeprefix("Parameters.")]
        if get.startswith("Steps."):
            step, path = split_step(get)
            return at(self.results[step], path)
        return EXECUTION_ID


def _key(expression: Json) -> str:
    return repr(expression)


def _of_type(kind: str, number: int) -> Json:
    return {"Integer": number - 2, "Float": number / 8, "Boolean": number % 2 == 0}.get(kind, f"output {number}")


def _tokens(path: str) -> list[str | int]:
    found = re.findall(r"\['((?:[^'])*)'\]|\[(\d+)\]|([^.\[\]]+)", path.removeprefix("$"))
    return [int(index) if index else key or member for key, index, member in found]


def put(target: Json, path: str, value: Json) -> None:
    """Set the value at a path of an object; a list that is read by name gets an element of that name."""
    tokens = _tokens(path)
    for place, token in enumerate(tokens):
        last = place == len(tokens) - 1
        after = None if last else tokens[place + 1]
        if isinstance(target, list) and isinstance(token, int):
            target.extend({} for _ in range(token + 1 - len(target)))
            if last:
                target[token] = value
            target = target[token]
        elif isinstance(target, list):
            target = _named(target, str(tokens[place - 1]), str(token))
        elif last:
            target[token] = value
        else:
            is_list = isinstance(after, int) or (isinstance(token, str) and token in NAMED_LISTS)
            target = target.setdefault(token, [] if is_list else {})


def at(value: Json, path: str) -> Json:
    """The value at a path that :func:`put` has set."""
    tokens = _tokens(path)
    for place, token in enumerate(tokens):
        by_name = isinstance(value, list) and isinstance(token, str)
        value = _named(value, str(tokens[place - 1]), str(token)) if by_name else value[token]
    return value


def _named(elements: Json, list_name: str, name: str) -> Json:
    field = NAMED_LISTS[list_name]
    for element in elements:
        if element[field] == name:
            return element
    elements.append({field: name})
    return elements[-1]
