"""What a deployment lets definitions name: step types, regions, roles, functions, queues, and places in S3.

Each limit is a list of globs (``*``, ``?`` and ``[…]``); an empty one is no limit. docs/security.md says how a name
without an account or a region is compared.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import fields

from airflow_sm_pipelines.definition.secret_names import listed
from airflow_sm_pipelines.options import of_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

ARN_PARTS = 7
"""``arn:<partition>:lambda:<region>:<account>:function:<name>``"""

_QUEUE_REGION = re.compile(r"https?://(?:sqs\.([a-z0-9-]+)|([a-z0-9-]+)\.queue)\.amazonaws\.com")
_ACCOUNT = re.compile(r"\d{12}")


class AllowList(Struct, frozen=True):
    """The globs of the settings ``allowed_<field>``."""

    step_types: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    role_arns: tuple[str, ...] = ()
    lambda_arns: tuple[str, ...] = ()
    queue_urls: tuple[str, ...] = ()
    s3_prefixes: tuple[str, ...] = ()

    @classmethod
    def of_options(cls, options: Mapping[str, str]) -> AllowList:
        """The limits in the texts of the settings, by the settings' names."""
        return cls(**{each.name: listed(options.get(f"allowed_{each.name}") or "") for each in fields(cls)})

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> AllowList:
        """The limits where Airflow itself is not asked: what its environment variables say."""
        names = [f"allowed_{each.name}" for each in fields(cls)]
        return cls.of_options({name: of_environment(name, environment) for name in names})

    def refuse_step_type(self, name: str) -> str | None:
        """Why a step may not have a type; None where it may."""
        return _refusal("the step type", name, "step_types", self.step_types, _is_like)

    def refuse_region(self, region: str) -> str | None:
        return _refusal("the region", region, "regions", self.regions, _is_like)

    def refuse_role(self, role: str) -> str | None:
        return _refusal("the role", role, "role_arns", self.role_arns, _is_role_like)

    def refuse_function(self, function: str) -> str | None:
        """Why a Lambda function may not be invoked: given by name, partial ARN or ARN, each with or without version."""
        parts = _function_parts(function)
        if parts[3] is not None and (refusal := self.refuse_region(parts[3])) is not None:
            return refusal
        return _refusal("the function", function, "lambda_arns", self.lambda_arns, _is_function_like)

    def refuse_queue(self, url: str) -> str | None:
        found = _QUEUE_REGION.match(url)
        if found is not None and (refusal := self.refuse_region(found[1] or found[2])) is not None:
            return refusal
        return _refusal("the queue", url, "queue_urls", self.queue_urls, _is_like)

    def refuse_s3(self, uri: str) -> str | None:
        """Why Airflow may not read or write in S3 itself."""
        return _refusal("the place", uri, "s3_prefixes", self.s3_prefixes, _is_below)


def _refusal(what: str, value: str, option: str, globs: tuple[str, ...], is_like: _Matches) -> str | None:
    if not globs or any(is_like(value, glob) for glob in globs):
        return None
    return f"{what} {value!r} is not allowed here: [sagemaker_pipelines] allowed_{option} is {', '.join(globs)}"


def _is_like(value: str, glob: str) -> bool:
    return fnmatchcase(value, glob)


def _is_role_like(role: str, glob: str) -> bool:
    """A role that is given by its name is one of the connection's account: the name alone is compared."""
    if role.startswith("arn:"):
        return fnmatchcase(role, glob)
    return fnmatchcase(role, glob.partition(":role/")[2] or glob)


def _is_function_like(function: str, glob: str) -> bool:
    """What is not given of an ARN is the connection's, and what the glob says of it is not compared."""
    wanted: list[str] = glob.split(":")
    if len(wanted) < ARN_PARTS and wanted[-1].endswith("*"):
        wanted += ["*"] * (ARN_PARTS - len(wanted))
    if len(wanted) != ARN_PARTS:
        return False
    return all(
        part is None or fnmatchcase(part, glob_part)
        for part, glob_part in zip(_function_parts(function), wanted, strict=True)
    )


def _function_parts(function: str) -> list[str | None]:
    """The parts of a function's ARN without version or alias, None for what is not given."""
    parts = function.split(":")
    if parts[0] == "arn":
        return [*parts[:ARN_PARTS], *[""] * (ARN_PARTS - len(parts))]
    known: list[str | None] = ["arn", None, "lambda", None, None, "function"]
    if len(parts) > 2 and _ACCOUNT.fullmatch(parts[0]) and parts[1] == "function":
        known[4] = parts[0]
        return [*known, parts[2]]
    return [*known, parts[1] if parts[0] == "function" and len(parts) > 1 else parts[0]]


def _is_below(uri: str, prefix: str) -> bool:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    allowed_bucket, _, allowed_key = prefix.removeprefix("s3://").partition("/")
    return uri.startswith("s3://") and fnmatchcase(bucket, allowed_bucket) and key.startswith(allowed_key)


if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    _Matches: TypeAlias = Callable[[str, str], bool]
