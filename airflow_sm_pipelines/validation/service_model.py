"""botocore's service models as the structures of :mod:`airflow_sm_pipelines.validation.shape_texts`."""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from airflow_sm_pipelines.validation.shape_texts import ANY, LIST, MAP, SINGLE, is_structure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow_sm_pipelines.validation.shape_texts import Shape, Structures

Model: TypeAlias = "dict[str, Any]"

PASCAL_CASED = frozenset({"Bedrock"})
"""The services whose API writes its members in camelCase, where definitions write them in PascalCase."""


@lru_cache(maxsize=1)  # tens of megabytes
def load_model(service: str) -> Model:
    """The API model of a service as botocore ships it, a file of JSON."""
    from botocore.loaders import Loader

    model: Model = Loader().load_service_model(service, "service-2")
    return model


def structures_of(model: Model, roots: Iterable[Shape] | None = None) -> Structures:
    """All structures of a model, or those that can be reached from ``roots``."""
    if roots is None:
        roots = [name for name, shape in model["shapes"].items() if shape["type"] == "structure"]
    name_of = member_names(model)
    found: dict[str, dict[str, Shape]] = {}
    left = deque(roots)
    while left:
        name = left.popleft().lstrip(LIST + MAP)
        if is_structure(name) and name not in found:
            members = model["shapes"][name]["members"]
            found[name] = {name_of(key): shape_of(model, member["shape"]) for key, member in members.items()}
            left.extend(found[name].values())
    return found


def member_names(model: Model) -> Callable[[str], str]:
    """How a definition writes the name of a member of this service's API."""
    return _pascal if model["metadata"]["serviceId"] in PASCAL_CASED else str


def shape_of(model: Model, name: str) -> Shape:
    """A shape of the model in the short form."""
    shape = model["shapes"][name]
    match shape["type"]:
        case "structure":
            return ANY if shape.get("document") else name
        case "list":
            return LIST + shape_of(model, shape["member"]["shape"])
        case "map":
            return MAP + shape_of(model, shape["value"]["shape"])
    return SINGLE


def _pascal(name: str) -> str:
    return name[:1].upper() + name[1:]
