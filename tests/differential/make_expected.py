"""Let the SageMaker SDK's local mode evaluate the steps of every document, and write down what it says.

Run it in an environment of its own, from the repository's folder::

    pip install "sagemaker==2.257.7"
    python tests/differential/make_expected.py

Neither AWS nor Docker is needed: the session is a stub. The JSON of a step is mapped onto the SDK's own classes
(``ParameterString`` and its like, ``Join``, ``Properties``, ``ExecutionVariable``, ``JsonGet``, ``PropertyFile``, the
conditions, ``CompiledStep`` and ``ConditionStep``), and the SDK's ``LocalPipelineExecutor`` executes it. Every step
is executed alone, in a pipeline in which stand-ins bear the names of the others and have canned results; so the steps
behind a Fail or an untaken branch are evaluated too, and those that refer to steps of types that local mode lacks.

The corpus is that of tests/corpus.py. Two runs write identical bytes.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))
os.environ["SAGEMAKER_SUPPRESS_V2_WARNING"] = "1"
logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")

import sagemaker  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402
from sagemaker.local import pipeline as local_mode  # noqa: E402
from sagemaker.local.entities import _LocalPipelineExecution  # noqa: E402
from sagemaker.local.exceptions import StepExecutionException  # noqa: E402
from sagemaker.workflow import conditions as sdk_conditions  # noqa: E402
from sagemaker.workflow._steps_compiler import CompiledStep  # noqa: E402
from sagemaker.workflow.condition_step import ConditionStep  # noqa: E402
from sagemaker.workflow.execution_variables import ExecutionVariable  # noqa: E402
from sagemaker.workflow.functions import Join, JsonGet  # noqa: E402
from sagemaker.workflow.parameters import (  # noqa: E402
    ParameterBoolean,
    ParameterFloat,
    ParameterInteger,
    ParameterString,
)
from sagemaker.workflow.pipeline import Pipeline  # noqa: E402
from sagemaker.workflow.properties import Properties  # noqa: E402

from tests.differential.cases import (  # noqa: E402
    EVALUATED,
    EXECUTION_ID,
    LOCAL_TYPES,
    PIPELINE_NAME,
    STARTED,
    VALUES,
    Canned,
    Json,
    all_expressions,
    definition_of,
    is_expression,
    outer_expressions,
    own_arguments,
    parameter_values,
    split_step,
    walk_steps,
)
from tests.differential.own_documents import documents as own_documents  # noqa: E402

EXPECTED = Path(__file__).parent / "expected"
ABOUT = {
    "made_by": "python tests/differential/make_expected.py",
    "requirement": f"sagemaker=={sagemaker.__version__}",
    "pipeline": PIPELINE_NAME,
    "execution_id": EXECUTION_ID,
    "started": STARTED.isoformat(),
    "evaluated": EVALUATED.isoformat(),
}
PARAMETER_CLASSES: dict[str, Any] = {
    "String": ParameterString,
    "Integer": ParameterInteger,
    "Float": ParameterFloat,
    "Boolean": ParameterBoolean,
}
EXECUTION_ID_VARIABLE = ExecutionVariable("PipelineExecutionId")
COMPARISONS: dict[str, Any] = {
    "Equals": sdk_conditions.ConditionEquals,
    "GreaterThan": sdk_conditions.ConditionGreaterThan,
    "GreaterThanOrEqualTo": sdk_conditions.ConditionGreaterThanOrEqualTo,
    "LessThan": sdk_conditions.ConditionLessThan,
    "LessThanOrEqualTo": sdk_conditions.ConditionLessThanOrEqualTo,
}


class UnmappedError(Exception):
    """The SDK has no class for it, or refuses to make one."""


class FixedClock(datetime):
    """The moment at which ``Execution.CurrentDateTime`` is evaluated."""

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return EVALUATED


class Session:
    """What the executor needs of a session: files, and a client whose jobs have no results of their own."""

    def __init__(self, files: dict[str, Json]) -> None:
        self.files = files
        self.boto_session = self
        self.sagemaker_client = self
        self.result: Json = {}

    def client(self, *_: Any, **__: Any) -> None:
        return None

    def read_s3_file(self, bucket: str, key: str) -> str:
        content = self.files.get(f"s3://{bucket}/{key}")
        if content is None:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "absent"}}, "GetObject")
        return content if isinstance(content, str) else json.dumps(content)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("describe_"):
            return lambda *_, **__: deepcopy(self.result)
        if name.startswith("create_"):
            return lambda *_, **__: None
        raise AttributeError(name)


class Recorder(local_mode.LocalPipelineExecutor):  # type: ignore[misc]  # the SDK is not typed here
    """The executor, which notes the value of each outermost variable, of a Join its parts too, and the arguments."""

    def __init__(self, execution: Any, session: Session) -> None:
        super().__init__(execution, session)
        self.recorded: list[Json] = []
        self.evaluated: Json = None
        self._open: list[list[Json]] = [self.recorded]

    def _parse_arguments(self, obj: Any, step_name: str) -> Any:
        value = super()._parse_arguments(obj, step_name)
        # A copy: the executor takes a job's name out of what it gets.
        self.evaluated = encode(value)
        return value

    def evaluate_pipeline_variable(self, pipeline_variable: Any, step_name: str) -> Any:
        parts: list[Json] = []
        self._open.append(parts)
        try:
            value = super().evaluate_pipeline_variable(pipeline_variable, step_name)
        finally:
            self._open.pop()
        self._open[-1].append(_node(pipeline_variable, value, parts))
        return value


def _node(variable: Any, value: Json, parts: list[Json]) -> Json:
    if not isinstance(variable, Join):
        return encode(value) if isinstance(value, str | int | float) else {"value": encode(value)}
    plain = all(
        isinstance(part, str) or (isinstance(part, int) and not isinstance(part, bool)) for part in parts
    ) and not any(isinstance(part, ExecutionVariable) and part != EXECUTION_ID_VARIABLE for part in variable.values)
    return value if plain else {"text": value, "parts": parts}


def encode(value: Json) -> Json:
    """A value as JSON; a time is an object with one key."""
    if isinstance(value, datetime):
        return {"$datetime": value.isoformat()}
    if isinstance(value, dict):
        return {key: encode(member) for key, member in value.items()}
    return [encode(member) for member in value] if isinstance(value, list) else value


class Mapper:
    """The JSON of one definition as objects of the SDK."""

    def __init__(self, definition: Json) -> None:
        self.steps: dict[str, Json] = {step["Name"]: step for step in walk_steps(definition["Steps"])}
        self.parameters: dict[str, Any] = {}
        for parameter in definition.get("Parameters") or []:
            kind, given = parameter.get("Type", "String"), {"name": parameter["Name"]}
            if "DefaultValue" in parameter:
                default = parameter["DefaultValue"]
                # The SDK's class takes no whole number as the default of a float, though the JSON has them.
                given["default_value"] = float(default) if kind == "Float" else default
            if "EnumValues" in parameter:
                given["enum_values"] = parameter["EnumValues"]
            self.parameters[parameter["Name"]] = PARAMETER_CLASSES[kind](**given)

    def pipeline(self, name: str, session: Session) -> Any:
        """One step as it is among stand-ins for all others."""
        step = self.steps[name]
        others = [self._stand_in(other) for other in self.steps.values() if other is not step]
        return Pipeline(
            name=PIPELINE_NAME,
            parameters=list(self.parameters.values()),
            steps=[self._step(step), *others],
            pipeline_experiment_config=None,
            sagemaker_session=session,
        )

    def _step(self, step: Json) -> Any:
        if step["Type"] == "Condition":
            conditions = [self._condition(condition) for condition in step["Arguments"]["Conditions"]]
            return ConditionStep(name=step["Name"], conditions=conditions)
        kept = {key: step[key] for key in ("Name", "Type", "PropertyFiles") if key in step}
        return CompiledStep({**kept, "Arguments": self.value(step["Arguments"])})

    def _stand_in(self, step: Json) -> Any:
        request = {"Name": step["Name"], "Type": "Training", "Arguments": {}}
        if step["Type"] == "Processing":
            files = step.get("PropertyFiles") or []
            outputs = [{"OutputName": file["OutputName"]} for file in files]
            request |= {"Type": "Processing", "PropertyFiles": files}
            request["Arguments"] = {"ProcessingOutputConfig": {"Outputs": outputs}}
        return CompiledStep(request)

    def value(self, value: Json) -> Any:
        if is_expression(value):
            ((function, inner),) = value.items()
            if function == "Get":
                return self._reference(inner)
            if function == "Std:Join":
                return Join(on=inner["On"], values=[self.value(member) for member in inner["Values"]])
            return self._json_get(inner)
        if isinstance(value, dict):
            return {key: self.value(member) for key, member in value.items()}
        return [self.value(member) for member in value] if isinstance(value, list) else value

    def _reference(self, get: str) -> Any:
        root, _, rest = get.partition(".")
        if root == "Parameters":
            return self.parameters.get(rest) or ParameterString(rest)
        if root == "Execution":
            return ExecutionVariable(rest)
        if root == "Steps":
            step, path = split_step(get)
            return Properties(step, path or None)
        raise UnmappedError(f"no variable of the SDK that local mode evaluates stands for {get!r}")

    def _json_get(self, inner: Json) -> Any:
        if "S3Uri" in inner:
            try:
                return JsonGet(s3_uri=self.value(inner["S3Uri"]), json_path=inner["Path"])
            except ValueError as error:
                raise UnmappedError(str(error)) from None
        step, path = split_step(inner["PropertyFile"]["Get"])
        return JsonGet(step_name=step, property_file=path.removeprefix("PropertyFiles."), json_path=inner["Path"])

    def _condition(self, condition: Json) -> Any:
        kind = condition["Type"]
        if kind in COMPARISONS:
            return COMPARISONS[kind](self.value(condition["LeftValue"]), self.value(condition["RightValue"]))
        match kind, condition:
            case "In", {"QueryValue": query, "Values": values}:
                return sdk_conditions.ConditionIn(self.value(query), self.value(values))
            case "Not", {"Condition": inner}:
                return sdk_conditions.ConditionNot(self._condition(inner))
            case "Or", {"Conditions": inner}:
                return sdk_conditions.ConditionOr([self._condition(member) for member in inner])
        raise UnmappedError(f"the SDK has no condition {kind!r} of this form")


def evaluate(mapper: Mapper, name: str, parameters: dict[str, Json], results: Json, files: Json) -> Json:
    """What local mode makes of one step with these inputs."""
    session = Session(files)
    try:
        pipeline = mapper.pipeline(name, session)
        given = {key: value for key, value in parameters.items() if value != ""}
        execution = _LocalPipelineExecution(EXECUTION_ID, pipeline, given, local_session=session)
        recorder = Recorder(execution, session)
    except ValueError as refusal:
        raise UnmappedError(f"the SDK refuses the step: {refusal}") from None
    execution.creation_time = STARTED.timestamp()
    _give_results(mapper, recorder, results)
    recorder.recorded.clear()
    step = recorder.pipeline_dag.step_map[name]
    error = _execute(recorder, step)
    failed_by_itself = mapper.steps[name]["Type"] == "Fail" and recorder.evaluated is not None
    pointers = [pointer for pointer, _ in outer_expressions(own_arguments(mapper.steps[name]))]
    if len(recorder.recorded) < len(pointers):
        assert error is not None
        return {"error": error} | _apart(mapper, recorder, name)
    entry: Json = {"values": dict(zip(pointers, recorder.recorded, strict=True))}
    if not failed_by_itself:
        assert (error is None) or isinstance(step, ConditionStep), error
    if isinstance(step, ConditionStep):
        return entry | (
            {"error": error} if error else {"outcome": execution.step_execution[name].properties["Outcome"]}
        )
    _check_complete(mapper.steps[name], entry, recorder.evaluated)
    return entry


def _execute(recorder: Recorder, step: Any) -> str | None:
    """The message of a step's failure, if it fails."""
    try:
        recorder._execute_step(step)
    except StepExecutionException as failure:
        return str(failure.message)
    return None


