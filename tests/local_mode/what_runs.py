"""Which definitions of the corpus local mode could run for real, by rules; writes ``docs/local-mode-corpus.md``.

    python -m tests.local_mode.what_runs

The rules look at a definition alone: types of steps, kinds of images, and whether a script is named. That a script and
its data are at hand is taken for granted, for the corpus has neither.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from tests.corpus import documents, invalid_documents

PAGE = Path(__file__).parent.parent.parent / "docs" / "local-mode-corpus.md"
Kind = Literal["runs", "simulated", "none"]
# The images of AWS whose programs are not to be had outside: built-in algorithms, checks, and the like.
CLOSED = re.compile(
    r"/(blazingtext|factorization-machines|forecasting-deepar|image-classification|ipinsights|kmeans|knn|lda|linear-learner"
    r"|ntm|object-detection|object2vec|pca|randomcutforest|semantic-segmentation|seq2seq|sagemaker-clarify\S*"
    r"|sagemaker-model-monitor\S*|sagemaker-data-wrangler\S*|sagemaker-geospatial\S*|sagemaker-inspect-ai)(:|$)"
)
SPARK = re.compile(r"/sagemaker-spark-")
XGBOOST = re.compile(r"/(sagemaker-)?xgboost[:@]")
STRATEGIES = ("Random", "Grid")
SIMULATED = {
    "QualityCheck": "a check by a container of AWS",
    "ClarifyCheck": "a check by a container of AWS",
    "AutoML": "AutoML is a service of AWS",
    "EMR": "Spark on EMR",
    "EMRServerless": "Spark on EMR",
}


class Verdict(NamedTuple):
    """What becomes of a step: its code runs, its outcome is simulated, or it has none; and why, or with what."""

    kind: Kind
    why: str


NONE = Verdict("none", "a call or an evaluation, as in the cloud")


def steps_of(steps: Any) -> Iterator[Mapping[str, Any]]:
    """All steps, those of branches and bodies too."""
    for step in steps if isinstance(steps, list) else ():
        if isinstance(step, Mapping):
            yield step
            arguments = step.get("Arguments")
            for holder in (step, arguments if isinstance(arguments, Mapping) else {}):
                for member in ("IfSteps", "ElseSteps", "ForEachBody", "Steps"):
                    yield from steps_of(holder.get(member))


def verdict_of(step: Mapping[str, Any], models: Mapping[str, Mapping[str, Any]]) -> Verdict:
    """What local mode can do with a step; ``models`` are the Arguments of the definition's Model steps by name."""
    kind, arguments = step.get("Type"), step.get("Arguments")
    arguments = arguments if isinstance(arguments, Mapping) else {}
    match kind:
        case "Processing":
            return _of_container(arguments.get("AppSpecification"), "ImageUri")
        case "Training":
            return _of_training(arguments)
        case "Tuning":
            return _of_tuning(arguments)
        case "Transform":
            return _of_transform(arguments, models)
        case "Lambda":
            return Verdict("runs", "a handler in Python")
        case "Callback":
            return Verdict("runs", "a handler that answers")
        case _ if kind in SIMULATED:
            return Verdict("simulated", SIMULATED[kind])
        case _ if str(kind).startswith("Bedrock"):
            return Verdict("simulated", "Bedrock is a service of AWS")
        case _:
            return NONE


def _of_container(specification: Any, member: str) -> Verdict:
    specification = specification if isinstance(specification, Mapping) else {}
    image = str(specification.get(member) or "")
    if not image:
        return Verdict("simulated", "no image: the request is a stub of a test")
    if SPARK.search(image):
        return Verdict("simulated", "Spark")
    if CLOSED.search(image):
        return Verdict("simulated", "an algorithm in a container of AWS")
    entrypoint = specification.get("ContainerEntrypoint")
    if not entrypoint:
        return Verdict("simulated", "an image of one's own, whose entry point only Docker knows")
    words = json.dumps([entrypoint, specification.get("ContainerArguments")])
    if "sagemaker_remote_function_bootstrap" in words:
        return Verdict("runs", "@step functions, with the SDK")
    return Verdict("runs", "its script")


def _of_training(arguments: Mapping[str, Any]) -> Verdict:
    if "ServerlessJobConfig" in arguments:
        return Verdict("simulated", "a serverless training job is a service of AWS")
    specification = arguments.get("AlgorithmSpecification")
    specification = specification if isinstance(specification, Mapping) else {}
    hyperparameters = arguments.get("HyperParameters") or arguments.get("StaticHyperParameters")
    if isinstance(hyperparameters, Mapping) and "sagemaker_program" in hyperparameters:
        return Verdict("runs", "its script")
    image = str(specification.get("TrainingImage") or "")
    if XGBOOST.search(image) and "ContainerEntrypoint" not in specification:
        return Verdict("runs", "the built-in XGBoost, by the package")
    return _of_container(specification, "TrainingImage")


