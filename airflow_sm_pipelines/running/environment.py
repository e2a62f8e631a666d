"""The environment of a run's processes: of the caller's Airflow no more than is meant, and AWS where it is meant."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from airflow_sm_pipelines.options import PREFIX

# What the caller's environment gives to Airflow's Dags, rather than to Airflow.
KEPT = (PREFIX, "AIRFLOW_CONN_", "AIRFLOW_VAR_", "AIRFLOW__SECRETS__")
# With an endpoint, a connection or a backend of secrets could hold the credentials of a real account.
KEPT_WITH_ENDPOINT = (PREFIX, "AIRFLOW_VAR_")
REGION = ("AWS_REGION", "AWS_DEFAULT_REGION")
DEFAULT_REGION = "us-east-1"
CREDENTIAL = "local"


def environment_of(
    caller: Mapping[str, str], home: Path, settings: Mapping[str, str], connections: Mapping[str, str]
) -> dict[str, str]:
    """The environment of a run against AWS, with the caller's credentials.

    :param caller: the caller's environment
    :param settings: options of ``[sagemaker_pipelines]``, which win over the caller's
    :param connections: Airflow connections by their ids, as URIs or JSON
    """
    return {
        **{name: value for name, value in caller.items() if not name.startswith("AIRFLOW") or name.startswith(KEPT)},
        **_of_airflow(home, settings, connections),
    }


def environment_with_endpoint(
    caller: Mapping[str, str], home: Path, settings: Mapping[str, str], endpoint: str, aws_conn_id: str | None
) -> dict[str, str]:
    """The environment of a run against an endpoint that stands for AWS: nothing in it leads to a real account."""
    return {
        **{
            name: value
            for name, value in caller.items()
            if not name.startswith(("AIRFLOW", "AWS_")) or name.startswith(KEPT_WITH_ENDPOINT)
        },
        **_of_airflow(home, settings, {} if aws_conn_id is None else {aws_conn_id: "aws://"}),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": CREDENTIAL,
        "AWS_SECRET_ACCESS_KEY": CREDENTIAL,
        "AWS_DEFAULT_REGION": region_of(caller),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def region_of(caller: Mapping[str, str]) -> str:
    """The region of a run against an endpoint."""
    return next((caller[name] for name in REGION if caller.get(name)), DEFAULT_REGION)


def _of_airflow(home: Path, settings: Mapping[str, str], connections: Mapping[str, str]) -> dict[str, str]:
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        # Its steps run one after the other, and there is no API server to ask.
        f"{PREFIX}PACE": "",
        **{f"{PREFIX}{name.upper()}": value for name, value in settings.items()},
        **{f"AIRFLOW_CONN_{conn_id.upper()}": value for conn_id, value in connections.items()},
    }