def _apart(mapper: Mapper, recorder: Recorder, name: str) -> Json:
    """The expressions that resolve, of a step with one that does not: each is evaluated by itself."""
    step = mapper.steps[name]
    values = {}
    for pointer, expression in outer_expressions(own_arguments(step)) if step["Type"] != "Condition" else ():
        recorder.recorded.clear()
        try:
            recorder.evaluate_pipeline_variable(mapper.value(expression), name)
        except StepExecutionException:
            continue
        values[pointer] = recorder.recorded[0]
    return {"values": values} if values else {}


def _give_results(mapper: Mapper, recorder: Recorder, results: Json) -> None:
    """Take each canned result through the SDK's own executor of the step's type, which may reshape it."""
    for name, result in results.items():
        kind = mapper.steps[name]["Type"]
        properties = result
        if kind in ("Training", "Processing", "Transform", "Model"):
            recorder.sagemaker_session.result = result
            done = CompiledStep({"Name": name, "Type": kind, "Arguments": {}})
            properties = recorder._step_executor_factory.get(done).execute()
        recorder.execution.update_step_properties(name, properties)
    recorder.sagemaker_session.result = {}


def _check_complete(step: Json, entry: Json, evaluated: Json) -> None:
    """The recorded values, put in the place of their expressions, are the arguments that the SDK evaluated."""

    def filled(value: Json, pointer: str) -> Json:
        if pointer in entry["values"]:
            node = entry["values"][pointer]
            return node.get("text", node.get("value")) if isinstance(node, dict) else node
        if isinstance(value, dict):
            return {k: filled(v, f"{pointer}/{k.replace('~', '~0').replace('/', '~1')}") for k, v in value.items()}
        return [filled(v, f"{pointer}/{i}") for i, v in enumerate(value)] if isinstance(value, list) else value

    assert filled(step["Arguments"], "") == evaluated, step["Name"]


