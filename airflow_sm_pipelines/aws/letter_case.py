"""Requests and responses in PascalCase, of a service whose API writes its members in camelCase.

The members are found in the shapes of botocore's model: the keys of maps are the user's own, and stay as they are.
"""

from __future__ import annotations

from typing import Any


def to_api(value: Any, shape: Any) -> Any:
    """A request as the API writes it; a member that the shape lacks is left as it is, for botocore to refuse."""
    if shape.type_name == "structure" and isinstance(value, dict):
        members = {pascal(name): name for name in shape.members}
        return {
            members.get(key, key): to_api(member, shape.members[members[key]]) if key in members else member
            for key, member in value.items()
        }
    return _inside(value, shape, to_api)


def from_api(value: Any, shape: Any) -> Any:
    """A response in PascalCase, without what is no member of the shape (the response's metadata)."""
    if shape.type_name == "structure" and isinstance(value, dict):
        return {
            pascal(name): from_api(member, shape.members[name])
            for name, member in value.items()
            if name in shape.members
        }
    return _inside(value, shape, from_api)


def _inside(value: Any, shape: Any, convert: Any) -> Any:
    if shape.type_name == "list" and isinstance(value, list):
        return [convert(element, shape.member) for element in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: convert(member, shape.value) for key, member in value.items()}
    return value


def pascal(name: str) -> str:
    """``modelName`` as ``ModelName``."""
    return name[:1].upper() + name[1:]
