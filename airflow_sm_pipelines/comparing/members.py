"""A request beside the description of the job that another request has made: member by member, by the API's model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.definition.paths import render_path
from airflow_sm_pipelines.report.json_diff import ABSENT, Difference, common_name, differences

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.paths import JsonPath
    from airflow_sm_pipelines.step_types.job_kind import JobKind

_DAY = 86400
_DATA_SOURCE = "DataSource.S3DataSource.S3DataDistributionType"
DEFAULTS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "CreateTrainingJob": {
            "InputDataConfig[].CompressionType": "None",
            "InputDataConfig[].RecordWrapperType": "None",
            f"InputDataConfig[].{_DATA_SOURCE}": "FullyReplicated",
            "OutputDataConfig.CompressionType": "GZIP",
            "StoppingCondition.MaxRuntimeInSeconds": _DAY,
        },
        "CreateProcessingJob": {
            "ProcessingInputs[].S3Input.S3CompressionType": "None",
            "ProcessingInputs[].S3Input.S3DataDistributionType": "FullyReplicated",
            "StoppingCondition.MaxRuntimeInSeconds": _DAY,
        },
        "CreateTransformJob": {
            "DataProcessing.InputFilter": "$",
            "DataProcessing.JoinSource": "None",
            "DataProcessing.OutputFilter": "$",
            "TransformInput.CompressionType": "None",
            "TransformInput.SplitType": "None",
            "TransformOutput.AssembleWith": "None",
        },
        "CreateModel": {"PrimaryContainer.Mode": "SingleModel", "Containers[].Mode": "SingleModel"},
    }
)
"""What SageMaker fills in where a request leaves it out (the API reference of each call), by the path of the member."""

CHANGEABLE: Mapping[str, frozenset[str]] = MappingProxyType(
    {"CreateModelPackage": frozenset({"ApprovalDescription", "CustomerMetadataProperties", "ModelApprovalStatus"})}
)
"""What UpdateModelPackage may have changed since: the description has what is now, and not what was sent."""


def undescribed(kind: JobKind, request: Mapping[str, Any]) -> list[str]:
    """The members of a request of which the description of a job does not show what was sent, such as its tags."""
    shown = _shapes(kind)[1].members.keys() - CHANGEABLE.get(kind.create, frozenset())
    return sorted(name for name in request if name not in shown)


def compared(kind: JobKind, described: Mapping[str, Any], request: Mapping[str, Any]) -> Iterator[Difference]:
    """Where what was sent for a job differs from a request: on the left what the description has, on the right ours.

    Only members count that both the request and the description can have: states and times are in no request. What
    the service fills in (:data:`DEFAULTS`, and what is empty, zero or false) is none where the request leaves it out.
    The name of the job is no difference: it is generated.
    """
    sent, shown = _shapes(kind)
    out = {kind.name_field, *CHANGEABLE.get(kind.create, ())}
    left, right = ({name: value for name, value in side.items() if name not in out} for side in (described, request))
    yield from _members(sent, shown, left, right, None, "", DEFAULTS.get(kind.create, {}))


def _members(
    sent: Any, shown: Any, left: Mapping[str, Any], right: Mapping[str, Any], path: JsonPath, dotted: str, known: Any
) -> Iterator[Difference]:
    for name, shape in sent.members.items():
        if name not in shown.members:
            continue
        place = f"{dotted}.{name}".removeprefix(".")
        one, other = left.get(name, ABSENT), right.get(name, ABSENT)
        yield from _values(shape, shown.members[name], one, other, (path, name), place, known)


def _values(
    sent: Any, shown: Any, left: Any, right: Any, path: JsonPath, dotted: str, known: Any
) -> Iterator[Difference]:
    if (right is ABSENT and _is_filled_in(left, dotted, known)) or (left is ABSENT and not right):
        return
    if sent.type_name == shown.type_name == "structure" and _are(Mapping, left, right):
        yield from _members(sent, shown, _or(left, {}), _or(right, {}), path, dotted, known)
    elif sent.type_name == shown.type_name == "list" and _are(list, left, right):
        for key, one, other in _paired(_or(left, []), _or(right, [])):
            yield from _values(sent.member, shown.member, one, other, (path, key), f"{dotted}[]", known)
    else:
        yield from _differing(left, right, path)


def _is_filled_in(value: Any, dotted: str, known: Any) -> bool:
    return value is ABSENT or not value or known.get(dotted, ABSENT) == value


def _are(kind: type[Any], left: Any, right: Any) -> bool:
    """Whether both are of a kind, or one of them is, and the other one is not there."""
    return all(value is ABSENT or isinstance(value, kind) for value in (left, right))


def _or(value: Any, otherwise: Any) -> Any:
    return otherwise if value is ABSENT else value


def _paired(left: list[Any], right: list[Any]) -> Iterator[tuple[int, Any, Any]]:
    """The elements that belong together, each with its place in the right list, or in the only one that has it."""
    name = common_name(left, right)
    if name is None:
        for index in range(max(len(left), len(right))):
            yield index, _at(left, index), _at(right, index)
        return
    theirs, ours = ({element[name]: index for index, element in enumerate(side)} for side in (left, right))
    for key in dict.fromkeys((*theirs, *ours)):
        one = left[theirs[key]] if key in theirs else ABSENT
        other = right[ours[key]] if key in ours else ABSENT
        yield ours.get(key, theirs.get(key, 0)), one, other


def _at(side: list[Any], index: int) -> Any:
    return side[index] if index < len(side) else ABSENT


def _differing(left: Any, right: Any, path: JsonPath) -> Iterator[Difference]:
    if left is ABSENT or right is ABSENT:
        yield Difference(render_path(path), left, right)
    else:
        yield from differences(left, right, path)


@cache
def _model(service: str) -> Any:
    import botocore.session

    return botocore.session.get_session().get_service_model(service)


def _shapes(kind: JobKind) -> tuple[Any, Any]:
    model = _model(kind.service)
    return model.operation_model(kind.create).input_shape, model.operation_model(kind.describe).output_shape
