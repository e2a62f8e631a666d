"""What Airflow's provider discovery reads of this package. It is imported early: keep it free of other imports."""

from __future__ import annotations

from typing import Any

from airflow_sm_pipelines.options import IN_0_1, OPTIONS

INTEGRATION = "Amazon SageMaker Pipelines"
DOCS = "/docs/airflow-sm-pipelines"


def get_provider_info() -> dict[str, Any]:
    """The provider's registration: what Airflow's ``provider_info.schema.json`` describes.

    ``integrations`` is for the registry of providers: name, the service's documentation, our guides, logo, tags. Paths
    below ``/docs`` are those of the package's documentation, as in Airflow's own providers.
    """
    from airflow_sm_pipelines import __version__

    return {
        "package-name": "airflow-sm-pipelines",
        "name": "SageMaker Pipelines",
        "description": "Amazon SageMaker pipeline definitions as first-class Apache Airflow Dags.",
        "versions": [__version__, "0.1.0"],
        "integrations": [
            {
                "integration-name": INTEGRATION,
                "external-doc-url": "https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines.html",
                "how-to-guide": [f"{DOCS}/tutorial.md", f"{DOCS}/everyday.md"],
                "logo": f"{DOCS}/images/logo.svg",
                "tags": ["aws", "machine-learning"],
            }
        ],
        "operators": [
            {
                "integration-name": INTEGRATION,
                "python-modules": [
                    f"airflow_sm_pipelines.operators.{module}"
                    for module in (
                        "callback",
                        "cleanup",
                        "condition",
                        "emr",
                        "fail",
                        "for_each",
                        "job",
                        "lambda_function",
                        "lineage",
                        "sagemaker",
                    )
                ],
            }
        ],
        "hooks": [{"integration-name": INTEGRATION, "python-modules": ["airflow_sm_pipelines.aws.hook"]}],
        "bundles": [
            {
                "integration-name": INTEGRATION,
                "python-modules": ["airflow_sm_pipelines.store.api_bundle", "airflow_sm_pipelines.store.aws_bundle"],
            }
        ],
        "triggers": [
            {
                "integration-name": INTEGRATION,
                "python-modules": ["airflow_sm_pipelines.callbacks.trigger", "airflow_sm_pipelines.jobs.trigger"],
            }
        ],
        "config": {
            "sagemaker_pipelines": {
                "description": "How pipeline definitions become Dags and their steps run.",
                "options": {
                    name: {
                        "description": option.description,
                        "version_added": "0.1.0" if name in IN_0_1 else option.version_added,
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
