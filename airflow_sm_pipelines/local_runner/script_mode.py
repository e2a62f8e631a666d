"""A user's script as the images of the frameworks run it: hyperparameters as arguments, ``SM_*`` in the environment.

Source: https://github.com/aws/sagemaker-training-toolkit (the variables are listed in its ENVIRONMENT_VARIABLES.md).
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from typing import Any

from airflow_sm_pipelines.local_runner.contract import HOST, Command, ContractError
from airflow_sm_pipelines.local_runner.folder import JobFolder
from airflow_sm_pipelines.local_runner.source import REQUIREMENTS
from airflow_sm_pipelines.local_runner.transfers import unpack

PROGRAM, SUBMITTED = "sagemaker_program", "sagemaker_submit_directory"
CODE = "/opt/ml/code"
OWN_PREFIX = "sagemaker_"
TUNING_METRIC = "_tuning_objective_metric"


def decoded(value: str) -> Any:
    """A hyperparameter's value: the SDK writes JSON, other people text."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def is_remote(place: str) -> bool:
    """Whether the source folder is fetched, and not part of an input."""
    return place.startswith("s3://")


class ScriptMode:
    """The hyperparameters of such a job, read."""

    def __init__(self, hyperparameters: Mapping[str, str]) -> None:
        values = {name: decoded(value) for name, value in hyperparameters.items()}
        self._own = {name: value for name, value in values.items() if name.startswith(OWN_PREFIX)}
        others = {name: value for name, value in values.items() if name not in self._own and name != TUNING_METRIC}
        self.values = dict(sorted(others.items()))
        self.program = str(self._own.get(PROGRAM, ""))
        self.submitted = str(self._own.get(SUBMITTED, "")).removeprefix("file://")

    @property
    def arguments(self) -> list[str]:
        """``--name value`` for each hyperparameter of the user, by name."""
        return [
            text
            for name, value in self.values.items()
            for text in (f"-{name}" if len(name) == 1 else f"--{name}", as_argument(value))
        ]

    def command(
        self,
        folder: JobFolder,
        environment: Mapping[str, str],
        channels: Mapping[str, Any],
        resources: Mapping[str, Any],
        job_name: str,
    ) -> Command:
        """Unpack the source folder; what to run there. Raises :class:`ContractError` without the script."""
        code = self._unpacked(folder)
        if not folder.inside(f"{code}/{self.program}").is_file():
            raise ContractError(f"ClientError: {PROGRAM}: there is no {self.program!r} in {self.submitted or code}")
        variables = self._environment(code, channels, resources, job_name)
        path = ":".join(filter(None, [code, environment.get("PYTHONPATH")]))
        requirements = folder.inside(f"{code}/{REQUIREMENTS}")
        if self.program.endswith(".sh"):
            arguments = ["/bin/sh", "-c", shlex.join([f"./{self.program}", *self.arguments])]
            folder.inside(f"{code}/{self.program}").chmod(0o755)
        else:
            arguments = ["python3", self.program, *self.arguments]
        return Command(
            arguments,
            {**variables, **environment, "PYTHONPATH": path},
            code,
            requirements if requirements.is_file() else None,
        )

    def _unpacked(self, folder: JobFolder) -> str:
        if not self.submitted:
            return CODE
        if is_remote(self.submitted):
            packed = folder.inside(f"{CODE}/{self.submitted.rstrip('/').rpartition('/')[2]}")
        else:
            packed = folder.inside(self.submitted)
            if packed.is_dir():
                return self.submitted
        if not packed.is_file():  # the address was a prefix, and its objects are there
            return CODE
        content = packed.read_bytes()
        if is_remote(self.submitted):
            packed.unlink()
        unpack(content, folder.make(CODE), self.submitted)
        return CODE

    def _environment(
        self, code: str, channels: Mapping[str, Any], resources: Mapping[str, Any], job_name: str
    ) -> dict[str, str]:
        module = self.program.removesuffix(".py")
        processors = os.cpu_count() or 1
        described = {
            "channel_input_dirs": {name: f"/opt/ml/input/data/{name}" for name in channels},
            "current_host": HOST,
            "hosts": [HOST],
            "hyperparameters": self.values,
            "input_config_dir": "/opt/ml/input/config",
            "input_data_config": channels,
            "input_dir": "/opt/ml/input",
            "is_master": True,
            "job_name": job_name,
            "log_level": self._own.get("sagemaker_container_log_level", 20),
            "master_hostname": HOST,
            "model_dir": "/opt/ml/model",
            "module_dir": self.submitted or code,
            "module_name": module,
            "network_interface_name": resources["network_interface_name"],
            "num_cpus": processors,
            "num_gpus": 0,
            "output_data_dir": "/opt/ml/output/data",
            "output_dir": "/opt/ml/output",
            "output_intermediate_dir": "/opt/ml/output/intermediate",
            "resource_config": resources,
            "user_entry_point": self.program,
        }
        alone = {key: value for key, value in described.items() if key not in NOT_ALONE}
        return {
            **{f"SM_{key.upper()}": as_variable(value) for key, value in alone.items()},
            "SM_CHANNELS": as_variable(sorted(channels)),
            "SM_HPS": as_variable(self.values),
            "SM_USER_ARGS": as_variable(self.arguments),
            "SM_FRAMEWORK_PARAMS": as_variable(self._own),
            "SM_TRAINING_ENV": as_variable(described),
            **{f"SM_CHANNEL_{name.upper()}": f"/opt/ml/input/data/{name}" for name in channels},
            **{f"SM_HP_{name.upper()}": as_variable(value) for name, value in self.values.items()},
        }


# They have a variable under another name.
NOT_ALONE = ("channel_input_dirs", "hyperparameters", "is_master", "job_name", "master_hostname")


def as_argument(value: Any) -> str:
    """A hyperparameter as the toolkit's argument: ``a=1,b=2`` for an object, else as Python prints it; no ``null``."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return ",".join(f"{key}={member}" for key, member in sorted(value.items()))
    return str(value)


def as_variable(value: Any) -> str:
    """A value as the toolkit's variable: a text as it is, nothing for ``null``, else JSON without spaces."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))
