"""Try the installed wheel as a new user would: in an Airflow that has nothing else, and away from the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
# Not named *.json: it is read from outside of the dags folder too.
EXAMPLE = ROOT / "dags" / "pipelines" / "abalone.json"


class Look(NamedTuple):
    """A command of the environment, and what its output must have."""

    arguments: tuple[str, ...]
    expected: str


LOOKS = (
    Look(("python", "-c", "import airflow_sm_pipelines as found; print(found.__file__)"), "site-packages"),
    Look(("sm-pipelines", "init", "dags"), "sagemaker_pipelines.py"),
    Look(("sm-pipelines", "lint", "dags/pipelines"), "0 errors"),
    Look(("sm-pipelines", "show", "dags/pipelines/abalone.json"), "TrainAbalone"),
    Look(("airflow", "db", "migrate"), ""),
    Look(("airflow", "providers", "get", "airflow-sm-pipelines"), "airflow-sm-pipelines"),
    Look(("airflow", "config", "get-value", "sagemaker_pipelines", "poll_interval"), "30"),
    Look(("airflow", "plugins"), "sagemaker_pipelines"),
    Look(("airflow", "dags", "reserialize"), ""),
    Look(("airflow", "dags", "list-import-errors"), "No data found"),
    Look(("airflow", "dags", "list"), "abalone"),
    Look(("airflow", "tasks", "list", "abalone"), "TrainAbalone"),
)


def try_wheel(python: Path, uv: str) -> dict[str, object]:
    """Run each look in a folder of its own, and count those that show what they must."""
    counted: dict[str, object] = {"passed": 0, "failed": 0, "skipped": 0, "reasons": {}}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "AWS"))}
        environment |= {
            "PATH": f"{python.parent}:{os.environ['PATH']}",
            "AIRFLOW_HOME": str(folder / "home"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        }
        (folder / "dags").mkdir()
        passed = 0
        looks = (Look((uv, "pip", "check", "--python", str(python)), "compatible"), *LOOKS)
        for look in looks:
            fault = fault_of(look, folder, environment)
            if look.arguments[:2] == ("sm-pipelines", "init"):
                shutil.copy(EXAMPLE, folder / "dags" / "pipelines")
            if fault:
                print(f"{' '.join(look.arguments)}: {fault}")
            passed += not fault
        counted |= {"passed": passed, "failed": len(looks) - passed}
    return counted


def fault_of(look: Look, folder: Path, environment: dict[str, str]) -> str:
    """What is wrong with the output of a look; empty where all is well."""
    ran = subprocess.run(look.arguments, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    told = ran.stdout + ran.stderr
    if ran.returncode != 0:
        return f"exit status {ran.returncode}: {told[-2000:]}"
    return "" if look.expected in told else f"{look.expected!r} is not in {told[-2000:]!r}"
