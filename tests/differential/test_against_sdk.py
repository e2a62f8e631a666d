"""Our evaluation against that of the SageMaker SDK's local mode, as make_expected.py recorded it.

Ours equals theirs but for the DIFFERENCES, which are applied to what local mode said before the comparison.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError

from airflow_sm_pipelines.definition import DefinitionError, Pipeline, read_definition
from airflow_sm_pipelines.definition.evaluation_errors import ConditionError, UnresolvedError
from airflow_sm_pipelines.expressions.conditions import evaluate_all
from airflow_sm_pipelines.expressions.pipeline import PipelineContext
from airflow_sm_pipelines.expressions.results import to_result
from airflow_sm_pipelines.expressions.scope import TaskScope
from airflow_sm_pipelines.expressions.values import resolve_object
from airflow_sm_pipelines.graph import build_graph
from airflow_sm_pipelines.operators.masking import Masking
from airflow_sm_pipelines.place import Place
from airflow_sm_pipelines.step_types import STEP_TYPES
from tests import corpus
from tests.differential.cases import Json, definition_of, outer_expressions, own_arguments, walk_steps
from tests.differential.own_documents import PATHS
from tests.differential.translation import FailsError, Translation, decode, iso, local_all, outcome_of, same

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.graph import Graph

EXPECTED = Path(__file__).parent / "expected"
OWN = "own"
JOB_NAME = "a-training-job"

DIFFERENCES = {
    "text of a boolean": ("3.4", "Join writes true and false; local mode writes Python's True and False"),
    "text of a float": ("3.4, 13.4", "Join writes ordinary sizes without exponent; local mode writes Python's text"),
    "text of a structure": ("3.4", "Join writes a list or an object as JSON; local mode writes Python's text"),
    "times": ("14.9", "times of a result are ISO-8601 in UTC with milliseconds and Z; in local mode Python objects"),
    "start of the run": ("3.3, 11", "StartDateTime is ISO-8601; local mode gives seconds since 1970"),
    "current time": ("3.3, 11", "CurrentDateTime is ISO-8601; local mode gives a Python object"),
    "name in lower case": ("3.3", "PipelineName is in lower case, as the service was seen to give it"),
    "ARN of the pipeline": ("3.3, 11", "PipelineArn is an ARN; local mode gives the name"),
    "ARN of the execution": ("3.3, 11", "PipelineExecutionArn is an ARN; local mode gives the id"),
    "job names": ("3.3", "a step knows the name of its own job; local mode lacks these two variables"),
    "null members": ("14.2", "a member whose value is null is left out; local mode hands it on"),
    "lists by name": (
        "3.2, 11",
        "a key finds a list's element by name in all lists; in local mode in two of Processing",
    ),
    "keys with dots": ("3.1, 3.5", "a quoted key may hold dots; local mode splits there"),
    "keys with brackets": ("3.1", "a quoted key may hold a bracket; local mode ends it at the first that closes"),
    "escapes in keys": (
        "unexplained",
        "a quoted key of a JSON path may hold a quote after a backslash, as JSONPath has it",
    ),
    "blanks in paths": (
        "unexplained",
        "blanks around the names of a JSON path have no meaning; in local mode they count",
    ),
    "paths from $": ("3.5", "a JSON path may begin with $; local mode looks for a member of this name"),
    "paths from a bracket": (
        "3.5",
        "a JSON path may begin with a quoted key; local mode takes an empty name before it",
    ),
    "one value from a path": ("3.5", "a JSON path leads to a single value; local mode also gives lists and objects"),
    "indexes from the end": ("3.5", "the dialect's index counts from the start; in local mode Python's -1 works"),
    "characters of texts": ("3.2, 3.5", "an index of a text leads nowhere; local mode gives a character of it"),
    "slashes in S3 keys": (
        "2.3",
        "a property file is at <S3Uri>/<FilePath>; local mode makes one slash of two in the URI",
    ),
    "undeclared parameters": ("14.3", "refused when the definition is read; in local mode the step that asks fails"),
    "whole numbers and floats": ("4.2", "1 equals 1.0; local mode refuses to compare the two for equality"),
    "numbers in texts": ("14.4", "a number and a text that is a JSON number compare as numbers; local mode refuses"),
    "booleans are no numbers": ("14.4", "a boolean against a number fails the Condition; to Python True is 1"),
    "booleans have no order": ("4.2", "booleans can be equal or not, and no more; to Python False < True"),
    "members are of one kind": ("14.4", "in an In, true is not 1; to Python it is"),
    "all are compared": ("14.4", "a mix of types fails the Condition wherever it stands; local mode stops before it"),
}
"""What differs, each with the section of the semantics page and the reason."""


def _path(path: str) -> tuple[str, str]:
    return "own/json_get.json", f"Path-{PATHS.index(path)}"


RESOLVED: dict[tuple[str, str], tuple[str, Json]] = {
    ("own/references.json", "ByMetric"): ("lists by name", 1e-6),
    ("own/references.json", "ByMetricDots"): ("lists by name", 0.125),
    ("own/references.json", "ByChannel"): ("lists by name", "text/train"),
    ("own/references.json", "MapKeyDots"): ("keys with dots", "dots"),
    _path("metrics['a.b']"): ("keys with dots", 1),
    _path("['a.b.c']"): ("keys with dots", 2),
    ("own/references.json", "MapKeyClosing"): ("keys with brackets", "closing"),
    _path("metrics['x]y']"): ("keys with brackets", "closing"),
    ("own/path_escaped_quote.json", "Path"): ("escapes in keys", "quote"),
    _path("metrics[ 'mse' ].value"): ("blanks in paths", 4.5),
    _path("metrics. mse.value"): ("blanks in paths", 4.5),
    _path("label "): ("blanks in paths", "a text"),
    _path("['label']"): ("paths from a bracket", "a text"),
    _path("$.metrics.mse.value"): ("paths from $", 4.5),
    _path("$['metrics'].mse.value"): ("paths from $", 4.5),
    ("own/json_get.json", "Slashes"): ("slashes in S3 keys", "a text"),
}
"""Steps that fail in local mode and resolve here: the difference, and the value of the step's only expression."""

