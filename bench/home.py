"""The environment of what is measured: an Airflow home of its own, nothing that the shell says of Airflow or AWS."""

from __future__ import annotations

import os
from pathlib import Path

OF_SHELL = ("AIRFLOW", "AWS_", "_AIRFLOW")


def environment(home: Path) -> dict[str, str]:
    """The variables of a process whose Airflow lives below ``home``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OF_SHELL)}
    return {
        **kept,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # What is measured is measured to its end.
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "600",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "CRITICAL",
    }
