"""What is found in the values of one request of one step, in words."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from airflow_sm_pipelines.definition.expressions import Join, format_expression
from airflow_sm_pipelines.definition.findings import Finding, Severity
from airflow_sm_pipelines.definition.paths import JsonPath, describe, render_path, shorten
from airflow_sm_pipelines.validation.expression_types import BOOLEAN, CONTAINERS, FLOAT, INTEGER, STRING
from airflow_sm_pipelines.validation.meant_members import beside
from airflow_sm_pipelines.validation.severities import UNKNOWN_MEMBER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_sm_pipelines.definition.expressions import Expression, Value
    from airflow_sm_pipelines.definition.findings import FindingCollector
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.step_types.step_type import ApiShape
    from airflow_sm_pipelines.validation.api_model import ApiValue
    from airflow_sm_pipelines.validation.expression_types import ExpressionTypes
    from airflow_sm_pipelines.validation.meant_members import RequestMembers
    from airflow_sm_pipelines.validation.severities import ValueSeverities
    from airflow_sm_pipelines.validation.value_rules import Check

# AWS opens new ones all the time, long before botocore's model has them.
GROWING_ENUM = re.compile(r"InstanceType|AcceleratorType|Region")
# The patterns of these refuse names that the SDK's own examples have.
WITH_DOUBTFUL_PATTERNS = frozenset({"bedrock"})
LOCAL_SOURCE = "FileDataSource"
LOCAL_INSTANCES = ("local", "local_gpu")
MAX_LISTED = 12
WORDS = {
    "structure": "an object",
    "map": "an object",
    "list": "an array",
    "string": "a text",
    "boolean": "true or false",
}
WORDS |= {"integer": "an integer", "long": "an integer", "float": "a number", "double": "a number"}
WORDS |= {"timestamp": "a time", "blob": "a text"}
OF_EXPRESSIONS = MappingProxyType(
    {STRING: "a text", BOOLEAN: "true or false", INTEGER: "an integer", FLOAT: "a number"}
    | {kind: WORDS[kind] for kind in CONTAINERS}
)
# By the type of an expression, the types of members that take its value as it is.
FITTING: Mapping[str, tuple[str, ...]] = {
    STRING: ("string", "timestamp", "blob"),
    INTEGER: ("integer", "long", "float", "double", "timestamp"),
    FLOAT: ("float", "double", "timestamp"),
    BOOLEAN: ("boolean",),
    "structure": ("structure", "map"),
    "map": ("structure", "map"),
    "list": ("list",),
}


class TextMember(Struct, frozen=True):
    """A member of a step's Arguments that AWS takes as a text, and whose expression may give a number or boolean."""

    step: Step
    path: JsonPath
    is_number: bool


class _Found(Struct, frozen=True):
    code: str
    message: str
    path: JsonPath
    word: str = ""
    candidates: tuple[str, ...] = ()
    on_key: bool = False
    only_warned: bool = False
    meant: str | None = None


