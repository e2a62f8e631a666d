"""The secrets that Airflow's maskers know in this process: those of its servers, and of its tasks."""

from __future__ import annotations

import sys

MASKERS = ("airflow._shared.secrets_masker", "airflow.sdk._shared.secrets_masker")


def forget_secrets() -> None:
    """Forget what the tests before have masked: a task has a process of its own, the tests of all files share one."""
    for name in MASKERS:
        if name in sys.modules:
            sys.modules[name]._secrets_masker().reset_masker()
