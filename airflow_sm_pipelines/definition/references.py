"""Whether every name that a definition uses is declared: parameters, steps, property files, outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from airflow_sm_pipelines.definition.expressions import (
    ChildOutput,
    ExperimentReference,
    Key,
    Member,
    ParameterReference,
    PropertyFileReference,
    PropertyReference,
)
from airflow_sm_pipelines.definition.settings import output_parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_sm_pipelines.definition.expressions import LocatedExpression, PropertyPath
    from airflow_sm_pipelines.definition.findings import FindingCollector
    from airflow_sm_pipelines.definition.model import ExperimentConfig, Parameter, ParameterType, Step


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
                same = "the same step" if replace(first, path=step.path) == step else "another step of this name"
                message = f"{same} stands at {first.path}; a name is unique in a definition, its branches included"
                self.collector.error(message, f"{step.path}.Name", step=step.name, code="duplicate-step")
            elif loop is not None:
                self.body_of[step.name] = loop
            self.declare(step.inner_steps, step.name if step.for_each is not None else loop)

    def check_step(self, step: Step) -> None:
        """Check every name that stands in ``step`` and in the steps inside it."""
        for index, name in enumerate(step.depends_on):
            self._check_target(name, f"{step.path}.DependsOn[{index}]", step)
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
                if self._check_target(name, located, step, "Steps."):
                    self._check_output(self.steps[name], path, located, step)
            case PropertyFileReference(name, file):
                if self._check_target(name, located, step, "Steps.", f".PropertyFiles.{file}"):
                    self._check_property_file(self.steps[name], file, located, step)
            case ChildOutput(name) if step.for_each is not None:
                body = step.for_each.body
                if all(name != inner.name for inner in body):
                    message = f"{name!r} is not the step in the body of this ForEach step"
                    suggestion = f"ChildOutput.{body[0].name}" if body else None
                    self.collector.error(
                        message, located.path, step=step.name, suggestion=suggestion, code="unknown-step"
                    )
            case _:
                self._check_anywhere(located, step.name)

    def _check_target(
        self, name: str, place: LocatedExpression | str, step: Step, before: str = "", after: str = ""
    ) -> bool:
        """Whether ``step`` may need the step ``name``; what stands around the name is for a suggestion."""
        target = self.steps.get(name)
        if target is None:
            near = self.collector.guess(name, (other for other in self.steps if other != step.name))
            suggestion = f"{before}{near}{after}" if near else None
            self.collector.error(
                f"there is no step {name!r}", _path(place), step=step.name, suggestion=suggestion, code="unknown-step"
            )
            return False
        problem = self._why_unusable(target, step)
        if problem is not None:
            self.collector.error(problem, _path(place), step=step.name, code="unusable-step")
        return problem is None

    def _why_unusable(self, target: Step, step: Step) -> str | None:
        if target.name == step.name:
            return "a step cannot wait for itself"
        if target.type == "Fail":
            return f"{target.name!r} is a Fail step, which never succeeds and has no result; nothing can depend on it"
        loop, own_loop = self.body_of.get(target.name), self.body_of.get(step.name)
        if target.name == own_loop:
            return f"the step is the body of {own_loop!r} and cannot wait for it"
        if loop is not None and loop != own_loop:
            return (
                f"{target.name!r} is the body of the ForEach step {loop!r}; its results are Steps.{loop}.ChildOutputs"
            )
        return None

    def _check_output(self, target: Step, path: PropertyPath, located: LocatedExpression, step: Step) -> None:
        match path:
            case (Member("OutputParameters"), Key(name), *_) if target.type in ("Lambda", "Callback"):
                declared = self._outputs.get(target.name)
                if declared is None:
                    declared = self._outputs[target.name] = output_parameters(target)
                if name not in declared:
                    near = self.collector.guess(name, declared)
                    message = f"the step {target.name!r} declares no output parameter {name!r}"
                    suggestion = f"Steps.{target.name}.OutputParameters['{near}']" if near else None
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