class RequestJudgement:
    """What is found in one request of one step; see :class:`airflow_sm_pipelines.validation.value_rules.Judgement`."""

    def __init__(
        self,
        step: Step,
        api: ApiShape,
        botocore: str,
        types: ExpressionTypes,
        filled: frozenset[str],
        prefix: str | None = None,
        cut: str | None = None,
        members: RequestMembers | None = None,
        settings: Iterable[str] = (),
    ) -> None:
        """``members`` are those of the whole request, ``settings`` the keys of the step's type beside Arguments.

        ``prefix`` is the member of Arguments that a generated name begins with, which is not judged.

        ``cut`` is the member that may be too long, since it is cut.
        """
        self.step = step
        self.findings: list[_Found] = []
        self.texts: list[TextMember] = []
        self.botocore = botocore
        self._service = api.service
        self._model = f"{api.operation}, botocore {botocore}"
        self._types = types
        self._filled = filled
        self._prefix = prefix
        self._cut = cut
        self._members = members
        self._settings = settings

    def add_findings(self, severities: ValueSeverities, collector: FindingCollector) -> None:
        """Hand the findings over."""
        for found in self.findings:
            place = f"{self.step.path}.Arguments{render_path(found.path)[1:]}"
            severity = Severity.WARNING if found.only_warned else severities.of(found.code)
            meant = found.meant or (collector.guess(found.word, found.candidates) if found.candidates else None)
            message = f"{found.message} ({self._model})"
            finding = Finding(message, place, self.step.name, meant, severity, on_key=found.on_key, code=found.code)
            collector.add(finding)

    def note_what_is_newer(self, table: RequestJudgement) -> None:
        """Say of members that this judgement does not know, and the one by this package's table does, who has them."""
        unknown = {found.path for found in table.findings if found.code == UNKNOWN_MEMBER}
        version = table.botocore
        self.findings = [
            replace(found, message=f"{found.message}; botocore {version} has it", candidates=(), meant=None)
            if found.code == UNKNOWN_MEMBER and found.path not in unknown
            else found
            for found in self.findings
        ]

    def wrong_type(self, wanted: ApiValue, value: Value, path: JsonPath) -> None:
        self._add("value-type", f"expected {WORDS[wanted.type]}, found {describe(value)}", path)

    def expression(self, wanted: ApiValue, expression: Expression, path: JsonPath, check: Check) -> None:
        if isinstance(expression, Join) and _is_local(expression.values[:1]):
            self._local_join(expression, path, check)
        kind = self._types.type_of(expression)
        default = self._types.default_of(expression)
        if wanted.type == "string" and kind not in (STRING, *CONTAINERS):
            self.texts.append(TextMember(self.step, path, is_number=kind is not None))
        elif kind is not None and wanted.type not in FITTING[kind]:
            given = OF_EXPRESSIONS[kind]
            what = shorten(format_expression(expression))
            self._add("value-type", f"expected {WORDS[wanted.type]}, and {what} gives {given}", path)
        elif isinstance(default, str) and default:
            # A run may give another value, so this is no error. An empty text most often means: give one.
            before = len(self.findings)
            check(default, path, self)
            self.findings[before:] = [
                replace(
                    found, message=f"the default of {format_expression(expression)}: {found.message}", only_warned=True
                )
                for found in self.findings[before:]
            ]

    def _local_join(self, expression: Join, path: JsonPath, check: Check) -> None:
        """What begins with the path of a local file is one, where the API wants no such text."""
        before = len(self.findings)
        check(expression.values[0], path, self)
        self.findings[before:] = [found for found in self.findings[before:] if found.code == "value-local"]

    def unknown(self, name: str, known: ApiValue, path: JsonPath) -> None:
        if name == LOCAL_SOURCE and "S3DataSource" in known.members:
            message = f"{name!r} is a member of the SDK's local mode, AWS reads from S3"
            self.findings.append(_Found("value-local", message, (path, name), on_key=True, meant="S3DataSource"))
            return
        message = f"unknown member {name!r}: {render_path(path)[2:] or 'the request'} has no such member"
        key = beside(name, self._settings) if path is None else None
        if key is not None:
            message = f"{message}; {key} stands beside Arguments"
        meant: str | None = None if key is None else f"{key} beside Arguments"
        if meant is None and self._members is not None:
            meant = self._members.meant(name, known, is_outermost=path is None)
        self.findings.append(
            _Found(UNKNOWN_MEMBER, message, (path, name), name, tuple(known.members), on_key=True, meant=meant)
        )

    def missing(self, names: list[str], path: JsonPath) -> None:
        place = dotted(path)
        absent = [name for name in names if (f"{place}.{name}" if place else name) not in self._filled]
        if absent:
            listed = ", ".join(map(repr, absent))
            are = "members are" if len(absent) > 1 else "member is"
            self._add("value-missing", f"required {are} missing: {listed}", path)

    def union(self, shape: ApiValue, path: JsonPath) -> None:
        self._add("value-union", f"exactly one of {_listed(shape.members)} has to be given", path)

    def length(self, shape: ApiValue, value: Value, length: int, path: JsonPath) -> None:
        what = f"{shorten(value)!r} " if isinstance(value, str) else ""
        unit = {"string": "character", "list": "element", "map": "member"}[shape.type]
        self._add(
            "value-length", f"{what}has {length} {unit}{'' if length == 1 else 's'}, {_bounds(shape)} allowed", path
        )

    def range(self, shape: ApiValue, value: float, path: JsonPath) -> None:
        self._add("value-range", f"{describe(value)} is out of range: {_bounds(shape)} allowed", path)

    def pattern(self, shape: ApiValue, text: str, path: JsonPath) -> None:
        if _is_local((text,)):
            self._add("value-local", f"{shorten(text)!r} is a path of the SDK's local mode, AWS reads from S3", path)
        else:
            message = f"{shorten(text)!r} does not match the pattern {shape.pattern}"
            self._add("value-pattern", message, path, only_warned=self._service in WITH_DOUBTFUL_PATTERNS)

    def enum(self, name: str, shape: ApiValue, text: str, path: JsonPath) -> None:
        if text in LOCAL_INSTANCES:
            self._add("value-local", f"{text!r} is an instance type of the SDK's local mode, AWS has none of it", path)
            return
        grows = GROWING_ENUM.search(name) is not None
        if grows:
            message = f"{shorten(text)!r} is not an instance, accelerator or region that botocore's model knows"
            self._add("value-new-name", message, path, word=text, candidates=shape.enum, only_warned=True)
        else:
            self._add(
                "value-enum",
                f"{shorten(text)!r} is none of {_listed(shape.enum)}",
                path,
                word=text,
                candidates=shape.enum,
            )

    def _add(
        self,
        code: str,
        message: str,
        path: JsonPath,
        *,
        word: str = "",
        candidates: tuple[str, ...] = (),
        on_key: bool = False,
        only_warned: bool = False,
    ) -> None:
        if path is not None and path[0] is None:
            name = path[1]
            if name == self._prefix or (name == self._cut and code == "value-length"):
                return
        self.findings.append(_Found(code, message, path, word, candidates, on_key, only_warned))


def _is_local(values: tuple[Value, ...]) -> bool:
    return bool(values) and isinstance(values[0], str) and values[0].startswith("file://")


def dotted(path: JsonPath) -> str:
    """A place in Arguments as a dotted path: ``TrainingJobDefinitions[].RoleArn``."""
    parts: list[str] = []
    while path is not None:
        path, key = path
        parts.append("[]" if isinstance(key, int) else f".{key}")
    return "".join(reversed(parts)).removeprefix(".")


def _bounds(shape: ApiValue) -> str:
    low, high = (None if bound is None else str(bound) for bound in (shape.min, shape.max))
    if low == "0" or low is None or high is None:
        return f"at most {high} {_is(high)}" if high is not None else f"at least {low} {_is(low)}"
    return f"{low} to {high} are" if low != high else f"exactly {low} {_is(low)}"


def _is(bound: str | None) -> str:
    return "is" if bound == "1" else "are"


def _listed(names: Iterable[str]) -> str:
    shown = list(names)
    more = f", and {len(shown) - MAX_LISTED} more" if len(shown) > MAX_LISTED else ""
    return f"{', '.join(shown[:MAX_LISTED])}{more}"
