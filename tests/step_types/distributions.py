"""Installed distributions of a test's own, with entry points that give step types."""

from __future__ import annotations

from pathlib import Path

from airflow_sm_pipelines.definition.step_types import ENTRY_POINT_GROUP


def install(folder: Path, name: str, entry_points: dict[str, str], modules: dict[str, str]) -> None:
    """Put a distribution, its entry points of the group and its modules into a folder that is on ``sys.path``."""
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text)
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"[{ENTRY_POINT_GROUP}]", *(f"{key} = {value}" for key, value in entry_points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
