"""Where the requests and results of each step type name what is read and written in S3, as data.

A path is dotted; ``[]`` goes through the elements of a list.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping


class DatasetPaths(Struct, frozen=True):
    """Paths of S3 URIs: ``inputs`` and ``outputs`` in the Create request, ``results`` in the step's result.

    Where the result names what was written, the request's ``outputs`` are not told besides: they are the folders of it.
    """

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    results: tuple[str, ...] = ()


_CHANNEL = "InputDataConfig[].DataSource.S3DataSource.S3Uri"
_PROCESSING = DatasetPaths(
    inputs=("ProcessingInputs[].S3Input.S3Uri",), outputs=("ProcessingOutputConfig.Outputs[].S3Output.S3Uri",)
)
_CONTAINER = ("ModelDataUrl", "ModelDataSource.S3DataSource.S3Uri")

DATASETS: Mapping[str, DatasetPaths] = MappingProxyType(
    {
        "Processing": _PROCESSING,
        "QualityCheck": _PROCESSING,
        "ClarifyCheck": _PROCESSING,
        "Training": DatasetPaths(
            inputs=(_CHANNEL,),
            outputs=("OutputDataConfig.S3OutputPath",),
            results=("ModelArtifacts.S3ModelArtifacts",),
        ),
        "Transform": DatasetPaths(
            inputs=("TransformInput.DataSource.S3DataSource.S3Uri",), outputs=("TransformOutput.S3OutputPath",)
        ),
        "Tuning": DatasetPaths(
            inputs=(f"TrainingJobDefinition.{_CHANNEL}", f"TrainingJobDefinitions[].{_CHANNEL}"),
            outputs=(
                "TrainingJobDefinition.OutputDataConfig.S3OutputPath",
                "TrainingJobDefinitions[].OutputDataConfig.S3OutputPath",
            ),
        ),
        "AutoML": DatasetPaths(
            inputs=(_CHANNEL, "AutoMLJobInputDataConfig[].DataSource.S3DataSource.S3Uri"),
            outputs=("OutputDataConfig.S3OutputPath",),
            results=("BestCandidate.InferenceContainers[].ModelDataUrl",),
        ),
        "Model": DatasetPaths(
            inputs=tuple(f"{member}.{path}" for member in ("PrimaryContainer", "Containers[]") for path in _CONTAINER)
        ),
        "RegisterModel": DatasetPaths(
            inputs=tuple(f"InferenceSpecification.Containers[].{path}" for path in _CONTAINER)
        ),
        "BedrockCustomModel": DatasetPaths(inputs=("ModelSourceConfig.S3DataSource.S3Uri",)),
        "BedrockModelImport": DatasetPaths(inputs=("ModelDataSource.S3DataSource.S3Uri",)),
    }
)
