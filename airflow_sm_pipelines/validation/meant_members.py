"""Where in a request, or in a response, the member is that a name was meant for (semantics 14.20).

A name that stands elsewhere in the request is no slip of the pen, so this is asked before the spelling is.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from airflow_sm_pipelines.definition.guessing import normal
from airflow_sm_pipelines.definition.step_types import COMMON_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_sm_pipelines.validation.api_model import ApiModel, ApiShapes, ApiValue

# Names that say too little: what has them elsewhere is most likely something else.
_VAGUE = frozenset({"name", "type", "value", "key", "id", "arn", "description", "mode", "version", "size", "status"})
# Names that several parts of a request have: which of them was meant is not known.
_EVERYWHERE = frozenset({"s3uri", "localpath", "kmskeyid", "contenttype", "s3datatype"})
_BESIDE = COMMON_KEYS - {"Name", "Type", "Arguments"}
_MAX_DEPTH = 5
_OTHER_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **dict.fromkeys(
            ("role", "rolearn", "iamrole", "iamrolearn", "executionrole", "executionrolearn"),
            ("RoleArn", "ExecutionRoleArn"),
        ),
        **dict.fromkeys(("env", "envvars", "environmentvariables"), ("Environment", "PrimaryContainer.Environment")),
        **dict.fromkeys(
            ("image", "imageuri", "containerimage"),
            (
                *("AppSpecification.ImageUri", "AlgorithmSpecification.TrainingImage", "PrimaryContainer.Image"),
                "InferenceSpecification.Containers[].Image",
            ),
        ),
        "trainingimageuri": ("AlgorithmSpecification.TrainingImage",),
        **dict.fromkeys(("inputs", "input"), ("ProcessingInputs", "InputDataConfig", "TransformInput")),
        **dict.fromkeys(
            ("outputs", "output"), ("ProcessingOutputConfig.Outputs", "OutputDataConfig", "TransformOutput")
        ),
        "processingoutputs": ("ProcessingOutputConfig.Outputs",),
        "outputpath": ("OutputDataConfig.S3OutputPath", "TransformOutput.S3OutputPath"),
        **dict.fromkeys(
            ("volumesize", "volumesizegb", "volumesizeingb"),
            ("ResourceConfig.VolumeSizeInGB", "ProcessingResources.ClusterConfig.VolumeSizeInGB"),
        ),
        **dict.fromkeys(("maxrun", "maxruntime", "timeout"), ("StoppingCondition.MaxRuntimeInSeconds",)),
        **dict.fromkeys(
            ("entrypoint", "containerentrypoint"),
            ("AppSpecification.ContainerEntrypoint", "AlgorithmSpecification.ContainerEntrypoint"),
        ),
        **dict.fromkeys(
            ("arguments", "containerarguments", "jobarguments"),
            ("AppSpecification.ContainerArguments", "AlgorithmSpecification.ContainerArguments"),
        ),
        **dict.fromkeys(
            ("modeldata", "modeldataurl"),
            ("PrimaryContainer.ModelDataUrl", "InferenceSpecification.Containers[].ModelDataUrl"),
        ),
        "contenttypes": ("InferenceSpecification.SupportedContentTypes",),
        "responsetypes": ("InferenceSpecification.SupportedResponseMIMETypes",),
        "container": ("PrimaryContainer",),
        "usespotinstances": ("EnableManagedSpotTraining",),
        "keepaliveperiod": ("ResourceConfig.KeepAlivePeriodInSeconds",),
    }
)
PROPERTIES: Mapping[str, str] = MappingProxyType(
    {
        "processingoutputs": "ProcessingOutputConfig.Outputs",
        "outputs": "ProcessingOutputConfig.Outputs",
        "modeldata": "ModelArtifacts.S3ModelArtifacts",
        "modeldataurl": "ModelArtifacts.S3ModelArtifacts",
        "modeluri": "ModelArtifacts.S3ModelArtifacts",
    }
)
"""What people call the members of a step's result, in their normal form."""


_Place: TypeAlias = tuple[bool, int, bool, str]
"""Whether a member stands in a list, how deep it is, whether it is part of what need not be there, and its path."""


