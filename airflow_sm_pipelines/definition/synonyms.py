"""Names that people use for what a definition calls otherwise: those of the SDK's and CDK's classes, of AWS's
operations, of Step Functions. They are asked before the spelling is (semantics 14.20).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from airflow_sm_pipelines.definition.guessing import normal

_AROUND_TYPE = re.compile(r"\A(?:sagemaker|cfn|create|start|invoke)|(?:v2|step|job|action|task)\Z")
_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "modelpackage": "RegisterModel",
        "modelregistration": "RegisterModel",
        "hyperparametertuning": "Tuning",
        "hyperparametertuner": "Tuning",
        "tuner": "Tuning",
        "tune": "Tuning",
        "estimator": "Training",
        "processor": "Processing",
        "batchtransform": "Transform",
        "transformer": "Transform",
        "choice": "Condition",
        "if": "Condition",
        "map": "ForEach",
        "lambdafunction": "Lambda",
        "function": "Lambda",
    }
)
_ROOTS: Mapping[str, str] = MappingProxyType(
    {
        "parameter": "Parameters",
        "params": "Parameters",
        "param": "Parameters",
        "pipelineparameters": "Parameters",
        "executionvariables": "Execution",
        "executionvariable": "Execution",
        "step": "Steps",
        "experimentconfig": "PipelineExperimentConfig",
        "pipelineexperiment": "PipelineExperimentConfig",
    }
)
_REFERENCES = frozenset({"Parameters", "Execution", "Steps", "PipelineExperimentConfig", "ForEach"})
_AROUND_CONDITION = re.compile(r"\A(?:condition|numeric|string|boolean|is)")
_CONDITIONS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("equal", "equalto", "eq"), "Equals"),
        **dict.fromkeys(("notequal", "notequalto", "ne", "neq"), "NotEquals"),
        **dict.fromkeys(("greater", "gt"), "GreaterThan"),
        **dict.fromkeys(("less", "lt"), "LessThan"),
        **dict.fromkeys(
            ("greaterthanequals", "greaterthanorequal", "greaterthanorequals", "greaterorequal", "gte", "ge"),
            "GreaterThanOrEqualTo",
        ),
        **dict.fromkeys(
            ("lessthanequals", "lessthanorequal", "lessthanorequals", "lessorequal", "lte", "le"), "LessThanOrEqualTo"
        ),
    }
)
_SIGNS: Mapping[str, str] = MappingProxyType(
    {
        "=": "Equals",
        "==": "Equals",
        "!=": "NotEquals",
        "<>": "NotEquals",
        ">": "GreaterThan",
        ">=": "GreaterThanOrEqualTo",
        "<": "LessThan",
        "<=": "LessThanOrEqualTo",
        "!": "Not",
        "||": "Or",
    }
)
_FUNCTIONS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("join", "concat", "concatenate", "format", "sub"), "Std:Join"),
        **dict.fromkeys(("jsonget", "getjson", "jsonpath", "jsonextract"), "Std:JsonGet"),
        "get": "Get",
    }
)


def meant_type(name: str, known: Iterable[str]) -> str | None:
    """The step type that a name of a class, an operation or a resource stands for, if it is one of ``known``."""
    types = {normal(each): each for each in known}
    word = normal(re.split(r"::|[.:]", name.removesuffix(".sync"))[-1])
    for _ in range(4):
        if (found := types.get(word) or types.get(normal(_TYPES.get(word, "")))) is not None:
            return found
        shorter = _AROUND_TYPE.sub("", word, count=1)
        if shorter == word:
            return None
        word = shorter
    return None


def meant_condition(name: str, known: Iterable[str]) -> str | None:
    """The condition type that the name of a class, an operator or a rule of Step Functions stands for."""
    if name.strip() in _SIGNS:
        return _SIGNS[name.strip()]
    types = {normal(each): each for each in known}
    word = normal(name)
    for each in (word, _AROUND_CONDITION.sub("", word)):
        if (found := types.get(each) or _CONDITIONS.get(each)) is not None:
            return found
    return None


def meant_root(name: str) -> str | None:
    """With what a reference begins that begins with ``name``."""
    return _ROOTS.get(normal(name))


def meant_expression(key: str, inner: object) -> str | None:
    """The expression that an object of one key was meant to be, if what it holds can be nothing else."""
    if isinstance(inner, str):
        root, dot, _ = inner.partition(".")
        return "Get" if dot and root in _REFERENCES and meant_function(key) == "Get" else None
    if not isinstance(inner, dict):
        return None
    function = meant_function(key)
    has = {"Std:Join": "Values", "Std:JsonGet": "Path"}.get(function or "")
    return function if has is not None and has in inner else None


def meant_function(name: str) -> str | None:
    """The function that a key like ``Std:Concat`` or ``Fn::Join`` stands for."""
    return _FUNCTIONS.get(normal(name.rpartition(":")[2]))
