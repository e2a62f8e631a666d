"""What Airflow's provider discovery reads of this package. It is imported early: keep it free of other imports."""

from __future__ import annotations

from typing import Any

from airflow_sm_pipelines.options import OPTIONS


def get_provider_info() -> dict[str, Any]:
    """The provider's registration (Airflow's provider_info schema)."""
    from airflow_sm_pipelines import __version__

    return {
        "package-name": "airflow-sm-pipelines",
        "name": "SageMaker Pipelines",
        "description": "Amazon SageMaker pipeline definitions as first-class Apache Airflow Dags.",
        "versions": [__version__],
        "config": {
            "sagemaker_pipelines": {
                "description": "How pipeline definitions become Dags and their steps run.",
                "options": {
                    name: {
                        "description": option.description,
                        "version_added": "0.1.0",
                        # The schema of Airflow has no type for JSON, nor for a list.
                        "type": "string" if option.type in ("json", "list") else option.type,
                        "example": option.example,
                        "default": option.default,
                    }
                    for name, option in OPTIONS.items()
                },
            }
        },
        "extra-links": [
            "airflow_sm_pipelines.operators.links.AwsConsoleLink",
            "airflow_sm_pipelines.operators.links.JobLogLink",
            "airflow_sm_pipelines.operators.cache_link.CacheSourceLink",
        ],
        "cli": ["airflow_sm_pipelines.cli.airflow_commands.get_cli_commands"],
    }