REFUSED = {
    ("own/path_from_the_end.json", "Path"): "indexes from the end",
    _path("label[0]"): "characters of texts",
    _path("metrics"): "one value from a path",
    _path("list"): "one value from a path",
    ("own/index_into_text.json", "Letter"): "characters of texts",
}
"""Steps that resolve in local mode and fail here."""

FLOOR_CORPUS, FLOOR_OWN = 2_100, 2_350


@dataclass
class Comparison:
    """What came out of comparing a group of documents."""

    steps: Counter[str] = field(default_factory=Counter)
    documents: set[str] = field(default_factory=set)
    unmapped: Counter[str] = field(default_factory=Counter)
    refused: set[str] = field(default_factory=set)
    used: Counter[str] = field(default_factory=Counter)
    disagreements: list[str] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        return sum(self.steps.values())


class GivenFiles:
    """In the place of AwsAccess: S3 with the recorded files."""

    def __init__(self, files: dict[str, Json]) -> None:
        self._files = files

    # Where boto3's clients have the class of their errors.
    exceptions = SimpleNamespace(ClientError=ClientError)

    def client(self, service: str) -> GivenFiles:
        assert service == "s3"
        return self

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 # boto3's own names
        content = self._files.get(f"s3://{Bucket}/{Key}")
        if content is None:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "absent"}}, "GetObject")
        body = BytesIO((content if isinstance(content, str) else json.dumps(content)).encode())
        return {"Body": body, "ETag": "e", "LastModified": datetime(2026, 1, 1, tzinfo=UTC)}


class GivenScope(TaskScope):
    """Our scope of a task on what local mode was given."""

    _id = ""

    @property
    def execution_id(self) -> str:
        return self._id

    @classmethod
    def of(cls, about: Json, pipeline: Pipeline, graph: Graph, step: Step, inputs: Json) -> GivenScope:
        results = {name: to_result(decode(result)) for name, result in inputs["results"].items()}
        context = {
            "params": inputs["parameters"],
            "ti": SimpleNamespace(xcom_pull=lambda task_ids, key: results.get(task_ids)),
            "dag_run": SimpleNamespace(dag_id="d", run_id="r", run_after=datetime.fromisoformat(about["started"])),
        }
        facts = PipelineContext(
            place=Place("d"),
            name=about["pipeline"],
            digest=pipeline.digest,
            parameters=pipeline.parameters,
            property_files={
                each.name: {file.name: file for file in each.property_files} for each in pipeline.all_steps
            },
            experiment=pipeline.experiment,
            mlflow=pipeline.mlflow,
            role_arn=None,
            graph=graph,
            step_types=STEP_TYPES,
        )
        scope = cls(
            cast("Any", context),
            facts,
            cast("Any", GivenFiles(inputs["files"])),
            cast("Any", SimpleNamespace(partition="aws", region="eu-west-1", account="123456789012")),
            evaluated_at=datetime.fromisoformat(about["evaluated"]).timestamp(),
            job_names={"TrainingJobName": JOB_NAME} if step.type == "Training" else {},
            secrets=Masking(),
            results=cast("Any", SimpleNamespace(of=lambda task_id, masked, index=None: masked)),
            check_place=lambda uri: None,
        )
        scope._id = about["execution_id"]
        return scope


