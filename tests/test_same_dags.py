"""The same definition is the same Dag: in another process and folder, with another hash seed, day and time zone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.runs.harness import condition, get, pipeline, training
from tests.same_dags import serialized
from tests.test_dag import PARAMETERS

ROOT = Path(__file__).parents[1]
DAY = "86400"


def test_the_same_definition_is_the_same_dag_anywhere_and_at_any_time(tmp_path: Path) -> None:
    """As this process makes them, whose hash seed is any, and as another one does."""
    definition = pipeline(
        condition(
            "C", [{"Type": "In", "QueryValue": get("Parameters.Url"), "Values": ["a", "b"]}], [], [training("E")]
        ),
        *(training(f"Step{number}", DependsOn=["C"]) for number in range(5)),
        training("Last", DependsOn=[f"Step{number}" for number in range(5)]),
        Parameters=PARAMETERS,
    )
    path = tmp_path / "d.json"
    path.write_text(json.dumps(definition))
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    zone = "UTC" if os.environ.get("TZ") == "Asia/Tokyo" else "Asia/Tokyo"
    python_path = os.pathsep.join([os.environ["PYTHONPATH"], str(ROOT)])  # the guard's folder is on it
    done = subprocess.run(
        [sys.executable, "-m", "tests.same_dags", str(path), DAY],
        cwd=tmp_path,
        env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "PYTHONPATH": python_path},
        capture_output=True,
        text=True,
        check=True,
    )
    own, with_a_group = serialized(path)
    assert done.stdout.splitlines() == [own, with_a_group]
    assert json.loads(own)["dag"]["dag_id"] == "d"
    assert "TrainAbalone: ModelArtifacts.S3ModelArtifacts" in with_a_group
    assert "PlainXComArg(url: return_value)" in with_a_group
