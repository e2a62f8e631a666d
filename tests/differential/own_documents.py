"""Documents of our own beside the corpus: the corners of the language that real definitions seldom visit.

The results of steps and the files are given here, not made up from the references.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from itertools import product

from tests.differential.cases import VALUES, Json

MOMENT = datetime(2024, 5, 6, 7, 8, 9, 123_456, tzinfo=UTC)
ELSEWHERE = datetime(2024, 12, 31, 20, 30, tzinfo=timezone(timedelta(hours=-5)))

OPERATORS = ("Equals", "GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo")
PATHS = (
    "metrics.mse.value",
    "metrics['mse'].value",
    'metrics["mse"].value',
    "metrics['mse']['value']",
    "list[0]",
    "list[2].name",
    "matrix[1][0]",
    "label",
    "empty",
    "zero",
    "flag",
    "tiny",
    "a-b",
    "with space",
    "ключ",
    "$.metrics.mse.value",
    "$['metrics'].mse.value",
    "metrics['a.b']",
    "['a.b.c']",
    "['label']",
    "label[0]",
    "metrics",
    "list",
    "nothing",
    "missing",
    "metrics.missing.value",
    "list[9]",
    "list.name",
    "list['name']",
    "list.0",
    "label.x",
    "empty[0]",
    "zero[0]",
    "flag.x",
    "nothing.x",
    "nothing[0]",
    "a,b",
    "`this`",
    "@x",
    "metrics['']",
    "metrics['$']",
    "metrics['x[y']",
    "metrics['x]y']",
    "metrics[ 'mse' ].value",
    "label ",
    "metrics. mse.value",
    "metrics[0]",
)
UNREADABLE_PATHS = {
    "from_the_end": "list[-1]",
    "by_a_name": "list[x]",
    "of_any": "metrics.*.value",
    "quoted_star": "metrics['*']",
    "inner_quote": "metrics['it's']",
    "escaped_quote": "metrics['it\\'s']",
    "recursive": "metrics..value",
    "nowhere": "",
    "open": "metrics['mse'",
}
"""Paths that may well be refused when the definition is read, and so stand in documents of their own."""

ODD_KEYS = {"a[b": "opening", "a]b": "closing", "it's": "quote", "a\\b": "backslash"}
REPORT = {
    "metrics": {
        "mse": {"value": 4.5},
        "a.b": 1,
        "": "no name",
        "$": "dollar",
        "x[y": "opening",
        "x]y": "closing",
        "*": "star",
        "it's": "quote",
    },
    "a,b": "comma",
    "`this`": "ticks",
    "@x": "at",
    "a.b.c": 2,
    "list": ["first", 2, {"name": "third"}],
    "matrix": [[1, 2], [3, 4]],
    "label": "a text",
    "empty": "",
    "zero": 0,
    "flag": True,
    "tiny": 1e-05,
    "a-b": "dash",
    "with space": "space",
    "ключ": "unicode",
    "nothing": None,
}
"""What the property file holds that the PATHS read."""


@dataclass(frozen=True)
class OwnDocument:
    """``files`` and ``results`` are by parameter set; a file that is text stands there as it is, no JSON."""

    definition: Json
    results: Mapping[str, Json] = field(default_factory=dict)
    files: Mapping[str, Json] = field(default_factory=dict)


def documents() -> dict[str, OwnDocument]:
    return {
        "own/text.json": _text(),
        "own/references.json": _references(),
        "own/json_get.json": _json_get(),
        "own/conditions.json": _conditions(),
        "own/undeclared.json": OwnDocument(_definition([_training("Undeclared", V=_get("Parameters.Nobody"))])),
        "own/index_into_text.json": OwnDocument(
            _definition([_source(), _training("Letter", V=_get("Steps.Source.ProcessingJobName[0]"))]),
            {which: {"Source": {"ProcessingJobName": "job"}} for which in VALUES},
        ),
        **{f"own/path_{name}.json": _one_path(path) for name, path in UNREADABLE_PATHS.items()},
    }


def _get(text: str) -> Json:
    return {"Get": text}


def _join(separator: str, *values: Json) -> Json:
    return {"Std:Join": {"On": separator, "Values": list(values)}}


def _report(path: str, name: str = "Report") -> Json:
    return {"Std:JsonGet": {"PropertyFile": _get(f"Steps.Source.PropertyFiles.{name}"), "Path": path}}


def _step(name: str, kind: str, arguments: Json) -> Json:
    return {"Name": name, "Type": kind, "Arguments": arguments}


def _training(name: str, **members: Json) -> Json:
    return _step(name, "Training", members)


def _definition(steps: list[Json]) -> Json:
    parameters = [
        {"Name": "S", "Type": "String", "DefaultValue": "text"},
        {"Name": "I", "Type": "Integer", "DefaultValue": 3},
        {"Name": "F", "Type": "Float", "DefaultValue": 2.5},
        {"Name": "B", "Type": "Boolean", "DefaultValue": True},
    ]
    return {"Version": "2020-12-01", "Metadata": {}, "Parameters": parameters, "Steps": steps}


def _source() -> Json:
    """The step that the others refer to; its results are given."""
    outputs = [{"OutputName": name, "S3Output": {"S3Uri": "s3://b/o"}} for name in ("report", "slashes", "ends")]
    files = [
        ("Report", "report", "evaluation.json"),
        ("Text", "report", "text.txt"),
        ("Gone", "report", "gone.json"),
        ("Slashes", "slashes", "evaluation.json"),
        ("Ends", "ends", "sub/evaluation.json"),
    ]
    properties = [{"PropertyFileName": name, "OutputName": output, "FilePath": path} for name, output, path in files]
    arguments = {"ProcessingOutputConfig": {"Outputs": outputs}}
    return {**_step("Source", "Processing", arguments), "PropertyFiles": properties}


def _text() -> OwnDocument:
    parameters = [_get(f"Parameters.{name}") for name in "SIFB"]
    names = ("PipelineName", "PipelineArn", "PipelineExecutionId", "PipelineExecutionArn", "StartDateTime")
    variables = [_get(f"Execution.{name}") for name in (*names, "CurrentDateTime")]
    times = [_get("Steps.Source.CreationTime"), _get("Steps.Source.ProcessingEndTime")]
    whole = [_get("Steps.Source.Environment"), _get("Steps.Source.AppSpecification.ContainerArguments")]
    steps = [
        _source(),
        _training("Alone", Parameters=parameters, Variables=variables, Times=times),
        _training("Joined", Parameters=_join(",", *parameters), Times=_join(" ", *times)),
        _training("JoinedVariables", **{name: _join("-", "x", _get(f"Execution.{name}")) for name in names}),
        _training("JoinedNow", V=_join("", _get("Execution.CurrentDateTime"))),
        _training("OneByOne", V=[_join("", parameter) for parameter in parameters]),
        _training("Literals", V=_join("|", "a", 1, -2, True, False, 0.1, 1.0, 1e-5, 1e-7, 1e16, 1e21, 1e22, 5e-324)),
        _training("Nested", V=_join("/", "s3:/", _join("-", parameters[0], _join("", parameters[3])), _join("", 1.0))),
        _training("NothingToJoin", V=[_join(","), _join("", ""), _join(" … ", "ä", "日本", "🚀")]),
        _training("Whole", V=whole),
        _training("JoinedWhole", V=_join("=", *whole)),
        _training("Nulls", A=None, B={"C": None, "D": {"E": None, "F": 0}}, G=[None, {"H": None}, []], V=parameters[1]),
        _training("Braces", **{"{{ x }}": "{{ params.y }}", "V": _join("", "{", parameters[0], "}", "%s", "{0}")}),
        _training("Keys", **{"a.b": parameters[0], "c/d~e": {"Get": 1, "f": parameters[1]}, "": parameters[2]}),
        _training("JobName", V=_get("Execution.TrainingJobName")),
        _training("NoJobName", V=_get("Execution.ProcessingJobName")),
        _step("Message", "Fail", {"ErrorMessage": _join(" ", "count", parameters[1], "flag", parameters[3])}),
        _step("PlainMessage", "Fail", {"ErrorMessage": "no {{ braces }} are read"}),
    ]
    source = {
        "CreationTime": MOMENT,
        "ProcessingEndTime": ELSEWHERE,
        "Environment": {"K": "v", "Quoted": 'a "b"', "N": None},
        "AppSpecification": {"ContainerArguments": ["a", "b c", "ü", 1, True, 0.5]},
    }
    return OwnDocument(_definition(steps), {which: {"Source": source} for which in VALUES})


def _references() -> OwnDocument:
    paths = {
        "OutputByName": "Source.ProcessingOutputConfig.Outputs['report'].S3Output.S3Uri",
        "OutputUnknown": "Source.ProcessingOutputConfig.Outputs['other'].S3Output.S3Uri",
        "InputByName": "Source.ProcessingInputs['code'].S3Input.S3Uri",
        "MapKey": "Source.Environment['KEY']",
        "MapKeyMember": "Source.Environment.KEY",
        "MapKeyOdd": "Source.Environment['a:b/c d']",
        "MapKeyDots": "Source.Environment['a.b']",
        "MapKeyOpening": "Source.Environment['a[b']",
        "MapKeyClosing": "Source.Environment['a]b']",
        "MapKeyQuote": "Source.Environment['it's']",
        "MapKeyBackslash": "Source.Environment['a\\b']",
        "MapKeyUnknown": "Source.Environment['NONE']",
        "Absent": "Source.FailureReason",
        "AbsentDeep": "Source.ExperimentConfig.TrialName",
        "Null": "Source.ExitMessage",
        "EmptyText": "Source.AutoMLJobArn",
        "Index": "Trained.InputDataConfig[1].ContentType",
        "IndexBeyond": "Trained.InputDataConfig[7].ContentType",
        "IndexOfMap": "Trained.HyperParameters[0]",
        "ByChannel": "Trained.InputDataConfig['train'].ContentType",
        "ByMetric": "Trained.FinalMetricDataList['val:loss'].Value",
        "ByMetricDots": "Trained.FinalMetricDataList['a.b'].Value",
        "ByMetricUnknown": "Trained.FinalMetricDataList['other'].Value",
        "Number": "Trained.BillableTimeInSeconds",
        "Flag": "Trained.EnableNetworkIsolation",
        "WholeList": "Trained.InputDataConfig",
        "WholeMap": "Trained.HyperParameters",
    }
    steps = [_source(), _training("Trained")]
    steps += [_training(name, V=_get(f"Steps.{path}")) for name, path in paths.items()]
    steps.append(_training("WholeResult", V=_get("Steps.Trained")))
    steps.append(_training("JoinedAbsent", V=_join("", "x", _get("Steps.Source.FailureReason"))))
    steps.append(_training("JoinedMetric", V=_join("", "x", _get("Steps.Trained.FinalMetricDataList[1].Value"))))
    steps.append(_step("Message", "Fail", {"ErrorMessage": _get("Steps.Trained.TrainingJobName")}))
    outputs = [{"OutputName": name, "S3Output": {"S3Uri": f"s3://b/{name}"}} for name in ("train", "report")]
    source = {
        "ProcessingOutputConfig": {"Outputs": outputs},
        "ProcessingInputs": [{"InputName": name, "S3Input": {"S3Uri": f"s3://b/{name}"}} for name in ("x", "code")],
        "Environment": {"KEY": "value", "a:b/c d": "odd", "a.b": "dots", **ODD_KEYS},
        "ExitMessage": None,
        "AutoMLJobArn": "",
    }
    metrics = [{"MetricName": name, "Value": value} for name, value in (("a.b", 0.125), ("val:loss", 1e-6))]
    channels = [{"ChannelName": name, "ContentType": f"text/{name}"} for name in ("train", "test")]
    trained = {
        "TrainingJobName": "trained-1",
        "InputDataConfig": channels,
        "FinalMetricDataList": metrics,
        "HyperParameters": {"lr": "0.1"},
        "BillableTimeInSeconds": 0,
        "EnableNetworkIsolation": False,
    }
    return OwnDocument(_definition(steps), {which: {"Source": source, "Trained": trained} for which in VALUES})


def _json_get() -> OwnDocument:
    steps = [_source(), *(_training(f"Path-{number}", V=_report(path)) for number, path in enumerate(PATHS))]
    steps.append(_training("NotJson", V=_report("label", "Text")))
    steps.append(_training("NoFile", V=_report("label", "Gone")))
    steps.append(_training("Slashes", V=_report("label", "Slashes")))
    steps.append(_training("Ends", V=_report("label", "Ends")))
    uri = _join("/", "s3://b/o", _get("Parameters.S"), _get("Execution.PipelineExecutionId"), "x.json")
    by_uri = {"Std:JsonGet": {"S3Uri": uri, "Path": "Result[1]"}}
    steps.append(_training("ByUri", V=by_uri))
    steps.append(_training("Joined", V=_join(",", _report("metrics.mse.value"), _report("flag"), _report("tiny"))))
    steps.append(_step("Message", "Fail", {"ErrorMessage": _join("", "mse ", _report("metrics.mse.value"))}))
    places = {"report": "s3://b/o", "slashes": "s3://b/two//slashes", "ends": "s3://b/ends/"}
    outputs = [{"OutputName": name, "S3Output": {"S3Uri": uri}} for name, uri in places.items()]
    files = {
        "s3://b/o/evaluation.json": REPORT,
        "s3://b/o/text.txt": "no: json",
        "s3://b/two//slashes/evaluation.json": REPORT,
        "s3://b/ends/sub/evaluation.json": REPORT,
        "s3://b/o/text/a1b2c3d4e5f6/x.json": {"Result": ["a", 1.5], "Other": 1},
        "s3://b/o/0/a1b2c3d4e5f6/x.json": {"Result": ["a", 7]},
        "s3://b/o/-1.5/a1b2c3d4e5f6/x.json": {"Result": ["a"]},
        "s3://b/o/1e-5/a1b2c3d4e5f6/x.json": {"Result": {"1": 2}},
    }
    results = {"Source": {"ProcessingOutputConfig": {"Outputs": outputs}}}
    return OwnDocument(_definition(steps), dict.fromkeys(VALUES, results), dict.fromkeys(VALUES, files))


def _one_path(path: str) -> OwnDocument:
    outputs = [{"OutputName": "report", "S3Output": {"S3Uri": "s3://b/o"}}]
    results = {"Source": {"ProcessingOutputConfig": {"Outputs": outputs}}}
    files = {"s3://b/o/evaluation.json": REPORT}
    steps = [_source(), _training("Path", V=_report(path))]
    return OwnDocument(_definition(steps), dict.fromkeys(VALUES, results), dict.fromkeys(VALUES, files))


def _conditions() -> OwnDocument:
    operands = {
        "S": _get("Parameters.S"),
        "I": _get("Parameters.I"),
        "F": _get("Parameters.F"),
        "B": _get("Parameters.B"),
        "J": _report("value"),
        "T": _join("", _get("Parameters.I")),
        "N": 3,
        "L": "10",
    }
    steps = [_source()]
    for operator, left, right in product(OPERATORS, operands, operands):
        condition = {"Type": operator, "LeftValue": operands[left], "RightValue": operands[right]}
        steps.append(_condition(f"{operator}-{left}-{right}", condition))
    members = [1, "1e-5", 2.5, True, "text", _get("Parameters.I")]
    for name, operand in operands.items():
        inside = {"Type": "In", "QueryValue": operand, "Values": members}
        steps.append(_condition(f"In-{name}", inside))
        steps.append(_condition(f"NotIn-{name}", {"Type": "Not", "Condition": inside}))
        steps.append(_condition(f"InNothing-{name}", {"Type": "In", "QueryValue": operand, "Values": []}))
    steps += _compound(operands)
    outputs = [{"OutputName": "report", "S3Output": {"S3Uri": "s3://b/o"}}]
    source = {"ProcessingOutputConfig": {"Outputs": outputs}}
    results = {which: {"Source": source} for which in VALUES}
    values = ("text", 3, 2.5, True, "3", "1.0", False)
    files = {which: {"s3://b/o/evaluation.json": {"value": value}} for which, value in zip(VALUES, values, strict=True)}
    return OwnDocument(_definition(steps), results, files)


def _compound(operands: dict[str, Json]) -> list[Json]:
    positive = {"Type": "GreaterThan", "LeftValue": operands["I"], "RightValue": 0}
    flag = {"Type": "Equals", "LeftValue": operands["B"], "RightValue": True}
    # Holds for a text, and cannot be compared where the file holds anything else.
    text = {"Type": "GreaterThan", "LeftValue": operands["J"], "RightValue": "a"}
    missing = {"Type": "Equals", "LeftValue": _report("missing"), "RightValue": 1}

    def either(*conditions: Json) -> Json:
        return {"Type": "Or", "Conditions": list(conditions)}

    def negated(condition: Json) -> Json:
        return {"Type": "Not", "Condition": condition}

    return [
        _condition("NoConditions"),
        _condition("EmptyOr", either()),
        _condition("Both", positive, flag),
        _condition("Either", either(positive, flag)),
        _condition("Neither", negated(either(positive, flag))),
        _condition("NotNot", negated(negated(positive))),
        _condition("Deep", either(negated(positive), either(negated(flag), negated(either(flag, positive)))), flag),
        _condition("AndThenText", positive, text),
        _condition("TextThenAnd", text, positive),
        _condition("OrElseText", either(positive, text)),
        _condition("TextOrElse", either(text, positive)),
        _condition("NotOrElseText", negated(either(positive, text))),
        _condition("Missing", missing),
        _condition("FalseAndMissing", {"Type": "Equals", "LeftValue": 1, "RightValue": 2}, missing),
        _condition("TrueOrMissing", either({"Type": "Equals", "LeftValue": 1, "RightValue": 1}, missing)),
    ]


def _condition(name: str, *conditions: Json) -> Json:
    return _step(name, "Condition", {"Conditions": list(conditions), "IfSteps": [], "ElseSteps": []})