class RequestMembers:
    """The members of one request: where each stands, by its name."""

    def __init__(self, shapes: ApiShapes, root: str) -> None:
        self._shapes = shapes
        self._root = root
        self._below: dict[int, dict[str, list[_Place]]] = {}

    def meant(self, name: str, known: ApiValue, *, is_outermost: bool) -> str | None:
        """The member that ``name`` was meant for, an unknown member of the structure ``known``: of the same letters
        there, else elsewhere in the request, as a dotted path from Arguments. None where it is none, or may be several.
        """
        plain = normal(name)
        here = [other for other in known.members if normal(other) == plain]
        if len(here) == 1:
            return here[0]
        for path in _OTHER_NAMES.get(plain, ()):
            name_there = path.rpartition(".")[2]
            if not is_outermost and name_there in known.members:
                return name_there
            if self._has(path):
                return _from_step(path, is_outermost=is_outermost)
        if is_outermost:
            return None if plain in _VAGUE or plain in _EVERYWHERE else _only(self._by_name.get(plain, ()))
        inside = None if plain in _VAGUE else _only(self._below_of(known).get(plain, ()))
        if inside is not None:
            return inside
        # From within a part of the request, a member of the request itself, and none of another part.
        at_top = [path for _, depth, _, path in self._by_name.get(plain, ()) if depth == 0]
        return _from_step(at_top[0], is_outermost=False) if at_top and plain not in _VAGUE else None

    @cached_property
    def _by_name(self) -> dict[str, list[_Place]]:
        """Made only where something is wrong: every step of every process has one of these."""
        return _index(self._shapes, self._shapes[self._root])

    def _below_of(self, known: ApiValue) -> dict[str, list[_Place]]:
        found = self._below.get(id(known))
        if found is None:
            found = self._below[id(known)] = _index(self._shapes, known)
        return found

    def _has(self, path: str) -> bool:
        shape = self._root
        for name in path.split("."):
            inner = self._shapes[shape].members.get(name.removesuffix("[]"))
            if inner is None:
                return False
            shape = self._shapes[inner].member if name.endswith("[]") else inner
        return True


@cache
def _members(model_id: int, service: str, root: str) -> RequestMembers:
    return RequestMembers(_MODELS[model_id].services[service], root)


# The models live as long as the process.
_MODELS: dict[int, ApiModel] = {}


def members_of(model: ApiModel, service: str, root: str) -> RequestMembers:
    """The members of a request, made once."""
    _MODELS[id(model)] = model
    return _members(id(model), service, root)


def beside(name: str, settings: Iterable[str]) -> str | None:
    """The key of a step that ``name``, which stands in its Arguments, is; ``settings`` are those of the step's type."""
    plain = normal(name)
    return next((key for key in (*sorted(_BESIDE), *settings) if normal(key) == plain), None)


def _index(shapes: ApiShapes, root: ApiValue) -> dict[str, list[_Place]]:
    """The places of all members below a structure, by their names in the normal form."""
    found: dict[str, list[_Place]] = {}
    for name, place in _walk(shapes, root):
        found.setdefault(normal(name), []).append(place)
    return found


def _only(places: Iterable[_Place]) -> str | None:
    """The path of the place that is most likely meant: not in a list, the least deep, in what has to be there."""
    found = sorted(places)
    nearest = [each for each in found if each[:2] == found[0][:2]]
    sure = [each for each in nearest if not each[2]] or nearest
    return sure[0][3] if len(sure) == 1 else None


def _from_step(path: str, *, is_outermost: bool) -> str:
    return path if is_outermost else f"Arguments.{path}"


def _walk(shapes: ApiShapes, root: ApiValue) -> Iterator[tuple[str, _Place]]:
    """Each member by its name."""
    level = [(root, "", False, False)]
    for depth in range(_MAX_DEPTH):
        below = []
        for shape, path, in_list, is_optional in level:
            for name, inner in shape.members.items():
                place = f"{path}.{name}" if path else name
                yield name, (in_list, depth, is_optional, place)
                member, optional = shapes[inner], is_optional or name not in shape.required
                if member.type == "list" and shapes[member.member].type == "structure":
                    below.append((shapes[member.member], f"{place}[]", True, optional))
                elif member.type == "structure":
                    below.append((member, place, in_list, optional))
        level = below
