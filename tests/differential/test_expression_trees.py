"""Random expression trees: what :func:`resolve` makes of them, and what the simplest reading of the language does.

The reference reads the JSON of the trees itself and shares nothing with the code under test. More examples:
``SM_PIPELINES_TREES=50000 pytest tests/differential/test_expression_trees.py``.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_sm_pipelines.definition.evaluation_errors import UnresolvedError
from airflow_sm_pipelines.definition.findings import FindingCollector, Severity
from airflow_sm_pipelines.definition.scope import Options
from airflow_sm_pipelines.definition.scope import Scope as ReadingScope
from airflow_sm_pipelines.definition.values import read_value
from airflow_sm_pipelines.expressions.values import resolve
from tests.differential.cases import Json
from tests.differential.translation import plain_float, same
from tests.expressions.scope import FixedScope

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.expressions import Value

EXAMPLES = int(os.environ.get("SM_PIPELINES_TREES", "100"))
FUNCTIONS = ("Get", "Std:Join", "Std:JsonGet")
NAMING_FIELDS = ("OutputName", "InputName", "MetricName", "ChannelName", "VariantName", "ContainerHostname")
FIELDS = (*NAMING_FIELDS, "Name", "Key")
KEYS = ("Alpha", "beta", "S3Uri", "a.b", "x:y/z", "k[0]", "it's", 'say "x"', "with space", "ключ", "0", "Name", "Key")
VARIABLES = ("PipelineExecutionId", "PipelineName", "StartDateTime")
TEXTS = ("", "{{ ds }}", "{x}", "%s", "${y}", "s3://b/k", "true", "1e5", "naïve 日本 🚀", 'a "quote"', "null")
FILES = ("s3://b/one.json", "s3://b/two.json", "s3://b/none.json")
# U+0000 is refused wherever it stands: tests/definition/test_text.py.
ANY_TEXT = st.characters(exclude_characters="\0", exclude_categories=["Cs"])


class NothingError(Exception):
    """The reference resolves an expression to nothing."""


@dataclass(frozen=True)
class World:
    """What the expressions of a tree can refer to; a property file's URI is that of the file of its number."""

    parameters: dict[str, Json]
    results: dict[str, Json]
    files: dict[str, Json]


def reference(value: Json, world: World) -> Json:
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)) in FUNCTIONS:
            found = reference_expression(value, world)
            if found is None:
                raise NothingError
            return found
        return {key: reference(member, world) for key, member in value.items() if member is not None}
    return [reference(member, world) for member in value] if isinstance(value, list) else value


def reference_expression(value: Json, world: World) -> Json:
    if "Std:Join" in value:
        inner = value["Std:Join"]
        return inner["On"].join(reference_text(reference(member, world)) for member in inner["Values"])
    if "Std:JsonGet" in value:
        inner = value["Std:JsonGet"]
        if "PropertyFile" in inner:
            uri: Json = FILES[int(inner["PropertyFile"]["Get"][-1])]
        else:
            uri = reference(inner["S3Uri"], world)
        if not isinstance(uri, str) or uri not in world.files:
            raise NothingError
        found = walk(world.files[uri], json_path_tokens(inner["Path"]), by_name=False)
        if isinstance(found, dict | list):
            raise NothingError
        return found
    root, rest = value["Get"].split(".", 1)
    if root == "Parameters":
        return world.parameters[rest]
    if root == "Execution":
        if rest not in VARIABLES:
            raise NothingError
        return f"value of {rest}"
    step, *tokens = tokens_of(f".{rest}")
    return walk(world.results.get(step[1:]), tokens, by_name=True)


def reference_text(value: Json) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return plain_float(value)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def walk(value: Json, tokens: list[str], *, by_name: bool) -> Json:
    """Tokens are ``.member``, ``'key`` and ``#index``; a key finds an element of a list where ``by_name``."""
    for token in tokens:
        mark, name = token[0], token[1:]
        if isinstance(value, dict) and mark != "#" and name in value:
            value = value[name]
        elif isinstance(value, list) and mark == "#" and int(name) < len(value):
            value = value[int(name)]
        elif isinstance(value, list) and mark == "'" and by_name:
            value = element_named(value, name)
        else:
            raise NothingError
    return value


def element_named(elements: list[Json], name: str) -> Json:
    objects = [element for element in elements if isinstance(element, dict)]
    fields = [field for field in FIELDS if objects and all(field in element for element in objects)]
    for element in objects if fields else []:
        if same(element[fields[0]], name):
            return element
    raise NothingError


def tokens_of(rest: str) -> list[str]:
    """The tokens of ``.A[0]['k']``, read from left to right; a quoted key ends at its quote and a bracket."""
    tokens = []
    while rest:
        if rest[0] == ".":
            end = min((rest.index(stop, 1) for stop in ".[" if stop in rest[1:]), default=len(rest))
            tokens.append(rest[:end])
        elif rest[1] in "'\"":
            end = rest.index(f"{rest[1]}]", 2) + 2
            tokens.append(f"'{rest[2 : end - 2]}")
        else:
            end = rest.index("]") + 1
            tokens.append(f"#{rest[1 : end - 1]}")
        rest = rest[end:]
    return tokens


