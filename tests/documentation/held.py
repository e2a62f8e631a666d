"""What the tests of the documentation neither run nor compare, each with a reason or with the test that does so."""

from __future__ import annotations

SDK = "needs the SageMaker SDK, which does not go into one environment with Airflow"

AWS = "the AWS command line is no dependency of this package"
INDEX = "installs from the package index or a public repository"
SERVES = "serves until it is stopped"
OWN = "runs a pipeline of the reader's own"
TUTORIAL = "tests/runs/test_tutorial.py"

# Commands by how they begin. The others are run, or read by the parser of the command.
COMMANDS: dict[tuple[str, ...], str] = {
    ("pip", "install"): "installs; tests/documentation/test_commands.py looks at the extras and files that it names",
    ("pip", "download"): "asks the package index",
    ("pipx", "run"): "asks the package index",
    ("git", "clone"): "the repository has no public address yet",
    ("git", "grep"): "tests/documentation/test_links.py",
    ("docker", "compose"): "needs docker; tests/system/test_compose.py runs the services as processes",
    ("aws",): AWS,
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

# Blocks of the shell whose commands are read by their parsers, and that are not run there.
SHELL: dict[tuple[str, str], str] = {
    ("CONTRIBUTING.md", "git grep"): "tests/documentation/test_links.py",
    ("CONTRIBUTING.md", "make demo"): "runs the example and the tests; tests/running/test_demo.py is of the first",
    ("CONTRIBUTING.md", "python3 -m venv"): f"{INDEX}, and rewrites constraints.txt",
    ("README.md", ". .venv/bin/activate\nairflow"): f"{SERVES}; tests/local/test_command.py",
    ("README.md", ". .venv/bin/activate\nexport"): f"{SERVES}; tests/system/test_web_ui.py has the same components",
    ("README.md", "airflow sm-pipelines run"): "starts Airflow; the same command in tests/runs/test_tutorial.py",
    ("README.md", "make demo"): "runs the example and the tests; tests/running/test_demo.py is of the first",
    ("README.md", "pip install"): INDEX,
    ("docs/benchmarks.md", "make bench"): "measures for minutes; tests/report/test_benchmarks.py is of its page",
    ("docs/benchmarks.md", "make scale"): "measures for an hour; tests/documentation/test_commands.py knows its parts",
    ("docs/compatibility.md", "make matrix"): "takes hours; .ci/run does its cheap part",
    ("docs/compatibility.md", "pip install --require"): f"{INDEX}; tests/test_release.py is of the file",
    ("docs/compatibility.md", 'pip install "apache'): f"{INDEX}; make matrix installs each set",
    ("docs/job-events.md", "aws sqs"): f"{AWS}; tests/runs/test_job_events.py has the queue",
    ("docs/local-endpoint.md", "airflow sm-pipelines local"): SERVES,
    ("docs/local-mode.md", "airflow sm-pipelines local"): SERVES,
    ("docs/local-mode.md", "airflow sm-pipelines run churn"): f"{OWN}; tests/local_mode",
    ("docs/local-mode.md", "airflow sm-pipelines run pipeline.json --scenario scenario.json\n"): OWN,
    ("docs/local-mode.md", "airflow sm-pipelines run pipeline.json --scenario scenario.json --keep"): OWN,
    ("docs/local-tutorial.md", "airflow/bin/airflow"): f"{SERVES}; tests/runs/test_sdk_local_mode.py",
    ("docs/local-tutorial.md", "aws s3"): AWS,
    ("docs/local-tutorial.md", "export AWS"): f"{SDK}; tests/runs/test_sdk_local_mode.py",
    ("docs/local-tutorial.md", "python3 -m venv"): INDEX,
    ("docs/pipelines-api-access.md", "airflow sm-pipelines access-keys list"): "revokes a key that was made; "
    "tests/runs/test_access_keys.py",
    ("docs/sagemaker/9-selective-execution.md", "aws sagemaker"): AWS,
    ("docs/tutorial.md", "python3 -m venv"): INDEX,
    ("docs/tutorial.md", "airflow sm-pipelines run abalone.json\n"): TUTORIAL,
    ("docs/tutorial.md", "airflow sm-pipelines run abalone.json --scenario"): TUTORIAL,
    ("docs/tutorial.md", "export AIRFLOW_CONN"): TUTORIAL,
    ("docs/tutorial.md", "export AIRFLOW_HOME=$PWD/home AIRFLOW__"): TUTORIAL,
    ("docs/tutorial.md", "export AIRFLOW_HOME=$PWD/home\n"): TUTORIAL,
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
    ("docs/metrics.md", "airflow.sm_pipelines.jobs.begun"): "tests/runs/test_observed.py",
    ("docs/moving.md", "$ airflow sm-pipelines compare"): "tests/comparing/test_compare.py",
    ("docs/moving.md", "$ sm-pipelines diff"): "tests/cli/test_diff.py",
    ("docs/pace.md", "CreateTrainingJob of"): "tests/jobs/test_admission.py",
    ("docs/pace.md", "CreateTrainingJob was"): "tests/jobs/test_admission.py",
    ("docs/versioning.md", "[sagemaker_pipelines] stopping_slack"): "tests/test_settings.py",
    ("docs/sagemaker/14-chosen.md", "LessThanOrEqualTo:"): "tests/expressions/test_conditions.py",
    ("docs/pipelines-api-access.md", "aws_access_key_id"): "random; tests/runs/test_access_keys.py",
}

# Pages that are made from code have no other blocks of text than those that a test holds.
MADE = {"docs/python-api.md": "tests/report/test_public_api.py"}
