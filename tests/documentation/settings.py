"""Settings that pages show: that there are such options, and that their values are taken."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Mapping
from functools import cache

import pytest
from airflow.configuration import conf

from airflow_sm_pipelines.options import SECTION
from airflow_sm_pipelines.settings import read_settings
from airflow_sm_pipelines.validation.severities import severities_of

# What is no option of a section, but read by Airflow, boto3 or this package.
VARIABLES = re.compile(r"AIRFLOW_HOME|AIRFLOW_CONN_\w+|AWS_[A-Z_]+|SAGEMAKER_VALIDATE_ROLE|AIRFLOW_PIPELINES_[A-Z_]+")

# What only Airflow 3.4 has.
LATER = {("dag_processor", "dag_importer_configs")}
# Providers with sections of their own, which an environment need not have.
OF_PROVIDERS = ("celery", "fab")


def check_environment(name: str, value: str) -> None:
    """An environment variable as ``export`` gives it."""
    if found := re.fullmatch(r"AIRFLOW__([A-Z_]+?)__([A-Z_]+)", name):
        check_option(found[1].lower(), found[2].lower(), value)
    else:
        assert VARIABLES.fullmatch(name), f"nothing reads {name}"


def check_option(section: str, option: str, value: str | None = None) -> None:
    """An option of Airflow's configuration, and of ``[sagemaker_pipelines]`` that its value can be used."""
    provider = section.partition("_")[0]
    if provider in OF_PROVIDERS and importlib.util.find_spec(f"airflow.providers.{provider}") is None:
        return
    there = (section, option) in LATER or option in options_of(section)
    assert there, f"[{section}] has no option {option}"
    if section == SECTION and value is not None:
        with pytest.MonkeyPatch.context() as patch:
            for other in [name for name in os.environ if name.startswith("AIRFLOW__SAGEMAKER_PIPELINES__")]:
                patch.delenv(other)
            patch.setenv(f"AIRFLOW__SAGEMAKER_PIPELINES__{option.upper()}", value)
            severities_of(read_settings().values)


@cache
def options_of(section: str) -> frozenset[str]:
    described: Mapping[str, Mapping[str, object]] = conf.configuration_description
    found = described.get(section, {}).get("options") or {}
    assert isinstance(found, Mapping)
    return frozenset(found)