def json_path_tokens(path: str) -> list[str]:
    """As those of a property path; quotes inside a key stand after a backslash."""
    rest = path.removeprefix("$")
    tokens = tokens_of(rest if rest[0] in ".[" else f".{rest}")
    return [token.replace("\\", "") if token[0] == "'" else token for token in tokens]


# Made once, here and below: hypothesis looks through a strategy that it has not seen yet.
NUMBERS_TO_15 = st.integers(0, 15)
MARKS = st.sampled_from((".", "'"))
QUOTES = st.sampled_from("'\"")
ZERO_OR_ONE = st.integers(0, 1)
NEVER_THERE = st.sampled_from((".absent", "'absent", "#0", "#7", ".Alpha", "'beta"))
KINDS = st.sampled_from(("property", "file", "join", "file", "property", "parameter", "variable", "join"))
STEPS = st.sampled_from(("One", "Two-2", "One", "Two-2", "One", "Two-2", "Unknown"))
SEPARATORS = st.sampled_from(("", "/", "-", ",", " {} "))
FILE_NUMBERS = st.sampled_from((0, 1, 0, 1, 0, 1, 2))
TREE_KINDS = st.sampled_from(("object", "list", "expression", "expression", "scalar"))
A_KEY = st.sampled_from(KEYS)
SOME_KEYS = st.lists(A_KEY, max_size=4)
NAMING = st.lists(st.sampled_from(FIELDS), min_size=1, max_size=2, unique=True)
TREE_KEYS = st.sampled_from((*KEYS, "", "{{ x }}")) | st.text(ANY_TEXT, max_size=4)
NAMES_OF_VARIABLES = st.sampled_from((*VARIABLES, *VARIABLES, "TrainingJobName"))

