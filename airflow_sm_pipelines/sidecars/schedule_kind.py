"""The schedule of a Dag as a setting: a cron expression, a preset, or the events of assets."""

from __future__ import annotations

from msgspec import Struct

from airflow_sm_pipelines.definition.guessing import nearest
from airflow_sm_pipelines.definition.limits import MAX_ASSET_LENGTH
from airflow_sm_pipelines.sidecars.kinds import Kind, WrongValueError, found_text, list_of_texts, text, texts_up_to
from airflow_sm_pipelines.sidecars.schedules import fault_of_cron
from airflow_sm_pipelines.sidecars.yaml_tree import Members, Node, Scalar

PRESETS = ("@once", "@continuous", "@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")


class AssetSchedule(Struct, frozen=True):
    """The assets on whose events a Dag runs, by URI or name: all of them, or any one."""

    assets: tuple[str, ...]
    is_any: bool = False


def schedule(node: Node) -> str | AssetSchedule | None:
    """A cron expression or preset, assets, or nothing: then the Dag has none, whatever counts for less."""
    if isinstance(node, Scalar):
        return None if node.is_null else _cron(node)
    if not isinstance(node, Members):
        raise WrongValueError(f"expected a cron expression or assets, found {found_text(node)}", node)
    forms = {"assets": False, "any_asset": True}
    for key, value in node.members:
        if key.text not in forms:
            near = nearest(key.text, forms)
            raise WrongValueError(f"a schedule on assets has no {key.text!r}, but assets or any_asset", key, near)
        if len(node.members) > 1:
            raise WrongValueError("a schedule has either assets (all of them) or any_asset", node)
        if not (found := texts_up_to(MAX_ASSET_LENGTH)(value)):
            raise WrongValueError("a schedule on no asset: to have none, write schedule: null", value)
        return AssetSchedule(tuple(found), forms[key.text])
    raise WrongValueError("expected a cron expression or assets, found an empty mapping", node)


def _cron(node: Scalar) -> str:
    found = text(node)
    if found.startswith("@"):
        if found not in PRESETS:
            raise WrongValueError(
                f"expected a cron expression or one of {', '.join(PRESETS)}, found {found_text(node)}",
                node,
                nearest(found, PRESETS),
            )
        return found
    if (fault := fault_of_cron(found)) is not None:
        raise WrongValueError(f"{fault}, found {found_text(node)}", node)
    return found


_ASSETS = {**list_of_texts(MAX_ASSET_LENGTH).schema, "minItems": 1}
SCHEDULE = Kind(
    schedule,
    {
        "oneOf": [
            {"type": ["string", "null"]},
            {
                "type": "object",
                "required": ["assets"],
                "properties": {"assets": _ASSETS},
                "additionalProperties": False,
            },
            {
                "type": "object",
                "required": ["any_asset"],
                "properties": {"any_asset": _ASSETS},
                "additionalProperties": False,
            },
        ]
    },
)
