"""A file with settings as a layer: every setting in its type, and every finding at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from airflow_sm_pipelines.definition.findings import Finding
from airflow_sm_pipelines.definition.guessing import nearest
from airflow_sm_pipelines.definition.paths import JsonPath, listed, render_path, shorten
from airflow_sm_pipelines.definition.text import storable
from airflow_sm_pipelines.expressions.templates import is_template
from airflow_sm_pipelines.sidecars.content import content_of
from airflow_sm_pipelines.sidecars.fields import OF_DAG, OF_STEPS, TEMPLATES, Setting
from airflow_sm_pipelines.sidecars.kinds import WrongValueError, found_text
from airflow_sm_pipelines.sidecars.layers import ADDED, STEPS, Given, Key, Layer, Origin, StepEntry
from airflow_sm_pipelines.sidecars.names import DEFAULTS
from airflow_sm_pipelines.sidecars.yaml_tree import Members, Node, Scalar, YamlError, read_yaml

CODE = "sidecar-setting"


def read_file(
    path: Path, name: str, allows: Collection[str], *, is_shared: bool = False, root: Path | None = None
) -> Layer:
    """The settings of a file.

    :param name: what findings and ``explain`` call it
    :param allows: what ``[sagemaker_pipelines] sidecar_allows`` names
    :param is_shared: whether the file is for several definitions
    :param root: the folder that a link may not lead out of
    """
    name = storable(name)
    try:
        data = content_of(path, root)
    except OSError as error:
        finding = Finding(f"the file cannot be read: {error.strerror or error}", code="unreadable-file", file=name)
        return Layer(name, is_shared=is_shared, findings=(finding.at(1, 1),))
    return read_settings_text(data, name, allows, is_shared=is_shared, is_for_folder=path.name == DEFAULTS)


def read_settings_text(
    data: bytes, name: str, allows: Collection[str], *, is_shared: bool = False, is_for_folder: bool = False
) -> Layer:
    """The settings of a file's content.

    :param is_for_folder: whether it is for all definitions of a folder
    """
    try:
        root = read_yaml(data, name)
    except YamlError as error:
        return Layer(name, is_shared=is_shared, findings=(error.finding,))
    reading = _Reading(name, frozenset(allows), is_for_folder=is_for_folder)
    if isinstance(root, Members):
        reading.read(root)
    elif root is not None and not (isinstance(root, Scalar) and root.is_null):
        # What has no structure may be any file, by a slip: nothing of it is shown.
        what = "a text" if isinstance(root, Scalar) else found_text(root)
        reading.refuse(f"the file has settings by their names, found {what}", root, None)
    return Layer(name, reading.values, tuple(reading.steps), is_shared, tuple(reading.findings))


class _Reading:
    def __init__(self, name: str, allows: frozenset[str], *, is_for_folder: bool) -> None:
        self.name = name
        self.is_for_folder = is_for_folder
        self.allows = allows
        self.values: dict[Key, Given] = {}
        self.steps: list[StepEntry] = []
        self.findings: list[Finding] = []

    def read(self, root: Members) -> None:
        for key, node in root.members:
            path = (None, key.text)
            if key.text == STEPS:
                self._steps(node, path)
            elif (setting := self._known(key, OF_DAG, path, "a definition")) is not None:
                for place, value in self._value(setting, key, node, path):
                    self.values[place] = value

    def refuse(self, message: str, at: Node, path: JsonPath, suggestion: str | None = None, code: str = CODE) -> None:
        finding = Finding(message, render_path(path), suggestion=suggestion, code=code, file=self.name)
        self.findings.append(finding.at(at.line, at.column).bounded())

    def _steps(self, node: Node, path: JsonPath) -> None:
        if not isinstance(node, Members):
            self.refuse(f"expected settings by the names of steps, found {found_text(node)}", node, path)
            return
        for key, inner in node.members:
            place = (path, key.text)
            if not isinstance(inner, Members):
                self.refuse(f"expected the settings of {shorten(key.text)!r}, found {found_text(inner)}", inner, place)
                continue
            values: dict[str, Given] = {}
            for name, value in inner.members:
                at = (place, name.text)
                if (setting := self._known(name, OF_STEPS, at, "a step")) is not None:
                    values |= {found[0]: given for found, given in self._value(setting, name, value, at)}
            self.steps.append(StepEntry(key.text, values, self._origin(key)))

    def _known(self, key: Scalar, known: Mapping[str, Setting], path: JsonPath, owner: str) -> Setting | None:
        setting = known.get(key.text)
        if setting is None:
            others = OF_STEPS if known is OF_DAG else OF_DAG
            if key.text in others:
                hint = "give it to steps, under steps, by name, glob or type:" if known is OF_DAG else "not of a step"
                self.refuse(f"{key.text!r} is no setting of {owner}: {hint}", key, path)
                return None
            names = [*known, STEPS] if known is OF_DAG else list(known)
            near = nearest(key.text, names)
            beside = "" if near else f". A file has {listed(names)}; any other argument is given in Python"
            self.refuse(f"{shorten(key.text)!r} is no setting of {owner}{beside}", key, path, near)
            return None
        if setting.allowed_by is not None and setting.allowed_by not in self.allows:
            self._not_allowed(key, path, repr(key.text), setting.allowed_by)
            return None
        if self.is_for_folder and setting.key == ("dag_id",):
            message = (
                f"a dag id is that of one Dag, and {DEFAULTS} is for all of a folder: give it in the definition's own"
            )
            self.refuse(message, key, path)
            return None
        return setting

    def _not_allowed(self, at: Node, path: JsonPath, what: str, name: str) -> None:
        message = (
            f"a file may not set {what}: [sagemaker_pipelines] sidecar_allows does not name {name}; give it in Python"
        )
        self.refuse(message, at, path, code="not-allowed")

    def _value(self, setting: Setting, key: Scalar, node: Node, path: JsonPath) -> Iterator[tuple[Key, Given]]:
        try:
            found = setting.kind.read(node)
        except WrongValueError as error:
            self.refuse(error.message, error.node, path, error.suggestion)
            return
        if setting.key[0] in ADDED and len(setting.key) == 1:
            assert isinstance(node, Members)
            for name, inner in node.members:
                place = (path, name.text)
                if self._may_be_given(setting, found[name.text], inner, place):
                    yield (*setting.key, name.text), Given(found[name.text], self._origin(name))
            return
        yield setting.key, Given(found, self._origin(key))

    def _may_be_given(self, setting: Setting, value: Any, node: Node, path: JsonPath) -> bool:
        """Whether a value may be what it is: text that looks like a template counts as one, or not at all."""
        if setting.key != ("parameters",) or TEMPLATES in self.allows or not is_template(value):
            return True
        self._not_allowed(node, path, "a template", TEMPLATES)
        return False

    def _origin(self, node: Node) -> Origin:
        return Origin(self.name, node.line, node.column)
