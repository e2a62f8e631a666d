"""Generate ``shapes.json`` and ``api_model.json`` from the installed botocore.

``python -m airflow_sm_pipelines.validation.generate_shapes`` writes both.

With ``--check`` nothing is written: the exit status is 1 where a table lacks an operation or a member that a step type
needs, or differs from what the botocore of the recorded version gives.
"""

from __future__ import annotations

import argparse
import json
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec

from airflow_sm_pipelines.step_types import STEP_TYPES
from airflow_sm_pipelines.validation.api_model import MODEL_FILE, values_of
from airflow_sm_pipelines.validation.service_model import load_model, shape_of, structures_of
from airflow_sm_pipelines.validation.shapes import TABLE_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_sm_pipelines.step_types.step_type import ApiShape


def generate() -> dict[str, Any]:
    """The table for the step types of this package."""
    apis = [api for step_type in STEP_TYPES.built_in for api in step_type.apis]
    requests = sorted({api.arguments for api in apis if api.arguments}, key=str)
    responses = sorted({api.properties for api in apis if api.properties}, key=str)
    models = {service: load_model(service) for service in sorted({api.service for api in (*requests, *responses)})}
    table: dict[str, Any] = {"botocore": version("botocore"), "requests": {}, "responses": {}, "structures": {}}
    roots: dict[str, list[str]] = {service: [] for service in models}
    for named, key, direction in ((requests, "requests", "input"), (responses, "responses", "output")):
        for api in named:
            model = models[api.service]
            shape = shape_of(model, model["operations"][api.operation][direction]["shape"])
            table[key][f"{api.service}:{api.operation}"] = shape
            roots[api.service].append(shape)
    for service, model in models.items():
        found = structures_of(model, roots[service])
        table["structures"][service] = {name: found[name] for name in sorted(found)}
    return table


def generate_model() -> dict[str, Any]:
    """The shapes of all requests and responses of the step types, with what the API says of their values."""
    operations: dict[str, set[str]] = {"requests": set(), "responses": set()}
    for step_type in STEP_TYPES.values():
        for api in step_type.apis:
            operations["requests"] |= {_named(api.arguments)} if api.arguments else set()
            operations["responses"] |= {_named(api.properties)} if api.properties else set()
        operations["requests"] |= {_named(part.api) for part in step_type.parts}
    table: dict[str, Any] = {"botocore": version("botocore"), "requests": {}, "responses": {}, "services": {}}
    roots: dict[str, list[str]] = {}
    models: dict[str, Any] = {}
    for key, direction in (("requests", "input"), ("responses", "output")):
        for name in sorted(operations[key]):
            service, _, operation = name.partition(":")
            model = models.setdefault(service, load_model(service))
            table[key][name] = model["operations"][operation][direction]["shape"]
            roots.setdefault(service, []).append(table[key][name])
    for service in sorted(roots):
        found = values_of(models[service], roots[service])
        table["services"][service] = json.loads(msgspec.json.encode({name: found[name] for name in sorted(found)}))
    return table


def _named(api: ApiShape) -> str:
    return f"{api.service}:{api.operation}"


def differences(shipped: dict[str, Any], generated: dict[str, Any]) -> Iterator[str]:
    """What the shipped table lacks; members that a newer botocore adds are no difference."""
    if shipped["botocore"] == generated["botocore"]:
        if shipped != generated:
            yield f"the table is not what botocore {generated['botocore']} gives"
        return
    for key in ("requests", "responses"):
        for operation in sorted(generated[key].keys() - shipped[key].keys()):
            yield f"{key} lacks {operation}"


def as_text(table: dict[str, Any], last: str) -> str:
    """A table with one shape in a line, so that a change to one is visible in review; ``last`` is where they are."""
    services = []
    for service, structures in table[last].items():
        lines = [f"{json.dumps(name)}:{_compact(members)}" for name, members in structures.items()]
        services.append(f"{json.dumps(service)}:{{\n" + ",\n".join(lines) + "\n}")
    head = {key: value for key, value in table.items() if key != last}
    return _compact(head)[:-1] + f',\n"{last}":{{' + ",\n".join(services) + "}}\n"


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the tables, or check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, fail where the table is out of date")
    tables = [(TABLE_FILE, generate(), "structures"), (MODEL_FILE, generate_model(), "services")]
    if not parser.parse_args(arguments).check:
        for file, generated, last in tables:
            file.write_text(as_text(generated, last), encoding="utf-8")
        return 0
    lines = [
        f"{file.name}: {difference}\n"
        for file, generated, _ in tables
        for difference in differences(json.loads(file.read_bytes()), generated)
    ]
    sys.stderr.writelines(lines)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
