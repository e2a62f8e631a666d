from __future__ import annotations

import pytest

from airflow_sm_pipelines.definition.model import Parameter, ParameterType
from airflow_sm_pipelines.definition.parameters import coerce
from tests.definition.build import document, errors, only, parameter, read


def one(**keys: object) -> Parameter:
    return read(Parameters=[{"Name": "p", **keys}]).parameters["p"]


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("String", "a", "a"),
        ("String", "", ""),
        ("String", "3", "3"),
        ("Integer", 3, 3),
        ("Integer", "-3", -3),
        ("Integer", 3.0, 3),
        ("Float", 1.5, 1.5),
        ("Float", 1, 1),
        ("Float", "1.5e3", 1500.0),
        ("Float", "2", 2.0),
        ("Float", ".5", 0.5),
        ("Boolean", True, True),
        ("Boolean", "False", False),
        ("Boolean", "true", True),
    ],
)
def test_defaults_have_the_declared_type(kind: str, raw: object, value: object) -> None:
    read_parameter = one(Type=kind, DefaultValue=raw)
    assert (read_parameter.has_default, read_parameter.default) == (True, value)
    assert type(read_parameter.default) is type(value)


@pytest.mark.parametrize(
    ("kind", "raw", "found"),
    [
        ("String", 3, "the number 3"),
        ("String", None, "null; leave the key out"),
        ("Integer", True, "true"),
        ("Integer", 1.5, "the number 1.5"),
        ("Integer", "1.0", "the text '1.0'"),
        ("Integer", "1_000", "the text '1_000'"),
        ("Integer", " 1", "the text ' 1'"),
        ("Integer", "٣", "the text '٣'"),
        ("Float", "NaN", "the text 'NaN'"),
        ("Float", "1e999", "the text '1e999'"),
        ("Float", False, "false"),
        ("Boolean", 1, "the number 1"),
        ("Boolean", "yes", "the text 'yes'"),
        ("Boolean", {"a": 1}, "an object"),
        (None, 3, "the number 3"),
    ],
)
def test_a_default_of_another_type_is_a_finding(kind: str | None, raw: object, found: str) -> None:
    finding = only(document(Parameters=[{"Name": "p", "Type": kind, "DefaultValue": raw}]))
    assert finding.path == "$.Parameters[0].DefaultValue"
    assert finding.message.startswith(f"expected a default of type {kind or 'String'}, found {found}")


def test_an_absent_default_is_not_an_empty_one() -> None:
    assert not one().has_default
    assert one(DefaultValue="").has_default


def test_an_absent_type_is_string() -> None:
    assert one(DefaultValue="x").type is ParameterType.STRING
    assert one(Type=None).type is ParameterType.STRING


def test_enum_and_description() -> None:
    read_parameter = one(Type="String", EnumValues=["a", "b"], DefaultValue="b", Description="which")
    assert (read_parameter.enum_values, read_parameter.description) == (("a", "b"), "which")
    assert one(EnumValues=None).enum_values == ()


@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        (3, "$.Parameters[0]", "expected an object with Name and Type, found the number 3"),
        ({"Type": "String"}, "$.Parameters[0]", "a parameter needs the key 'Name'"),
        (parameter("a.b"), "$.Parameters[0].Name", "a parameter's name has 1 to 256 of A-Z, a-z, 0-9, '-' and '_'"),
        (parameter("a" * 257), "$.Parameters[0].Name", "a parameter's name has 1 to 256"),
        (parameter(""), "$.Parameters[0].Name", "expected a text that is not empty"),
        ({"Name": 3}, "$.Parameters[0].Name", "expected a text, found the number 3"),
        ({"Name": None}, "$.Parameters[0].Name", "expected a text, found null"),
        (parameter("a", "Int"), "$.Parameters[0].Type", "'Int' is no parameter type; expected one of String, Integer"),
        ({"Name": "a", "Type": 3}, "$.Parameters[0].Type", "expected a text, found the number 3"),
        (
            parameter("a", "Integer", EnumValues=["1"]),
            "$.Parameters[0].EnumValues",
            "only a String parameter can have EnumValues, this one is Integer",
        ),
        (
            parameter("a", EnumValues="x"),
            "$.Parameters[0].EnumValues",
            "expected an array of texts, found the text 'x'",
        ),
        (parameter("a", EnumValues=["x", 1]), "$.Parameters[0].EnumValues[1]", "expected a text, found the number 1"),
        (
            parameter("a", EnumValues=["x", "y"], DefaultValue="z"),
            "$.Parameters[0].DefaultValue",
            "the default 'z' is none of EnumValues: 'x', 'y'",
        ),
        (parameter("a", Description=[]), "$.Parameters[0].Description", "expected a text, found an array"),
    ],
)
def test_each_wrong_parameter_is_a_finding(value: object, path: str, message: str) -> None:
    finding = only(document(Parameters=[value]))
    assert finding.path == path
    assert finding.message.startswith(message)


def test_a_misspelt_type_and_key_are_guessed() -> None:
    assert only(document(Parameters=[parameter("a", "string")])).suggestion == "String"
    assert only(document(Parameters=[parameter("a", Default="x")])).suggestion == "DefaultValue"


def test_names_are_unique() -> None:
    assert errors(document(Parameters=[parameter("a"), parameter("b"), parameter("a", "Integer")])) == [
        ("$.Parameters[2].Name", "the parameter 'a' is already declared at $.Parameters[0]")
    ]


def test_parameters_keep_their_order() -> None:
    assert list(read(Parameters=[parameter(name) for name in "cab"]).parameters) == ["c", "a", "b"]


def test_a_wrong_declaration_still_declares_its_name() -> None:
    definition = document(
        {"Name": "A", "Type": "Training", "Arguments": {"x": {"Get": "Parameters.p"}}},
        Parameters=[parameter("p", "Int")],
    )
    assert [path for path, _ in errors(definition)] == ["$.Parameters[0].Type"]


@pytest.mark.parametrize("kind", list(ParameterType))
def test_coercing_never_fails(kind: ParameterType) -> None:
    assert coerce("", kind) == ("" if kind is ParameterType.STRING else None)


@pytest.mark.parametrize("name", ["sagemaker_selected_steps", "sagemaker_source_run_id"])
def test_the_names_that_select_steps_of_a_run_are_taken(name: str) -> None:
    (error,) = errors(document(Parameters=[parameter("p"), parameter(name)]))
    assert error[0] == "$.Parameters[1].Name"
    assert f"no parameter can be called {name!r}" in error[1]
