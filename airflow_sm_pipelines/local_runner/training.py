"""Training jobs: a container's own command, a script as the framework images run it, or built-in XGBoost.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_sm_pipelines.local_runner import builtin
from airflow_sm_pipelines.local_runner.contract import HOST, Command, ContractError, End, Outcome, Request
from airflow_sm_pipelines.local_runner.failures import algorithm_error, user_script_error
from airflow_sm_pipelines.local_runner.folder import JobFolder
from airflow_sm_pipelines.local_runner.metrics import Metrics
from airflow_sm_pipelines.local_runner.script_mode import PROGRAM, ScriptMode, is_remote
from airflow_sm_pipelines.local_runner.transfers import Input, InputError, Output, archive

FAILURE_FILE = "/opt/ml/output/failure"
MAX_FAILURE_LENGTH = 4096
CHECKPOINTS = "/opt/ml/checkpoints"
CODE = "/opt/ml/code"


class TrainingContract:
    """One training job; ``request.body`` is a CreateTrainingJob request."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self._algorithm: Mapping[str, Any] = request.body.get("AlgorithmSpecification", {})
        self._hyperparameters: Mapping[str, str] = request.body.get("HyperParameters", {})
        self._is_script = not self._algorithm.get("ContainerEntrypoint") and PROGRAM in self._hyperparameters
        own = not self._is_script and builtin.is_xgboost(self._algorithm.get("TrainingImage", ""))
        self._metrics = Metrics(self._algorithm.get("MetricDefinitions") or (builtin.METRICS if own else ()))

    def inputs(self) -> tuple[Input, ...]:
        result = []
        for channel in self.request.body.get("InputDataConfig", ()):
            name = channel["ChannelName"]
            source = channel["DataSource"].get("S3DataSource")
            if source is None:
                raise InputError(f"ClientError: channel {name!r}: a file system does not work locally, S3 does")
            result.append(
                Input(name, source["S3Uri"], f"/opt/ml/input/data/{name}", source["S3DataType"], self._mode(channel))
            )
        submitted = ScriptMode(self._hyperparameters).submitted if self._is_script else ""
        if is_remote(submitted):
            result.append(Input("sagemaker_submit_directory", submitted, CODE))
        checkpoints = self.request.body.get("CheckpointConfig")
        if checkpoints:
            path = checkpoints.get("LocalPath", CHECKPOINTS)
            result.append(Input("checkpoints", checkpoints["S3Uri"], path, optional=True))
        return tuple(result)

    def _mode(self, channel: Mapping[str, Any]) -> str:
        mode: str = channel.get("InputMode") or self._algorithm.get("TrainingInputMode", "File")
        return mode

    def outputs(self) -> tuple[Output, ...]:
        checkpoints = self.request.body.get("CheckpointConfig")
        if not checkpoints:
            return ()
        path = checkpoints.get("LocalPath", CHECKPOINTS)
        return (Output("checkpoints", path, checkpoints["S3Uri"], continuous=True),)

    def configure(self, folder: JobFolder) -> Mapping[str, Any]:
        for path in ("/opt/ml/model", "/opt/ml/output/data", CODE):
            folder.make(path)
        if self.request.body.get("CheckpointConfig"):
            folder.make(self.request.body["CheckpointConfig"].get("LocalPath", CHECKPOINTS))
        return {
            "/opt/ml/input/config/hyperparameters.json": dict(self._hyperparameters),
            "/opt/ml/input/config/inputdataconfig.json": self._channels(),
            "/opt/ml/input/config/resourceconfig.json": self._resources(),
        }

    def _channels(self) -> dict[str, Any]:
        result = {}
        for channel in self.request.body.get("InputDataConfig", ()):
            about = {
                "TrainingInputMode": self._mode(channel),
                "S3DistributionType": "FullyReplicated",
                "RecordWrapperType": channel.get("RecordWrapperType", "None"),
            }
            if "ContentType" in channel:
                about["ContentType"] = channel["ContentType"]
            result[channel["ChannelName"]] = about
        return result

    def _resources(self) -> dict[str, Any]:
        kind = self.request.body.get("ResourceConfig", {}).get("InstanceType", "local")
        group = {"instance_group_name": "homogeneousCluster", "instance_type": kind, "hosts": [HOST]}
        return {
            "current_host": HOST,
            "current_instance_type": kind,
            "current_group_name": "homogeneousCluster",
            "hosts": [HOST],
            "instance_groups": [group],
            "network_interface_name": "lo",
        }

    def command(self, folder: JobFolder) -> Command:
        environment = {
            "TRAINING_JOB_NAME": self.request.name,
            "TRAINING_JOB_ARN": self.request.arn,
            **self.request.body.get("Environment", {}),
        }
        entrypoint = self._algorithm.get("ContainerEntrypoint")
        if entrypoint:
            return Command([*entrypoint, *self._algorithm.get("ContainerArguments", ())], environment)
        if self._is_script:
            script = ScriptMode(self._hyperparameters)
            return script.command(folder, environment, self._channels(), self._resources(), self.request.name)
        image = self._algorithm.get("TrainingImage", "")
        if builtin.is_xgboost(image):
            return builtin.command(folder, environment)
        what = f"the image {image}" if image else f"the algorithm {self._algorithm.get('AlgorithmName')}"
        raise ContractError(
            f"ClientError: {what} cannot run locally: the request has neither a ContainerEntrypoint nor the"
            f' hyperparameter {PROGRAM}, and what the image itself starts is not here. A rule with "run": "simulate"'
            " fits it"
        )

    def line(self, text: str) -> None:
        self._metrics.line(text)

    def finish(self, folder: JobFolder, end: End, status: str) -> Outcome:
        if status == "Completed" and end.exit_code:
            reason = folder.read_text(FAILURE_FILE, MAX_FAILURE_LENGTH)
            if not reason and self._is_script:
                reason = user_script_error(end.exit_code, end.command, end.tail)
            return Outcome("Failed", algorithm_error(reason, end.exit_code), metrics=self._metrics.values)
        return Outcome(status, metrics=self._metrics.values)

    def artifacts(self, folder: JobFolder, status: str) -> Mapping[str, bytes]:
        """The model of a job that has completed or was stopped; what it has put into its output folder, always."""
        config = self.request.body["OutputDataConfig"]
        below = f"{config['S3OutputPath'].rstrip('/')}/{self.request.name}/output"
        result: dict[str, bytes] = {}
        for name, path, wanted in (
            ("model", "/opt/ml/model", status != "Failed"),
            ("output", "/opt/ml/output/data", True),
        ):
            if not wanted:
                continue
            if config.get("CompressionType") == "NONE":
                for relative, file in folder.files(path):
                    with folder.opened(file) as stream:
                        if stream is not None:
                            result[f"{below}/{name}/{relative}"] = stream.read()
            elif (content := archive(folder, path)) is not None:
                result[f"{below}/{name}.tar.gz"] = content
        return result