def expect(definition: Json, canned: dict[str, tuple[Json, Json]] | None) -> Json:
    """All that is expected of one document: inputs of each set, and by step and set what local mode makes of them."""
    local = [step for step in walk_steps(definition["Steps"]) if step["Type"] in LOCAL_TYPES]
    if not local:
        kinds = ", ".join(sorted({step["Type"] for step in definition["Steps"]})) or "none"
        return {"unmapped": f"no step of a type that local mode runs ({kinds})"}
    mapper = Mapper(definition)
    sets: dict[str, Json] = {}
    steps: dict[str, Json] = {step["Name"]: {} for step in local}
    seen: dict[str, set[str]] = {step["Name"]: set() for step in local}
    unmapped: dict[str, str] = {}
    for which in VALUES:
        parameters = parameter_values(definition, which)
        if canned is None:
            made_up = Canned(definition, which, parameters)
            results, files = made_up.results, made_up.files
        else:
            results, files = canned[which]
        sets[which] = {"parameters": parameters, "results": encode(results), "files": files}
        for step in local:
            name = step["Name"]
            inputs = _line(_inputs_of(step, sets[which]))
            if name in unmapped or inputs in seen[name]:
                continue
            seen[name].add(inputs)
            try:
                steps[name][which] = evaluate(mapper, name, parameters, results, files)
            except UnmappedError as error:
                unmapped[name] = str(error)
                del steps[name]
    return {"sets": sets, "steps": steps} | ({"unmapped_steps": unmapped} if unmapped else {})


