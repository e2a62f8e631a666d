"""``role_arn`` and ``roles`` of a Dag: what is wrong with them, and where they have no effect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from airflow_sm_pipelines.definition.expressions import ParameterReference
from airflow_sm_pipelines.definition.findings import Finding, Severity
from airflow_sm_pipelines.definition.frozen import FrozenDict
from airflow_sm_pipelines.definition.guessing import nearest
from airflow_sm_pipelines.step_types.roles import ANY_ROLE, ROLE_ARN, RoleReplacement, roles_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.graph import Plan


def replacement_of(roles: Mapping[str, str] | None) -> RoleReplacement:
    """The roles of a Dag's argument."""
    return RoleReplacement(FrozenDict(roles if isinstance(roles, Mapping) else {}))


def role_of(pipeline_role: str | None, given: str | None, default: str | None, roles: RoleReplacement) -> str | None:
    """The role that fills a missing one: the Dag's, the one that came with the definition, the deployment's."""
    return roles.forced or given or (None if pipeline_role is None else roles.of(pipeline_role)) or default


def check_roles(planned: Plan, role_arn: str | None, roles: object, given: Mapping[str, object]) -> Iterator[Finding]:
    """An error for what is no role; a warning for one without effect, and for a role that stays.

    :param given: the values that the Dag gives parameters
    """
    if roles is not None and not isinstance(roles, Mapping):
        yield Finding(
            f"roles is {roles!r}, and not a mapping from the definition's roles to others, or of '*'", code="given-role"
        )
        return
    mapping: Mapping[object, object] = roles or {}
    if role_arn is not None and not _is_arn(role_arn):
        yield Finding(f"role_arn is {role_arn!r}, and not the ARN of a role", code="given-role", given=("role_arn",))
    for old, new in mapping.items():
        if not isinstance(old, str) or not old:
            yield Finding(f"roles has the key {old!r}, and not a role or '*'", code="given-role")
        elif not (_is_arn(new) if old == ANY_ROLE or _is_arn(old) else isinstance(new, str) and new):
            message = f"roles gives {new!r} for {old}, and not the ARN of a role"
            yield Finding(message, code="given-role", given=("roles", old))
    if role_arn is not None or mapping:
        yield from _check_effect(planned, role_arn, mapping, given)


def _check_effect(
    planned: Plan, role_arn: str | None, mapping: Mapping[object, object], given: Mapping[str, object]
) -> Iterator[Finding]:
    """A warning for a role without effect, and for one that stays."""
    named = [*_named_roles(planned)]
    if role_arn is not None and not any(role is None for _, _, role in named):
        yield _warning(
            "role_arn has no effect: it fills a missing RoleArn, and no step lacks one. roles={'*': role_arn} would"
            " take the place of those that the steps have",
            "role-without-effect",
        )
    elif role_arn is not None and ANY_ROLE in mapping:
        yield _warning("role_arn has no effect: roles gives '*' a role", "role-without-effect")
    if not mapping:
        return
    yield from _unmatched(mapping, _roles_at_hand(planned, [role for _, _, role in named], role_arn, given))
    if ANY_ROLE in mapping:
        return
    reported: set[str] = set()
    for step, path, role in named:
        if isinstance(role, str) and role not in mapping and role not in mapping.values() and role not in reported:
            reported.add(role)
            yield _warning(
                f"roles does not name {role}, which stays", "role-kept", f"{step.path}.Arguments.{path}", step
            )


def _unmatched(mapping: Mapping[object, object], at_hand: Collection[str] | None) -> Iterator[Finding]:
    if at_hand is None:
        return
    for old in mapping:
        if isinstance(old, str) and old and old != ANY_ROLE and old not in at_hand:
            yield replace(
                _warning(f"roles names {old}, which has no effect: no step has that role", "role-without-effect"),
                suggestion=nearest(old, sorted(at_hand)),
            )


def _roles_at_hand(
    planned: Plan, named: Iterable[Value], role_arn: str | None, given: Mapping[str, object]
) -> set[str] | None:
    """The roles that the steps have, by a parameter or the pipeline too; None where only a run can say."""
    parameters = planned.pipeline.parameters
    found: set[object] = set()
    for role in named:
        if role is None:
            # Where the Dag gives one, the pipeline's own is not used.
            found.update(() if role_arn is not None else (planned.pipeline.role_arn,))
        elif isinstance(role, ParameterReference) and (parameter := parameters.get(role.name)) is not None:
            values = (given.get(role.name, parameter.default), *parameter.enum_values)
            if not any(isinstance(value, str) and value for value in values):
                return None
            found.update(values)
        elif isinstance(role, str):
            found.add(role)
        else:
            return None
    return {role for role in found if isinstance(role, str) and role}


def _named_roles(planned: Plan) -> Iterator[tuple[Step, str, Value]]:
    for step in planned.pipeline.all_steps:
        step_type = planned.type_of(step)
        if step_type is not None:
            yield from ((step, path, role) for path, role in roles_of(step_type, step.arguments))


def _is_arn(value: object) -> bool:
    return isinstance(value, str) and ROLE_ARN.fullmatch(value) is not None


def _warning(message: str, code: str, path: str = "$", step: Step | None = None) -> Finding:
    return Finding(message, path, None if step is None else step.name, severity=Severity.WARNING, code=code)
