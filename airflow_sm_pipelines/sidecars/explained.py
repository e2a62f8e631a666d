"""The settings of a Dag and of its steps as ``explain`` shows them: each with its value and where that comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from airflow_sm_pipelines.expressions.templates import is_template
from airflow_sm_pipelines.options import OPTIONS, PREFIX
from airflow_sm_pipelines.sidecars.fields import OF_DAG
from airflow_sm_pipelines.sidecars.schedule_kind import AssetSchedule
from airflow_sm_pipelines.sidecars.steps import settings_of

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.definition.secret_names import IsSecret
    from airflow_sm_pipelines.graph import Plan
    from airflow_sm_pipelines.sidecars.layers import Merged

_HIDDEN = "***"
# Of these there is nothing where nothing is given.
_ABSENT = frozenset({"parameters", "roles", "dag_id", "replace"})
_AIRFLOW = "Airflow's default"


class Code(Struct, frozen=True):
    """A value that only Python knows, as the code that gives it."""

    text: str

    def __repr__(self) -> str:
        return self.text


class ExplainedSetting(Struct, frozen=True):
    """One setting; ``value`` is as in JSON, and ``origin`` says where it was given."""

    name: str
    value: Any
    origin: str
    is_template: bool = False

    def __str__(self) -> str:
        if self.is_template:
            return f"{self.name} = {self.value!r}, a template that is rendered once in a run ({self.origin})"
        if self.value is None and self.origin == _AIRFLOW:
            return f"{self.name}: {_AIRFLOW}"
        return f"{self.name} = {self.value!r} ({self.origin})"

    def to_json(self) -> dict[str, Any]:
        value = {"code": self.value.text} if isinstance(self.value, Code) else self.value
        document = {"name": self.name, "value": value, "from": self.origin}
        return {**document, "template": True} if self.is_template else document


def explain_settings(
    merged: Merged, environment: Mapping[str, str], is_secret: IsSecret, planned: Plan
) -> Iterator[ExplainedSetting]:
    """Those of the Dag: what is given, and what holds for the others."""
    for key, given in merged.values.items():
        if key == ("replace",):
            value = _replacements(given.value, planned, is_secret)
        else:
            value = _HIDDEN if key[0] == "parameters" and is_secret(key[-1]) else _plain(given.value)
        templated = key[0] == "parameters" and is_template(given.value)
        yield ExplainedSetting(".".join(map(str, key)), value, str(given.origin), is_template=templated)
    keys = {key[0] for key in merged.values} | {".".join(map(str, key)) for key in merged.values}
    for setting in OF_DAG.values():
        name = ".".join(setting.key)
        if name in keys or name in _ABSENT:
            continue
        option = OPTIONS.get(name)
        given_text = environment.get(f"{PREFIX}{name.upper()}")
        if option is None:
            yield ExplainedSetting(name, None, _AIRFLOW)
        elif given_text is not None:
            yield ExplainedSetting(name, given_text, f"[sagemaker_pipelines] {name}")
        else:
            yield ExplainedSetting(name, option.default, "default")


def explain_replaced(planned: Plan, merged: Merged, is_secret: IsSecret) -> Iterator[str]:
    """Each text of the definition in whose place another stands, with where that was given."""
    given = merged.values.get(("replace",))
    for each in planned.replaced:
        origin = None if given is None else given.origin
        line = None if given is None else given.value[each.index].line
        where = "" if origin is None else f" ({origin if line is None else replace(origin, line=line)})"
        values = _HIDDEN if each.is_hidden(is_secret) else f"{each.before!r} is {each.after!r}"
        yield f"{each.path}: {values}{where}"


def explain_step_settings(step: Step, merged: Merged) -> list[ExplainedSetting]:
    """Those that a step itself is given."""
    found = settings_of(step, merged.layers)
    return [ExplainedSetting(name, _plain(given.value), str(given.origin)) for name, given in found.items()]


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, AssetSchedule):
        return {"any_asset" if value.is_any else "assets": list(value.assets)}
    return value


def _replacements(value: object, planned: Plan, is_secret: IsSecret) -> Any:
    """Those of a file, without the texts of one that replaces a secret.

    What Python gives is not replaced here, so that nobody knows which of its texts are.
    """
    if not isinstance(value, tuple):
        return _HIDDEN
    hidden = {each.index for each in planned.replaced if each.is_hidden(is_secret)}
    texts = [(_HIDDEN, _HIDDEN) if index in hidden else (each.old, each.new) for index, each in enumerate(value)]
    return [{"at": list(each.at), "from": old, "to": new} for each, (old, new) in zip(value, texts, strict=True)]