literals = (
    st.booleans()
    | st.integers()
    | st.integers(-3, 12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from((0.1, 1.0, 1e-7, 1e-5, 1e16, 1e21, -0.0))
    | st.sampled_from(TEXTS)
    | st.text(ANY_TEXT, max_size=8)
)
scalars = st.none() | literals


def rarely(draw: st.DrawFn) -> bool:
    # Not the least number, which is drawn more often than others.
    return draw(NUMBERS_TO_15) == 11


@st.composite
def named_lists(draw: st.DrawFn, inner: st.SearchStrategy[Json]) -> Json:
    """A list whose elements bear names, now and then one that does not, or two fields that could name them."""
    fields = draw(NAMING)
    elements = []
    for name in draw(SOME_KEYS):
        element = {field: name if place == 0 else draw(A_KEY) for place, field in enumerate(fields)}
        elements.append(element | {"Value": draw(inner)})
    if rarely(draw):
        elements.append(draw(inner))
    return elements


contents = st.recursive(
    scalars,
    lambda inner: (
        st.dictionaries(st.sampled_from(KEYS), inner, max_size=4) | st.lists(inner, max_size=3) | named_lists(inner)
    ),
    max_leaves=12,
)
objects = st.dictionaries(st.sampled_from(KEYS), contents, min_size=1, max_size=4)
worlds = st.builds(
    World,
    parameters=st.fixed_dictionaries(
        {
            "S": st.sampled_from((*TEXTS, *FILES)) | st.text(ANY_TEXT, max_size=8),
            "I": st.integers(),
            "F": st.floats(allow_nan=False, allow_infinity=False),
            "B": st.booleans(),
        }
    ),
    results=st.fixed_dictionaries({"One": objects, "Two-2": objects}),
    files=st.fixed_dictionaries({FILES[0]: objects, FILES[1]: objects | contents}),
)


def draw_tokens(draw: st.DrawFn, value: Json) -> list[str]:
    """A path through a value, most often to a scalar that is there."""
    tokens: list[str] = []
    while isinstance(value, dict | list) and value and not rarely(draw):
        if isinstance(value, dict):
            key = draw(st.sampled_from(list(value)))
            tokens.append(draw(MARKS) + key)
            value = value[key]
        else:
            index = draw(st.integers(0, len(value) - 1))
            element = value[index]
            named = [field for field in FIELDS if isinstance(element, dict) and isinstance(element.get(field), str)]
            by_name = bool(named) and draw(ZERO_OR_ONE) == 1
            tokens.append(f"'{element[draw(st.sampled_from(named))]}" if by_name else f"#{index}")
            value = element
    if rarely(draw):
        tokens.append(draw(NEVER_THERE))
    return tokens


def write_tokens(draw: st.DrawFn, tokens: list[str], *, escape: bool) -> str:
    text = ""
    for token in tokens:
        mark, name = token[0], token[1:]
        if mark == "#":
            text += f"[{name}]"
        elif mark == "." and not set(name) & set(".[]'\" "):
            text += f".{name}"
        else:
            quote = draw(QUOTES)
            key = name.replace(quote, "\\" + quote) if escape else name
            text += f"[{quote}{key}{quote}]"
    return text


@st.composite
def expressions(draw: st.DrawFn, world: World, depth: int) -> Json:
    kind = draw(KINDS)
    if kind == "parameter":
        return {"Get": f"Parameters.{draw(st.sampled_from(tuple(world.parameters)))}"}
    if kind == "variable":
        return {"Get": f"Execution.{draw(NAMES_OF_VARIABLES)}"}
    if kind == "property":
        step = draw(STEPS)
        return {"Get": f"Steps.{step}{write_tokens(draw, draw_tokens(draw, world.results.get(step)), escape=False)}"}
    if kind == "file":
        return draw(json_gets(world, depth))
    # Without depth left, a Join is of literals.
    part = literals if depth == 0 else joined(world, depth - 1)
    return {"Std:Join": {"On": draw(SEPARATORS), "Values": draw(st.lists(part, max_size=4))}}


def joined(world: World, depth: int) -> st.SearchStrategy[Json]:
    return literals | expressions(world, depth)


@st.composite
def json_gets(draw: st.DrawFn, world: World, depth: int) -> Json:
    number = draw(FILE_NUMBERS)
    tokens = draw_tokens(draw, world.files.get(FILES[number])) or [".absent"]
    path = write_tokens(draw, tokens, escape=True)
    path = draw(st.sampled_from((f"${path}", path.removeprefix("."))))
    if draw(st.booleans()):
        return {"Std:JsonGet": {"PropertyFile": {"Get": f"Steps.One.PropertyFiles.File{number}"}, "Path": path}}
    name = FILES[number].rsplit("/", 1)[1]
    uri: Json = draw(st.sampled_from((FILES[number], {"Std:Join": {"On": "/", "Values": ["s3://b", name]}})))
    if depth > 0 and rarely(draw):
        uri = draw(expressions(world, depth - 1))
    return {"Std:JsonGet": {"S3Uri": uri, "Path": path}}


@st.composite
def trees(draw: st.DrawFn, world: World, depth: int = 4) -> Json:
    kind = draw(TREE_KINDS)
    if kind == "expression":
        return draw(expressions(world, depth))
    if kind == "scalar" or depth == 0:
        return draw(scalars)
    if kind == "list":
        return draw(st.lists(trees(world, depth - 1), max_size=4))
    members = draw(st.dictionaries(TREE_KEYS, trees(world, depth - 1), max_size=4))
    # Beside another key, the name of a function is a member like any other.
    return members | {"Get": "Parameters.S"} if members and rarely(draw) else members


@st.composite
def questions(draw: st.DrawFn) -> tuple[list[Json], World]:
    """Some trees in one world, for a world takes longer to draw: expressions by themselves, and whole structures."""
    world = draw(worlds)
    alone = draw(st.lists(expressions(world, 4), min_size=4, max_size=10))
    return [*alone, draw(trees(world)), draw(trees(world))], world


def read(tree: Json) -> Value:
    collector = FindingCollector()
    value = read_value(ReadingScope(collector, Options()), tree, (None, "Tree"))
    assert [finding for finding in collector.findings if finding.severity is Severity.ERROR] == []
    return value


def scope_of(world: World) -> FixedScope:
    return FixedScope(
        parameters=world.parameters,
        variables={name: f"value of {name}" for name in VARIABLES},
        results=world.results,
        files=world.files,
        property_files={("One", f"File{number}"): uri for number, uri in enumerate(FILES)},
    )


@given(questions())
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_trees_resolve_as_the_reference_says(question: tuple[list[Json], World]) -> None:
    trees_in_world, world = question
    for tree in trees_in_world:
        compare(tree, world)


def compare(tree: Json, world: World) -> None:
    try:
        wanted = reference(tree, world)
    except NothingError:
        wanted = NothingError
    found: object
    try:
        found = resolve(read(tree), scope_of(world))
    except UnresolvedError:
        found = NothingError
    if wanted is NothingError or found is NothingError:
        assert found is wanted, (found, wanted)
    else:
        assert same(found, wanted), (found, wanted)


def test_the_reference_by_hand() -> None:
    """The reference is right about a tree whose value was worked out by hand."""
    world = World(
        {"S": "s", "I": 3, "F": 1e-5, "B": True},
        {"One": {"Outputs": [{"OutputName": "a.b", "S3Output": {"S3Uri": "s3://b/1"}}]}},
        {FILES[0]: {"m": {"it's": [0.5, None]}}},
    )
    property_path = "Steps.One.Outputs['a.b'].S3Output.S3Uri"
    parts = ["x", {"Get": "Parameters.B"}, {"Get": "Parameters.F"}, {"Get": property_path}]
    report = {"PropertyFile": {"Get": "Steps.One.PropertyFiles.File0"}, "Path": r"$.m['it\'s'][0]"}
    tree = {"A": None, "B": [None, {"Std:Join": {"On": "|", "Values": parts}}], "C": {"Std:JsonGet": report}}
    wanted = {"B": [None, "x|true|0.00001|s3://b/1"], "C": 0.5}
    assert reference(tree, world) == wanted
    assert cast("object", resolve(read(tree), scope_of(world))) == wanted
