"""``python -m tests.sdk [2 3]``: the SageMaker SDK's own session against a real Airflow. ``make sdk`` runs it.

Each major version is installed into an environment of its own below ``.sdk``, which takes minutes and is kept. So this
is no test of every day.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from airflow_sm_pipelines.local.endpoint import REGION, LocalEndpoint

REPOSITORY = Path(__file__).parents[2]
WANTED = {"2": "sagemaker>=2.200,<3", "3": "sagemaker>=3"}
OPTION = "AIRFLOW__SAGEMAKER_PIPELINES__"
SETTINGS = {
    f"{OPTION}PIPELINES_API": "True",
    f"{OPTION}PIPELINES_API_REGION": REGION,
    f"{OPTION}PIPELINES_API_UNPAUSED": "True",
    "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "1",
}


def python_of(major: str) -> Path:
    """The Python of an environment that has the SDK."""
    folder = REPOSITORY / ".sdk" / major
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", WANTED[major]], check=True)
    return python


def main(majors: list[str]) -> int:
    """The number of versions that failed."""
    pythons = {major: python_of(major) for major in majors}
    # From here on no process leaves this machine, and those that it starts do not either.
    from tests.guarded.plugin import guarded_path
    from tests.system.deployment import deployed

    failed = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalEndpoint(scenario={}) as endpoint,
        deployed(Path(folder) / "airflow", {**endpoint.environment, **SETTINGS}, {}) as deployment,
    ):
        endpoint.client("s3").create_bucket(Bucket="sdk-bucket")
        key_id, secret = deployment.access_key()
        environment = {
            **os.environ,
            **endpoint.environment,
            "PYTHONPATH": guarded_path(str(REPOSITORY)),
            "AIRFLOW_PIPELINES_URL": f"{deployment.site.url}/sagemaker-api/v1",
            "AIRFLOW_PIPELINES_ACCESS_KEY_ID": key_id,
            "AIRFLOW_PIPELINES_SECRET_ACCESS_KEY": secret,
            "HOME": folder,
        }
        for major, python in pythons.items():
            script = REPOSITORY / "tests" / "sdk" / "session_examples.py"
            ended = subprocess.run([python, script], env=environment, check=False, cwd=folder)
            print(f"SDK {major}: {'passed' if ended.returncode == 0 else 'FAILED'}", flush=True)
            failed += ended.returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or [*WANTED]))
