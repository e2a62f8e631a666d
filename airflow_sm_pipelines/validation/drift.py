"""What is new in the installed SageMaker SDK and botocore, against what this package knows.

Known of botocore are ``api_model.json`` (the members and enums of every request and response of a step type) and, of
the SDK and of the API's own calls about pipelines, ``known_releases.json``: what has been looked at, whether we run it
or not. ``sm-pipelines drift`` shows what is new, so that a release is read once; ``--write`` takes it up as looked at.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from airflow_sm_pipelines.validation.api_model import api_model, values_of
from airflow_sm_pipelines.validation.sdk_facts import Facts, sdk_facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

KNOWN_FILE = Path(__file__).parent / "known_releases.json"
_METADATA = "PipelineExecutionStepMetadata"
_PIPELINES = "sagemaker"


class News(Struct, frozen=True):
    """One thing that is new: where it was found, what it is a fact of, and the fact."""

    source: str
    about: str
    fact: str

    def __str__(self) -> str:
        return f"{self.source}: {self.about}: {self.fact}"


class Release(Struct, frozen=True):
    """What was found: the version, and the facts by what they are facts of."""

    source: str
    version: str
    facts: dict[str, tuple[str, ...]]


class NoModelError(ValueError):
    """A folder without botocore's models."""


def botocore_release(folder: Path | None) -> Release:
    """The facts of botocore's models, those of the installed one or of a ``data`` folder.

    :raises NoModelError: where the folder has no model of SageMaker
    """
    from importlib.metadata import version

    known = api_model()
    facts: Facts = {}
    for service in sorted(known.services):
        model = _model(service, folder)
        named = {**known.requests, **known.responses}
        roots = [shape for operation, shape in named.items() if operation.partition(":")[0] == service]
        _add_shapes(facts, service, model, roots)
        if service == _PIPELINES:
            _add_pipelines(facts, model)
    found = version("botocore") if folder is None else str(folder)
    return Release("botocore", found, _sorted(facts))


def sdk_release(folder: Path) -> Release:
    """The facts of the SDK in a folder that holds its package ``sagemaker``, or is it.

    :raises NoSdkError: where there is none
    """
    inside = folder / "sagemaker"
    package = inside if inside.is_dir() else folder
    infos = package.parent.glob("sagemaker_mlops-*.dist-info")
    versions = [each.name.removesuffix(".dist-info").split("-")[1] for each in infos]
    return Release("SDK", versions[0] if len(versions) == 1 else str(folder), _sorted(sdk_facts(package)))


def installed_sdk() -> Path | None:
    """The folder of the installed SDK's package; None where none is installed."""
    from importlib.util import find_spec

    spec = find_spec("sagemaker")
    places = [] if spec is None else [Path(place) for place in spec.submodule_search_locations or ()]
    return next((place for place in places if (place / "mlops").is_dir()), None)


def news_of(release: Release) -> list[News]:
    """What of a release is not known."""
    known = _known()[release.source]["facts"]
    if release.source == "botocore":
        known = {**known, **_sorted(_of_api_model())}
    return [
        News(release.source, about, fact)
        for about, facts in release.facts.items()
        for fact in facts
        if fact not in known.get(about, ())
    ]


def take_up(releases: Iterable[Release]) -> None:
    """Write what the releases have into the table, beside what older ones had."""
    table = _known()
    for release in releases:
        facts = table[release.source]["facts"]
        ours = _of_api_model() if release.source == "botocore" else {}
        for about, found in release.facts.items():
            # What api_model.json has is not written twice.
            missing = set(found) - ours.get(about, set())
            if missing or about in facts:
                facts[about] = sorted({*facts.get(about, ()), *missing})
        table[release.source] = {"version": release.version, "facts": {name: facts[name] for name in sorted(facts)}}
    KNOWN_FILE.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def known_versions() -> dict[str, str]:
    """The version of each source that was last taken up."""
    return {source: table["version"] for source, table in _known().items()}


def _known() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(KNOWN_FILE.read_bytes())
    return table


def _model(service: str, folder: Path | None) -> dict[str, Any]:
    from botocore.exceptions import DataNotFoundError, UnknownServiceError
    from botocore.loaders import Loader

    loader = Loader() if folder is None else Loader([str(folder)], include_default_search_paths=False)
    try:
        model: dict[str, Any] = loader.load_service_model(service, "service-2")
    except (DataNotFoundError, UnknownServiceError) as error:
        raise NoModelError(f"{folder} has no models of botocore: {error}") from None
    return model


def _add_shapes(facts: Facts, service: str, model: dict[str, Any], roots: Iterable[str]) -> None:
    for about, fact in _facts_of_shapes(service, values_of(model, roots)):
        facts.setdefault(about, set()).add(fact)


def _add_pipelines(facts: Facts, model: dict[str, Any]) -> None:
    """The API's own calls about pipelines: their names, members and enums, and the metadata of steps."""
    operations = {name: each for name, each in model["operations"].items() if "Pipeline" in name}
    facts["operations of pipelines"] = set(operations)
    facts["metadata of steps"] = set(model["shapes"][_METADATA]["members"])
    roots = [
        operation[direction]["shape"]
        for operation in operations.values()
        for direction in ("input", "output")
        if direction in operation
    ]
    _add_shapes(facts, _PIPELINES, model, roots)


def _of_api_model() -> Facts:
    facts: Facts = {}
    for service, shapes in api_model().services.items():
        for about, fact in _facts_of_shapes(service, shapes):
            facts.setdefault(about, set()).add(fact)
    return facts


def _facts_of_shapes(service: str, shapes: Any) -> Iterator[tuple[str, str]]:
    for name, shape in shapes.items():
        for member in shape.members:
            yield f"members of {service} {name}", f"{member} (required)" if member in shape.required else member
        for value in shape.enum:
            yield f"enum {service} {name}", value


def _sorted(facts: Facts) -> dict[str, tuple[str, ...]]:
    return {about: tuple(sorted(facts[about])) for about in sorted(facts)}