def evaluate(about: Json, pipeline: Pipeline, graph: Graph, step: Step, inputs: Json) -> Json:
    """Our arguments or outcome of a step.

    :raises FailsError: where the step fails
    """
    scope = GivenScope.of(about, pipeline, graph, step, inputs)
    try:
        if step.branches is not None:
            return evaluate_all(step.branches.conditions, scope)
        return resolve_object(step.arguments, scope)
    except (UnresolvedError, ConditionError) as error:
        raise FailsError(str(error)) from None


def expect(document: str, step: Json, record: Json, translation: Translation) -> Json:
    """What we must make of a step, from what local mode made of it.

    :raises FailsError: where the step must fail
    """
    place = (document, step["Name"])
    if place in RESOLVED:
        assert "error" in record, place
        difference, value = RESOLVED[place]
        translation.used[difference] += 1
        ((pointer, _),) = outer_expressions(own_arguments(step))
        return translation.arguments(own_arguments(step), {pointer: {"value": value}})
    if place in REFUSED:
        assert "error" not in record, place
        translation.used[REFUSED[place]] += 1
        raise FailsError
    if step["Type"] != "Condition":
        return translation.arguments(own_arguments(step), _resolved(step, record, translation))
    if "values" not in record:
        raise FailsError
    conditions = step["Arguments"]["Conditions"]
    local = outcome_of(lambda: local_all(conditions, record["values"], "/Conditions"))
    assert local == ("fails" if "error" in record else record["outcome"]), f"local mode has other rules: {place}"
    return translation.outcome(conditions, record["values"])


def _resolved(step: Json, record: Json, translation: Translation) -> Json:
    """The recorded value of each expression, and that of those which only local mode cannot resolve."""
    values = dict(record.get("values", {}))
    for pointer, expression in outer_expressions(own_arguments(step)):
        if pointer in values:
            continue
        if step["Type"] != "Training" or expression != {"Get": "Execution.TrainingJobName"}:
            raise FailsError
        translation.used["job names"] += 1
        values[pointer] = JOB_NAME
    return values


def compare(document: str, definition: Json, expected: Json, about: Json, comparison: Comparison) -> None:
    if "unmapped" in expected:
        comparison.unmapped[expected["unmapped"]] += 1
        return
    comparison.unmapped.update(expected.get("unmapped_steps", {}).values())
    try:
        pipeline = read_definition(definition)
    except DefinitionError as error:
        _compare_refused(document, definition, expected, error, comparison)
        return
    graph = build_graph(pipeline)
    ours = {step.name: step for step in pipeline.all_steps}
    written = {step["Name"]: step for step in walk_steps(definition["Steps"])}
    comparison.documents.add(document)
    _compare_defaults(document, pipeline, expected, comparison)
    for name, records in expected["steps"].items():
        for which, record in records.items():
            translation = Translation(variables_of(about))
            inputs = expected["sets"][which]
            wanted = _outcome(lambda: expect(document, written[name], record, translation))  # noqa: B023 # called here
            found = _outcome(lambda: evaluate(about, pipeline, graph, ours[name], inputs))  # noqa: B023 # called here
            comparison.steps[written[name]["Type"]] += 1
            comparison.outcomes["error" if wanted is FailsError else str(wanted) if ours[name].branches else "ok"] += 1
            comparison.used.update(translation.used)
            if (wanted is FailsError) != (found is FailsError) or (found is not FailsError and not same(wanted, found)):
                comparison.disagreements.append(f"{document} {name} ({which}): expected {wanted}, ours {found}")


def _compare_defaults(document: str, pipeline: Pipeline, expected: Json, comparison: Comparison) -> None:
    for name, value in expected["sets"]["defaults"]["parameters"].items():
        parameter = pipeline.parameters[name]
        if parameter.has_default and parameter.default != value:
            comparison.disagreements.append(f"{document}: the default of {name} is {value}, ours {parameter.default}")


