"""What the tests of the documentation neither run nor compare, each with a reason or with the test that does so."""

from __future__ import annotations

SDK = "needs the SageMaker SDK, which does not go into one environment with Airflow"

# Commands by how they begin. The others are run, or read by the parser of the command.
COMMANDS: dict[tuple[str, ...], str] = {
    ("pip", "install"): "installs; tests/documentation/test_commands.py looks at the extras and files that it names",
    ("pip", "download"): "asks the package index",
    ("pipx", "run"): "asks the package index",
    ("git", "clone"): "the repository has no public address yet",
    ("git", "grep"): "tests/documentation/test_links.py",
    ("docker", "compose"): "needs docker; tests/system/test_compose.py runs the services as processes",
    ("aws",): "the AWS command line is no dependency of this package",
    ("python3", "-m", "venv"): "makes an environment, as the Makefile does for all tests",
    ("python", "pipeline.py"): SDK,
    ("python", "my_pipeline.py"): SDK,
    (".",): "of the shell",
    ("cp",): "of the shell",
    ("mkdir",): "of the shell",
}

# Python that is compiled, and whose imports are looked at, but that is not run there.
PYTHON: dict[tuple[str, str], str] = {
    (
        "docs/command-line.md",
        "from airflow_sm_pipelines.local.endpoint import",
    ): "starts Airflow, as tests/running/test_runs.py",
    ("docs/extending.md", "KIND = JobKind("): "tests/documentation/test_python.py",
    ("docs/git-folders.md", "# dags/loader.py"): "tests/documentation/test_python.py",
    ("docs/local-endpoint.md", "# AWS_ENDPOINT_URL="): SDK,
    ("docs/local-tutorial.md", "# measure.py"): "tests/documentation/test_python.py",
    ("docs/local-tutorial.md", "# pipeline.py"): "tests/runs/test_sdk_local_mode.py",
    ("docs/pipelines-api-access.md", "from airflow_sm_pipelines.client"): SDK,
    ("docs/pipelines-api.md", "from airflow_sm_pipelines.client"): SDK,
    ("docs/step-types.md", "sagemaker = boto3.client("): "a call, as in tests/runs/test_callback_endpoint.py",
    ("docs/tutorial.md", "from pathlib import Path"): SDK,
}

# Outputs, trees and drawings that tests/documentation/test_outputs.py does not compare.
TEXTS: dict[tuple[str, str], str] = {
    ("README.md", "success  Preprocess"): "times and names are others each time; tests/running/test_demo.py",
    ("docs/architecture.md", "flowchart LR"): "a drawing",
    (
        "docs/command-line.md",
        "$ airflow sm-pipelines run",
    ): "times and names are others each time; tests/running/test_table.py",
    ("docs/from-aws.md", "$ sm-pipelines pull"): "tests/cli/test_pull.py",
    ("docs/git-folders.md", "dags/"): "tests/documentation/test_python.py",
    ("docs/local-tutorial.md", "success  Measure"): "tests/runs/test_sdk_local_mode.py",
    ("docs/managed-airflow.md", "airflow-sm-pipelines"): "tests/documentation/test_data.py",
    ("docs/moving.md", "$ airflow sm-pipelines compare"): "tests/comparing/test_compare.py",
    ("docs/moving.md", "$ sm-pipelines diff"): "tests/cli/test_diff.py",
    ("docs/pipelines-api-access.md", "aws_access_key_id"): "random; tests/runs/test_access_keys.py",
}

# Pages that are made from code have no other blocks of text than those that a test holds.
MADE = {"docs/python-api.md": "tests/report/test_public_api.py"}
