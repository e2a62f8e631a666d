"""Whether every name that a definition uses is declared: parameters, steps, property files, outputs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from airflow_sm_pipelines.definition.expressions import (
    ExperimentReference,
    IterationOutput,
    Key,
    Member,
    ParameterReference,
    PropertyFileReference,
    PropertyReference,
    format_path,
)
from airflow_sm_pipelines.definition.loops import result_within
from airflow_sm_pipelines.definition.settings import output_parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_sm_pipelines.definition.expressions import LocatedExpression, PropertyPath
    from airflow_sm_pipelines.definition.findings import FindingCollector
    from airflow_sm_pipelines.definition.model import ExperimentConfig, Parameter, ParameterType, Step

_CHILD_NAME = re.compile(r"(.+)-[0-9]+", re.DOTALL)


class Names(Struct):
    """What a document declares, and the check of what it uses against that."""

    collector: FindingCollector
    parameters: Mapping[str, Parameter]
    experiment: ExperimentConfig | None
    steps: dict[str, Step] = field(default_factory=dict)
    body_of: dict[str, str] = field(default_factory=dict)
    """The ForEach step in whose body a step stands."""
    _outputs: dict[str, Mapping[str, ParameterType]] = field(default_factory=dict)
    _files: dict[str, frozenset[str]] = field(default_factory=dict)
    """The output parameters and property files of the steps that were asked for them."""

    def declare(self, steps: Iterable[Step], loop: str | None = None) -> None:
        """Take up the names of ``steps`` and those inside them; one that is used twice is a finding."""
        for step in steps:
            first = self.steps.setdefault(step.name, step)
            if first is not step:
                same = (
                    "the same step" if replace(first, location=step.location) == step else "another step of this name"
                )
                message = f"{same} stands at {first.path}; a name is unique in a definition, its branches included"
                self.collector.error(message, f"{step.path}.Name", step=step.name, code="duplicate-step")
            elif loop is not None:
                self.body_of[step.name] = loop
            self.declare(step.inner_steps, step.name if step.for_each is not None else loop)

    def check_child_names(self) -> None:
        """The children of a ForEach step are named ``<body step>-<index>``: no other step can be (semantics 2.17)."""
        for name, step in self.steps.items():
            found = _CHILD_NAME.fullmatch(name)
            if found is not None and name not in self.body_of and (body := found[1]) in self.body_of:
                message = (
                    f"no step can be named {name!r}: so are the children of {body!r}, which the ForEach step"
                    f" {self.body_of[body]!r} runs for each item"
                )
                self.collector.error(message, f"{step.path}.Name", step=name, code="step-name")

    def check_step(self, step: Step) -> None:
        """Check every name that stands in ``step`` and in the steps inside it."""
        for entry in step.depends_on:
            self._check_target(entry.step, f"{step.path}.DependsOn[{entry.position}]", step)
        for located in step.expressions:
            self._check_in_step(located, step)
        for inner in step.inner_steps:
            self.check_step(inner)

    def check_top_level(self, expressions: Iterable[LocatedExpression]) -> None:
        """Check what stands in PipelineExperimentConfig and MlflowConfig, which know no steps."""
        for located in expressions:
            match located.expression:
                case PropertyReference() | PropertyFileReference():
                    message = "only parameters and execution variables can be used outside of steps"
                    self.collector.error(message, located.path, code="misplaced-reference")
                case ExperimentReference() if located.path.startswith("$.PipelineExperimentConfig"):
                    self.collector.error(
                        "PipelineExperimentConfig cannot refer to itself", located.path, code="misplaced-reference"
                    )
                case _:
                    self._check_anywhere(located, None)

    def _check_anywhere(self, located: LocatedExpression, step: str | None) -> None:
        match located.expression:
            case ParameterReference(name) if name not in self.parameters:
                near = self.collector.guess(name, self.parameters)
                suggestion = f"Parameters.{near}" if near else None
                message = f"the parameter {name!r} is not declared"
                self.collector.error(message, located.path, step=step, suggestion=suggestion, code="unknown-parameter")
            case ExperimentReference(name):
                config = self.experiment
                known = {"ExperimentName": config and config.experiment_name, "TrialName": config and config.trial_name}
                if name in known and known[name] is None:
                    message = f"the definition has no PipelineExperimentConfig.{name} to refer to"
                    self.collector.error(message, located.path, step=step, code="experiment-reference")

    def _check_in_step(self, located: LocatedExpression, step: Step) -> None:
        match located.expression:
            case PropertyReference(name, path):
                if self._check_target(name, located, step, "Steps.", path=path):
                    self._check_output(self.steps[name], path, located, step, f"Steps.{name}")
            case PropertyFileReference(name, file):
                if self._check_target(name, located, step, "Steps.", f".PropertyFiles.{file}"):
                    self._check_property_file(self.steps[name], file, located, step)
            case IterationOutput(name, path) if step.for_each is not None:
                names = [inner.name for inner in step.for_each.body]
                if name not in names:
                    near = names[0] if len(names) == 1 else self.collector.guess(name, names)
                    suggestion = f"IterationOutput.{near}{format_path(path)}" if near else None
                    message = f"{name!r} is no step in the body of this ForEach step"
                    self.collector.error(
                        message, located.path, step=step.name, suggestion=suggestion, code="unknown-step"
                    )
                else:
                    self._check_output(self.steps[name], path, located, step, f"IterationOutput.{name}")
            case _:
                self._check_anywhere(located, step.name)

    def _check_target(
        self,
        name: str,
        place: LocatedExpression | str,
        step: Step,
        before: str = "",
        after: str = "",
        path: PropertyPath = (),
    ) -> bool:
        """Whether ``step`` may need the step ``name``; what stands around the name is for a suggestion."""
        target = self.steps.get(name)
        if target is None and self._is_child(name, place, step, before, "" if after else format_path(path)):
            return False
        if target is None:
            near = self.collector.guess(name, (other for other in self.steps if other != step.name))
            suggestion = f"{before}{near}{after}" if near else None
            self.collector.error(
                f"there is no step {name!r}", _path(place), step=step.name, suggestion=suggestion, code="unknown-step"
            )
            return False
        problem = self._why_unusable(target, step)
        if problem is not None:
            suggestion = None if after else self._from_outside(name, step, before, format_path(path))
            self.collector.error(problem, _path(place), step=step.name, suggestion=suggestion, code="unusable-step")
        return problem is None

    def _is_child(self, name: str, place: LocatedExpression | str, step: Step, before: str, after: str) -> bool:
        """Whether a name is that of a child of a ForEach step, which nothing can name: a finding with what to name."""
        found = _CHILD_NAME.fullmatch(name)
        loop = None if found is None else self.body_of.get(found[1])
        if found is None or loop is None:
            return False
        body, index = found[1], name[len(found[1]) + 1 :]
        own = loop == self.body_of.get(step.name)
        message = f"{name!r} is a child of the ForEach step {loop!r}, which is there only when that one runs"
        if own or not before:
            suggestion = f"{before}{body if own else loop}{after}"
        else:
            suggestion = f"Steps.{loop}.IterationOutputs[{index}].{body}{after}"
        self.collector.error(message, _path(place), step=step.name, suggestion=suggestion, code="unusable-step")
        return True

    def _from_outside(self, name: str, step: Step, before: str, after: str) -> str | None:
        """What stands for a step of a ForEach step's body where it is named outside of that body, if anything does."""
        loop = self.body_of.get(name)
        if loop is None or loop in (step.name, self.body_of.get(step.name)):
            return None
        return f"{before}{loop}.IterationOutputs[0].{name}{after}" if before else loop

    def _why_unusable(self, target: Step, step: Step) -> str | None:
        if target.name == step.name:
            return "a step cannot wait for itself"
        if target.type == "Fail":
            return f"{target.name!r} is a Fail step, which never succeeds and has no result; nothing can depend on it"
        loop, own_loop = self.body_of.get(target.name), self.body_of.get(step.name)
        if target.name == own_loop:
            return f"the step is in the body of {own_loop!r} and cannot wait for it"
        if loop is not None and loop == step.name:
            return f"{target.name!r} is in the body of this step, which cannot wait for it"
        if loop is not None and loop != own_loop:
            return (
                f"{target.name!r} is in the body of the ForEach step {loop!r}; outside of it, its results are"
                f" Steps.{loop}.IterationOutputs[<index>].{target.name}"
            )
        return None

    def _check_output(
        self, target: Step, path: PropertyPath, located: LocatedExpression, step: Step, reference: str
    ) -> None:
        """Check the output parameter that a path leads to; ``reference`` is what stands before the path."""
        within = None if target.for_each is None else result_within(target.for_each, path)
        if within is not None:
            body, depth = within
            self._check_output(body, path[depth:], located, step, f"{reference}{format_path(path[:depth])}")
        match path:
            case (Member("OutputParameters"), Key(name), *_) if target.type in ("Lambda", "Callback"):
                declared = self._outputs.get(target.name)
                if declared is None:
                    declared = self._outputs[target.name] = output_parameters(target)
                if name not in declared:
                    near = self.collector.guess(name, declared)
                    message = f"the step {target.name!r} declares no output parameter {name!r}"
                    suggestion = f"{reference}.OutputParameters['{near}']" if near else None
                    self.collector.error(
                        message, located.path, step=step.name, suggestion=suggestion, code="unknown-output"
                    )

    def _check_property_file(self, target: Step, file: str, located: LocatedExpression, step: Step) -> None:
        if target.type != "Processing":
            # A definition that real tests register does this, in a branch: it is read, and fails where it is reached.
            message = f"{target.name!r} is a {target.type} step without property files; the step that reads it fails"
            self.collector.warning(message, located.path, step=step.name, code="property-files")
            return
        declared = self._files.get(target.name)
        if declared is None:
            declared = self._files[target.name] = frozenset(file.name for file in target.property_files)
        if file not in declared:
            near = self.collector.guess(file, (file.name for file in target.property_files))
            message = f"the step {target.name!r} declares no property file {file!r}"
            suggestion = f"Steps.{target.name}.PropertyFiles.{near}" if near else None
            self.collector.error(message, located.path, step=step.name, suggestion=suggestion, code="property-files")


def _path(place: LocatedExpression | str) -> str:
    """The JSON path of a place, written out only where something is to be said of it."""
    return place if isinstance(place, str) else place.path
