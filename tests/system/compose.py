"""docker-compose.yaml as compose reads it: its services with their variables filled in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yaml"
VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?:(?P<operator>:?-)(?P<default>[^}]*))?\})")


@dataclass(frozen=True)
class Service:
    """One service of the compose file, its variables filled in."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    healthcheck: tuple[str, ...]
    volumes: tuple[str, ...]
    profiles: tuple[str, ...]
    builds: bool


def read_compose(variables: Mapping[str, str]) -> dict[str, Service]:
    """The services by name, with ``variables`` in the place of the ``.env`` file and the shell."""
    document = _filled(yaml.safe_load(COMPOSE_FILE.read_text()), variables)
    return {name: _service(name, value) for name, value in document["services"].items()}


def env_file_variables(path: Path) -> dict[str, str]:
    """The variables that are set, perhaps to nothing, in a ``.env`` file."""
    lines = (line.strip() for line in path.read_text().splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    """The value with every ``${NAME}``, ``${NAME-default}`` and ``${NAME:-default}`` in its strings replaced."""
    match value:
        case dict():
            return {key: _filled(member, variables) for key, member in value.items()}
        case list():
            return [_filled(member, variables) for member in value]
        case str():
            return VARIABLE.sub(lambda found: _value_of(found, variables), value)
        case _:
            return value


def _value_of(found: re.Match[str], variables: Mapping[str, str]) -> str:
    if found["dollar"]:
        return "$"
    value = variables.get(found["name"])
    if value is None or (value == "" and found["operator"] == ":-"):
        return found["default"] or ""
    return value


def _service(name: str, value: Mapping[str, Any]) -> Service:
    kind, *check = value.get("healthcheck", {}).get("test", ["CMD"])
    assert kind == "CMD", f"{name}: the health check is to be a command without a shell"
    return Service(
        name,
        tuple(value.get("command", ())),
        {key: str(text) for key, text in value.get("environment", {}).items()},
        tuple(check),
        tuple(value.get("volumes", ())),
        tuple(value.get("profiles", ())),
        "build" in value,
    )