def _of_tuning(arguments: Mapping[str, Any]) -> Verdict:
    definitions = arguments.get("TrainingJobDefinitions") or [arguments.get("TrainingJobDefinition")]
    verdicts = [_of_training(each if isinstance(each, Mapping) else {}) for each in definitions]
    worst = next((each for each in verdicts if each.kind != "runs"), verdicts[0])
    strategy = (arguments.get("HyperParameterTuningJobConfig") or {}).get("Strategy")
    if worst.kind == "runs" and strategy not in STRATEGIES:
        return Verdict("runs", f"{worst.why}; values are drawn at random, for the strategy is AWS's")
    return worst


def _of_transform(arguments: Mapping[str, Any], models: Mapping[str, Mapping[str, Any]]) -> Verdict:
    name = arguments.get("ModelName")
    found = (
        re.fullmatch(r"Steps\.(.+)\.ModelName", name["Get"]) if isinstance(name, Mapping) and "Get" in name else None
    )
    if found is None or found[1] not in models:
        return Verdict("simulated", "a model that the definition does not make")
    containers = models[found[1]].get("Containers") or [models[found[1]].get("PrimaryContainer")]
    if len(containers) != 1 or not isinstance(containers[0], Mapping):
        return Verdict("simulated", "a model of several containers")
    if "SAGEMAKER_PROGRAM" in (containers[0].get("Environment") or {}):
        return Verdict("runs", "its script")
    if XGBOOST.search(str(containers[0].get("Image") or "")):
        return Verdict("runs", "the built-in XGBoost, by the package")
    return Verdict("simulated", "a model without a script that serves it")


def judged(document: bytes) -> Counter[Verdict]:
    """How many steps of a definition have which verdict."""
    definition = json.loads(document)
    steps = list(steps_of(definition.get("Steps") if isinstance(definition, dict) else None))
    models = {
        str(step.get("Name")): step["Arguments"]
        for step in steps
        if step.get("Type") == "Model" and isinstance(step.get("Arguments"), Mapping)
    }
    return Counter(verdict_of(step, models) for step in steps)


def page() -> str:
    """The page, for the corpus that is there."""
    invalid = invalid_documents()
    verdicts = {name: judged(body) for name, body in documents().items() if name not in invalid}
    steps: Counter[Verdict] = Counter()
    inside: Counter[Verdict] = Counter()
    for found in verdicts.values():
        steps.update(found)
        inside.update(set(found))
    rows = sorted(steps, key=lambda each: (each.kind != "runs", each.kind == "none", -inside[each], each.why))
    lines = [f"| {WORDS[row.kind]} | {row.why} | {steps[row]} | {inside[row]} |" for row in rows]
    classes: dict[str, list[str]] = {title: [] for title in CLASSES}
    for name, found in verdicts.items():
        classes[_class_of(found)].append(name)
    counted = [f"| {title} | {len(names)} |" for title, names in classes.items()]
    each = [
        f"| {name} | {title} | {_reasons(verdicts[name])} |"
        for title, names in classes.items()
        if title != CLASSES[3]
        for name in sorted(names)
    ]
    return TEXT.format(
        count=len(verdicts),
        invalid=len(invalid),
        classes="\n".join(counted),
        steps="\n".join(lines),
        definitions="\n".join(each),
        calls=CLASSES[3],
    )


WORDS = {"runs": "runs", "simulated": "simulated", "none": "no code"}
CLASSES = ("all of its code runs", "part of its code runs", "none of its code runs", "it has no code")


def _class_of(found: Mapping[Verdict, int]) -> str:
    kinds = {verdict.kind for verdict in found}
    if "runs" in kinds:
        return CLASSES[1] if "simulated" in kinds else CLASSES[0]
    return CLASSES[2] if "simulated" in kinds else CLASSES[3]


def _reasons(found: Mapping[Verdict, int]) -> str:
    return "; ".join(sorted({verdict.why for verdict in found if verdict.kind == "simulated"})) or "-"


TEXT = """# What of the corpus local mode could run

[Local mode](local-mode.md) can run the code of some definitions. This page says of {count} definitions which have such
code, and why the rest is simulated. They were made by the SDK's own tests and examples, found in public repositories,
or made for this package. {invalid} more are left out: their definition itself is wrong.

The rules are those of `tests/local_mode/what_runs.py`, which writes this page. They look at the definition alone. The
corpus has no scripts and no data. So "runs" means that the code would run if its scripts and data are in S3, and a
Python with the packages is given.

| definitions | number |
|---|---|
{classes}

By steps:

| | with what, or why not | steps | definitions |
|---|---|---|---|
{steps}

## Each definition

Without those of which "{calls}" holds. The last column says what would be simulated.

| definition | | simulated |
|---|---|---|
{definitions}
"""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
