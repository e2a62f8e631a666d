"""Settings of files as arguments of Airflow's: what a text names becomes what it is in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import Asset
from msgspec.structs import replace

from airflow_sm_pipelines.definition.findings import Finding
from airflow_sm_pipelines.operators.registry import imported
from airflow_sm_pipelines.sidecars.layers import Given, Merged, StepEntry
from airflow_sm_pipelines.sidecars.schedule_kind import AssetSchedule

if TYPE_CHECKING:
    from airflow.sdk import AssetAll, AssetAny

    from airflow_sm_pipelines.sidecars.layers import Layer

_ENDING = "_callback"


def in_python(layers: list[Layer]) -> Merged:
    """The merged arguments of a Dag, for its class. What a file names and Python does not have is a finding more."""
    findings: list[Finding] = []
    made: list[Layer] = []
    for layer in layers:
        values = {key: _made(key[-1], given, findings) for key, given in layer.values.items() if not _is_id(key, given)}
        steps = tuple([_of_step(entry, findings) for entry in layer.steps])
        made.append(replace(layer, values=values, steps=steps, findings=(*layer.findings, *findings)))
        findings.clear()
    return Merged.of(made)


def _is_id(key: tuple[str, ...], given: Given) -> bool:
    """A dag id in a file counts where the definitions are found."""
    return key == ("dag_id",) and given.origin.line is not None


def _of_step(entry: StepEntry, findings: list[Finding]) -> StepEntry:
    return replace(entry, values={name: _made(name, given, findings) for name, given in entry.values.items()})


def _made(name: str, given: Given, findings: list[Finding]) -> Given:
    if given.origin.line is None:
        return given
    if isinstance(given.value, AssetSchedule):
        return replace(given, value=_assets(given.value))
    if name.endswith(_ENDING) and isinstance(given.value, str):
        try:
            return replace(given, value=_callback(given.value))
        except Exception as error:  # noqa: BLE001 # whatever a module does when it is imported
            message = f"{given.value} cannot be imported: {type(error).__name__}: {error}"
            findings.append(given.origin.of(Finding(message, code="sidecar-setting").bounded(), f"$.{name}"))
    return given


def _assets(schedule: AssetSchedule) -> AssetAll | AssetAny:
    from airflow.sdk import AssetAll, AssetAny

    refs = [Asset.ref(uri=text) if "://" in text else Asset.ref(name=text) for text in schedule.assets]
    return AssetAny(*refs) if schedule.is_any else AssetAll(*refs)


def _callback(path: str) -> object:
    found = imported(path)
    if not callable(found):
        raise TypeError(f"it is {found!r}, which cannot be called")
    return found