def _inputs_of(step: Json, inputs: Json) -> Json:
    """What of the inputs a step refers to: sets that differ in nothing else are evaluated once."""
    references = [str(expression.get("Get", "")) for expression in all_expressions(own_arguments(step))]
    parameters = {name: value for name, value in inputs["parameters"].items() if f"Parameters.{name}" in references}
    named = [split_step(reference)[0] for reference in references if reference.startswith("Steps.")]
    results = {name: inputs["results"].get(name) for name in named}
    reads_file = any("Std:JsonGet" in expression for expression in all_expressions(own_arguments(step)))
    return [parameters, results, inputs["files"] if reads_file else None]


def corpus() -> Iterator[tuple[str, Json]]:
    root = Path(os.environ.get("SM_PIPELINES_CORPUS", REPOSITORY.parent / "shared" / "corpus"))
    for path in sorted(root.rglob("*.json")):
        yield path.relative_to(root).as_posix(), definition_of(json.loads(path.read_bytes()))


def write(name: str, documents: dict[str, Json]) -> None:
    """One file of expectations: one line for each input and each evaluated step."""
    lines = ["{", f'"about": {_line(ABOUT)},', '"documents": {']
    for number, (document, expected) in enumerate(documents.items()):
        lines.append(f"{_line(document)}: {{")
        for place, (key, value) in enumerate(expected.items()):
            comma = "," if place < len(expected) - 1 else ""
            if key not in ("sets", "steps"):
                lines.append(f" {_line(key)}: {_line(value)}{comma}")
                continue
            lines.append(f" {_line(key)}: {{")
            lines.append(",\n".join(f"  {_line(name)}: {_members(member)}" for name, member in value.items()))
            lines.append(f" }}{comma}")
        lines.append("}" + ("," if number < len(documents) - 1 else ""))
    lines += ["}", "}", ""]
    (EXPECTED / f"{name}.json").write_text("\n".join(line for line in lines if line != "") + "\n", encoding="utf-8")


def _members(value: Json) -> str:
    return "{" + ",".join(f"\n   {_line(key)}: {_line(member)}" for key, member in value.items()) + "}"


def _line(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def main() -> None:
    local_mode.datetime = FixedClock
    for old in EXPECTED.glob("*.json"):
        old.unlink()
    folders: dict[str, dict[str, Json]] = {}
    for name, definition in corpus():
        folders.setdefault(name.split("/")[0], {})[name] = expect(definition, None)
    own: dict[str, Json] = {}
    for name, document in own_documents().items():
        none: dict[str, Json] = {which: {} for which in VALUES}
        results, files = document.results or none, document.files or none
        canned = {which: (results[which], files[which]) for which in VALUES}
        own[name] = {"document": document.definition} | expect(document.definition, canned)
    for folder, documents in {**folders, "own": own}.items():
        write(folder, documents)


if __name__ == "__main__":
    main()
