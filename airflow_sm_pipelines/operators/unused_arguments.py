"""The arguments of the provider's operator behind a step's class, where that operator's constructor is not run."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator

if TYPE_CHECKING:
    from collections.abc import Mapping


def unused_arguments(operator: type, own: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """What the provider's constructors among the bases of a class take, by name, each with its default.

    ``own`` is the class from which ours descend. ``given`` has the values of the arguments that have no default.
    Cluster policies and listeners of a deployment read such an argument as the attribute of its name
    (``task.check_interval``): so it is to be one of the class.
    """
    found: dict[str, Any] = {}
    for base in operator.__mro__:
        is_provider = issubclass(base, AwsBaseOperator) and base is not AwsBaseOperator and not issubclass(base, own)
        constructor = vars(base).get("__init__")
        if not is_provider or constructor is None:
            continue
        for name, parameter in inspect.signature(constructor).parameters.items():
            if name != "self" and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                default = None if parameter.default is parameter.empty else parameter.default
                found.setdefault(name, given.get(name, default))
    return {name: value for name, value in found.items() if not hasattr(operator, name)}
