"""What is masked of a value, and what stays readable."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.definition.expressions import Join, ParameterReference
from airflow_sm_pipelines.definition.secret_names import NOT_SECRET, SecretNames, listed
from airflow_sm_pipelines.definition.secrets import has_mask, literal_secrets, mask, redactor, secret_texts
from airflow_sm_pipelines.options import OPTIONS
from airflow_sm_pipelines.settings import secret_names_of_environment

NAMES = SecretNames()


@pytest.mark.parametrize(
    "name", ["password", "DbPassword", "API_TOKEN", "api-key", "spark.hadoop.secret.key", " Authorization "]
)
def test_a_word_anywhere_in_a_name_makes_it_that_of_a_secret(name: str) -> None:
    assert NAMES(name)


@pytest.mark.parametrize(
    "name", ["tokenizer_name", "HF_TOKENIZER", "max_new_tokens", "MAX_TOKENS", "epochs", "AccessKey"]
)
def test_what_is_spared_or_has_no_such_word_is_none(name: str) -> None:
    assert not NAMES(name)


def test_the_words_are_those_of_airflows_masker() -> None:
    from airflow.sdk._shared.secrets_masker import DEFAULT_SENSITIVE_FIELDS

    from airflow_sm_pipelines.definition.secret_names import WORDS

    assert WORDS == DEFAULT_SENSITIVE_FIELDS


def test_the_default_of_the_option_spares_the_same_names() -> None:
    assert listed(OPTIONS["not_secret"].default or "") == NOT_SECRET


def test_without_airflow_the_environment_adds_words_and_spares_names() -> None:
    names = secret_names_of_environment(
        {
            "AIRFLOW__CORE__SENSITIVE_VAR_CONN_NAMES": "pin, code",
            "AIRFLOW__SAGEMAKER_PIPELINES__NOT_SECRET": "proxy_*",
        }
    )
    assert [name for name in ("user_pin", "proxy_metric", "tokenizer", "epochs") if names(name)] == [
        "user_pin",
        "tokenizer",
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"password": "abc", "depth": "3"}, {"password": "***", "depth": "3"}),
        ({"secret": {"a": ["x", 1, True, None]}}, {"secret": {"a": ["***", 1, True, None]}}),
        ([{"Name": "DbPassword", "Value": "abc"}], [{"Name": "DbPassword", "Value": "***"}]),
        ([{"Key": "api_token", "Value": "abc"}], [{"Key": "api_token", "Value": "***"}]),
        ({"Name": "TokenMode", "DefaultValue": "a", "EnumValues": ["a"]},) * 2,
        ({"proxy_metric": 0.93, "proxy_count": "12", "token_on": "true", "token": ""},) * 2,
        ({"token": "12345"}, {"token": "***"}),
        ({"url": "https://user:open-sesame@host"}, {"url": "https://user:***@host"}),
        ({"token": ParameterReference("Token")},) * 2,
        (
            {"token": Join("-", ("abc", ParameterReference("Token")))},
            {"token": Join("-", ("***", ParameterReference("Token")))},
        ),
    ],
)
def test_what_is_shown(value: Any, shown: Any) -> None:
    assert mask(value, NAMES, redactor(["open-sesame"])) == shown


def test_a_secret_is_found_as_json_and_python_write_it() -> None:
    secret = 'a"b\\cd\n'
    redact = redactor([secret])
    assert redact(f"x {secret} y") == redact('x a\\"b\\\\cd\\n y') == "x *** y"


def test_short_texts_are_not_looked_for_in_others() -> None:
    assert redactor(["abcd"])("abcdef") == "abcdef"


def test_the_literal_secrets_of_a_document_are_not_what_its_expressions_refer_to() -> None:
    document = {
        "password": {"Get": "Parameters.Password"},
        "secret": {"Std:Join": {"On": "/", "Values": ["literal", {"Get": "Parameters.X"}]}},
        "Parameters": [{"Name": "ApiToken", "DefaultValue": "default"}],
        "nested": {"dsn": ["one", {"two": "three"}]},
    }
    assert sorted(literal_secrets(document, NAMES)) == ["default", "literal", "one", "three"]
    assert sorted(secret_texts({"password": {"Get": "x"}}, NAMES)) == ["x"]


def test_a_mask_is_found_wherever_it_stands() -> None:
    assert has_mask({"a": [{"b": "x***y"}]})
    assert not has_mask({"***": ["x", 1, None]})


@pytest.mark.parametrize("name", ["ClientToken", "clientToken", "ClientRequestToken", "client_request_token"])
def test_a_token_that_only_makes_a_repeated_call_harmless_is_no_secret(name: str) -> None:
    assert not NAMES(name)
    assert NAMES("CallbackToken")