def _compare_refused(
    document: str, definition: Json, expected: Json, error: DefinitionError, comparison: Comparison
) -> None:
    """A definition that we do not take: local mode takes it, and a step of it fails, for the same reason."""
    translation = Translation({})
    steps = {step["Name"]: step for step in walk_steps(definition["Steps"])}
    records = [(steps[name], record) for name, sets in expected["steps"].items() for record in sets.values()]
    fails = any(_outcome(lambda: expect(document, *record, translation)) is FailsError for record in records)  # noqa: B023
    errors = [record.get("error") for _, record in records]
    for finding in error.findings:
        undeclared = re.fullmatch("the parameter '(.+)' is not declared", finding.message)
        if undeclared is not None:
            reason = f"{{'Get': 'Parameters.{undeclared.group(1)}'}} is undefined."
            translation.used["undeclared parameters"] += reason in errors
        if not fails or (undeclared is None and not document.startswith(OWN)):
            comparison.disagreements.append(f"{document}: refused by us for {finding.message}")
    comparison.used.update(+translation.used)
    comparison.refused.add(document)


def _outcome(evaluation: Any) -> Any:
    try:
        return evaluation()
    except FailsError:
        return FailsError


def variables_of(about: Json) -> dict[str, tuple[str, str]]:
    """The execution variables that differ: by which difference, and what they are here."""
    name = about["pipeline"].lower()
    arn = f"arn:aws:sagemaker:eu-west-1:123456789012:pipeline/{name}"
    return {
        "Execution.PipelineName": ("name in lower case", name),
        "Execution.PipelineArn": ("ARN of the pipeline", arn),
        "Execution.PipelineExecutionArn": ("ARN of the execution", f"{arn}/execution/{about['execution_id']}"),
        "Execution.StartDateTime": ("start of the run", iso(datetime.fromisoformat(about["started"]))),
        "Execution.CurrentDateTime": ("current time", iso(datetime.fromisoformat(about["evaluated"]))),
    }


def records() -> Iterator[tuple[str, Json]]:
    for path in sorted(EXPECTED.glob("*.json")):
        yield path.stem, json.loads(path.read_bytes())


@cache
def compare_own() -> Comparison:
    comparison = Comparison()
    for group, recorded in records():
        if group == OWN:
            for name in recorded["documents"]:
                expected = recorded["documents"][name]
                compare(name, expected["document"], expected, recorded["about"], comparison)
    return comparison


@cache
def compare_corpus() -> Comparison:
    comparison = Comparison()
    documents = corpus.documents()
    for group, recorded in records():
        for name, expected in recorded["documents"].items() if group != OWN else ():
            if name in documents:
                definition = definition_of(json.loads(documents[name]))
                compare(name, definition, expected, recorded["about"], comparison)
    return comparison


def report(comparison: Comparison) -> str:
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(comparison.steps.items()))
    outcomes = ", ".join(f"{kind} {count}" for kind, count in sorted(comparison.outcomes.items()))
    used = ", ".join(f"{name} {count}" for name, count in sorted(comparison.used.items()))
    return (
        f"{comparison.count} steps x parameter sets of {len(comparison.documents)} documents ({kinds}; {outcomes});"
        f" {len(comparison.refused)} documents refused by both; {sum(comparison.unmapped.values())} not mapped;"
        f" differences: {used}"
    )


def test_own_documents_agree() -> None:
    comparison = compare_own()
    print("own documents:", report(comparison))
    assert comparison.disagreements == []
    assert comparison.count >= FLOOR_OWN


def test_the_corpus_agrees() -> None:
    comparison = compare_corpus()
    print("corpus:", report(comparison))
    assert comparison.disagreements == []
    assert comparison.count >= FLOOR_CORPUS


def test_conditions_of_the_corpus_come_out_both_ways() -> None:
    outcomes = compare_corpus().outcomes
    assert min(outcomes["True"], outcomes["False"]) >= 50


def test_every_listed_difference_occurs_and_no_other() -> None:
    assert set(compare_own().used) == set(DIFFERENCES)


def test_only_documents_without_a_step_for_local_mode_are_left_out() -> None:
    for comparison in (compare_own(), compare_corpus()):
        reasons = [reason for reason in comparison.unmapped if not reason.startswith("no step of a type")]
        assert reasons == []


@pytest.mark.parametrize("group", sorted(path.name for path in EXPECTED.glob("*.json")))
def test_a_record_says_how_it_was_made(group: str) -> None:
    about = json.loads((EXPECTED / group).read_bytes())["about"]
    assert about["made_by"] == "python tests/differential/make_expected.py"
    assert about["requirement"].startswith("sagemaker==2.")
    assert not any(value.startswith("/") for value in about.values())
