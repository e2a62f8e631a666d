"""Small files that once took down more than themselves: a whole dags file, the dag-processor, the folder's import.

Each is one kind. ``runs`` means that SageMaker takes the definition, so its Dag has to run; ``finding`` that no AWS API
takes it, so its Dag has to be the one that tells its findings. A dags folder gets the files of one or all of them
beside a good definition; whatever they hold, the good one has to be there and run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

ROLE = "arn:aws:iam::123456789012:role/SageMakerRole"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:hostile"
"""The function that the definitions which run call: any answer that is a JSON object will do."""
QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/hostile"
HUGE = 10**39 + 7
"""An integer of 40 digits, far outside of what 64 bits hold."""
MANY = 2000
MAX_TEXTS = 2000


@dataclass(frozen=True)
class Hostile:
    """``files`` are by their paths below the folder of the definitions; the first of them is the hostile one.

    ``told`` is a part of what its findings, or the warnings of its Dag, have to say. ``dag_id`` is what the hostile
    file's Dag is called, and empty where that is made up.
    """

    name: str
    expected: Literal["runs", "finding"]
    files: Mapping[str, bytes]
    dag_id: str
    told: str = ""

    @property
    def is_large(self) -> bool:
        """Whether there is so much in a file that its reading is measured in CPU seconds."""
        return any(content.count(b'"') > MAX_TEXTS for content in self.files.values())

    def write(self, folder: Path) -> None:
        """Put the files below ``folder``."""
        for relative, content in self.files.items():
            path = folder / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def call(name: str = "Call", arguments: Any = None, **members: Any) -> dict[str, Any]:
    """A Lambda step: its Arguments may hold any JSON."""
    return {"Name": name, "Type": "Lambda", "FunctionArn": FUNCTION, "Arguments": arguments or {}, **members}


def check(*conditions: Any) -> dict[str, Any]:
    """A Condition step without branches."""
    branches: dict[str, Any] = {"Conditions": list(conditions), "IfSteps": [], "ElseSteps": []}
    return {"Name": "Check", "Type": "Condition", "Arguments": branches}


def document(*steps: Any, **members: Any) -> dict[str, Any]:
    return {"Version": "2020-12-01", "Steps": list(steps) or [call()], **members}


def wrapper(definition: Any = None, **members: Any) -> dict[str, Any]:
    """What describe-pipeline answers."""
    inner = document() if definition is None else definition
    return {"PipelineName": "wrapped", "PipelineDefinition": json.dumps(inner), **members}


def parameter(kind: str, default: Any, name: str = "P", **members: Any) -> dict[str, Any]:
    return {"Name": name, "Type": kind, "DefaultValue": default, **members}


def join(*values: Any) -> dict[str, Any]:
    return {"Std:Join": {"On": "-", "Values": list(values)}}


def get(text: str) -> dict[str, Any]:
    return {"Get": text}


def hostile_files() -> Iterator[Hostile]:
    """All of them, each of another name."""
    yield from _texts()
    yield from _numbers()
    yield from _names()
    yield from _marks()
    yield from _syntax()
    yield from _many()


def _one(
    name: str, expected: Literal["runs", "finding"], content: Any, told: str = "", *, dag_id: str | None = None
) -> Hostile:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Hostile(name, expected, {f"{name}.json": data}, name if dag_id is None else dag_id, told)


def _texts() -> Iterator[Hostile]:
    """NUL, half surrogate pairs, and texts that are longer than Airflow's columns, wherever a text can stand."""
    for kind, bad, told in (("nul", "a\0b", "U+0000"), ("surrogate", "a\ud800b", "U+D800")):
        places: dict[str, Any] = {
            "argument": document(call(arguments={"x": bad})),
            "argument-key": document(call(arguments={bad: 1})),
            "unknown-key": document({**call(), bad: 1}),
            "top-key": document(**{bad: 1}),
            "step-name": document(call(bad)),
            "step-type": document({**call(), "Type": bad}),
            "display-name": document(call(DisplayName=bad)),
            "description": document(call(Description=bad)),
            "depends-on": document(call(DependsOn=[bad])),
            "reference": document(call(arguments={"x": get(f"Steps.{bad}.Y")})),
            "join": document(call(arguments={"x": join(bad)})),
            "json-get": document(call(arguments={"x": {"Std:JsonGet": {"S3Uri": "s3://b/k", "Path": f"a['{bad}']"}}})),
            "condition": document(check({"Type": "Equals", "LeftValue": bad, "RightValue": 1})),
            "default": document(Parameters=[parameter("String", bad)]),
            "enum": document(Parameters=[parameter("String", "x", EnumValues=["x", bad])]),
            "parameter-description": document(Parameters=[parameter("String", "x", Description=bad)]),
            "parameter-name": document(Parameters=[parameter("String", "x", name=bad)]),
            "metadata": document(Metadata={"owner": bad}),
            "version": {**document(), "Version": bad},
            "experiment": document(PipelineExperimentConfig={"ExperimentName": bad, "TrialName": "t"}),
            "property-file": document(
                {
                    "Name": "P",
                    "Type": "Processing",
                    "Arguments": {},
                    "PropertyFiles": [{"PropertyFileName": bad, "OutputName": "o", "FilePath": "p"}],
                }
            ),
            "function-arn": document(call(FunctionArn=bad)),
        }
        for place, content in places.items():
            yield _one(f"{kind}-in-{place}", "finding", content, told)
        for place in ("PipelineDisplayName", "PipelineDescription", "RoleArn"):
            content = wrapper(**{"PipelineName": f"{kind}-in-{place}", place: bad})
            yield _one(f"{kind}-in-{place}", "finding", content, told)
        broken = wrapper(document({**call(), "Type": bad}), PipelineName=f"{kind}-in-wrapped-type")
        yield _one(f"{kind}-in-wrapped-type", "finding", broken, told)
        name = json.dumps(wrapper(PipelineName=f"{kind}{bad}")).encode()
        yield Hostile(f"{kind}-in-PipelineName", "finding", {f"{kind}.json": name}, f"{kind}a-b", told)
    yield _one("raw-nul", "finding", b'{"Steps": [], "Version": "\0"}', "control character")
    yield _one("nul-around", "finding", b'\0{"Steps": []}')
    yield _one(
        "long-display-name",
        "runs",
        wrapper(PipelineName="long-display-name", PipelineDisplayName="d" * 3000),
        "PipelineDisplayName",
    )
    yield _one("long-description", "runs", wrapper(PipelineName="long-description", PipelineDescription="d" * 50_000))
    yield _one("long-step-display-name", "finding", document(call(DisplayName="d" * 3000)), "256")
    yield _one("long-step-name", "finding", document(call("s" * 300)), "1 to 64")
    yield _one("long-type", "finding", document({**call(), "Type": "T" * 200_000}))
    yield _one("long-key", "runs", document({**call(), "k" * 200_000: 1}))
    yield _one("markdown-file", "runs", wrapper(PipelineName="markdown-file", PipelineDescription="x" * 5000 + ".md"))
    yield _one("etc-passwd", "runs", wrapper(PipelineName="etc-passwd", PipelineDescription="see README.md"))
    yield _one("step-markdown-file", "runs", document(call(Description="see README.md")))


def _numbers() -> Iterator[Hostile]:
    """Integers that 64 bits do not hold, and numbers that a double does not."""
    for kind, number in (("positive", HUGE), ("negative", -HUGE), ("2-to-64", 2**64), ("below-int64", -(2**63) - 1)):
        yield _one(f"{kind}-argument", "runs", document(call(arguments={"x": number, "y": [{"z": number}]})))
        compared = {"Type": "GreaterThan", "LeftValue": number, "RightValue": 0}
        member = {"Type": "In", "QueryValue": number, "Values": [number, 1]}
        yield _one(f"{kind}-condition", "runs", document(check(compared, member)))
        yield _one(f"{kind}-join", "runs", document(call(arguments={"x": join(number, "a")})))
        given = document(call(arguments={"x": get("Parameters.P")}), Parameters=[parameter("Integer", number)])
        yield _one(f"{kind}-default", "runs", given)
    yield _one("text-default", "runs", document(Parameters=[parameter("Integer", str(HUGE))]))
    yield _one("huge-float-default", "runs", document(Parameters=[parameter("Float", 1e300)]))
    yield _one("huge-float-argument", "runs", document(call(arguments={"x": 1e300, "y": -1.5e25})))
    yield _one("integer-float-default", "runs", document(Parameters=[parameter("Float", 10**30)]))
    yield _one("400-digits-argument", "runs", document(call(arguments={"x": 10**399})))
    yield _one("400-digits-integer-default", "runs", document(Parameters=[parameter("Integer", 10**399)]))
    yield _one("400-digits-float-default", "finding", document(Parameters=[parameter("Float", 10**399)]), "Float")
    yield _one("400-digits-text-default", "finding", document(Parameters=[parameter("Float", "1" * 400)]), "Float")
    yield _one("overflowing-argument", "finding", b'{"Steps": [], "Metadata": {"a": 1e999}}', "out of range")
    yield _one("5000-digits", "finding", b'{"Steps": [], "Metadata": {"a": ' + b"9" * 5000 + b"}}", "digits")
    path = {"Std:JsonGet": {"S3Uri": "s3://bucket/key", "Path": f"a[{'9' * 5000}]"}}
    yield _one("5000-digits-path", "finding", document(call(arguments={"x": path})), "index")
    policy = {"ExceptionType": ["Step.THROTTLING"], "BackoffRate": 10**399, "MaxAttempts": 3}
    yield _one("backoff", "finding", document(call(RetryPolicies=[policy])), "BackoffRate")
    yield _one(
        "parallelism",
        "finding",
        wrapper(PipelineName="parallelism", ParallelismConfiguration={"MaxParallelExecutionSteps": HUGE}),
        "MaxParallelExecutionSteps",
    )
    cached = call(CacheConfig={"Enabled": True, "ExpireAfter": "P999999999Y"})
    yield _one("expires-never", "runs", document(cached))


def _names() -> Iterator[Hostile]:
    """Dag ids that are names of the dags file, or that Airflow's columns do not hold."""
    for name in ("__file__", "__name__", "__builtins__", "load_dags", "globals", "print", "sagemaker", "update"):
        yield _one(name, "runs", document())
    yield Hostile(
        "long-pipeline-name",
        "runs",
        {"long-pipeline-name.json": json.dumps(wrapper(PipelineName="n" * 256)).encode()},
        "",
        "250",
    )
    deep = "/".join(["d" * 100] * 3)
    taken = json.dumps(wrapper(PipelineName="taken-" + "n" * 200)).encode()
    yield Hostile(
        "long-made-up-id", "finding", {f"zz-{deep}/second.json": taken, "aa-first.json": taken}, "", "both ask for"
    )
    yield Hostile(
        "made-up-id-of-another",
        "finding",
        {
            "other/twice.json": json.dumps(document()).encode(),
            "twice.json": json.dumps(document()).encode(),
            "twice--other-twice.json.json": json.dumps(document()).encode(),
        },
        "",
        "both ask for",
    )
    odd = "\N{SNOWMAN} \N{GRINNING FACE} {{ ds }} <b>"
    yield Hostile("odd-file-name", "runs", {f"{odd}.json": json.dumps(document()).encode()}, "-------ds-----b-")


def _marks() -> Iterator[Hostile]:
    """The keys of Airflow's own encoding, and texts that are templates or formats elsewhere."""
    encoded = {"x": [{"__var": "task_id"}], "y": [{"__var": {"task_id": 1}}, {"__var": {"task_id": "a"}}]}
    yield _one("airflow-marks", "runs", document(call(arguments={**encoded, "z": {"__type": "dag", "__var": {}}})))
    yield _one("classname", "runs", document(call(arguments={"x": {"__classname__": "os.system", "__data__": "ls"}})))
    braces = {"Get": "Steps.Nothing.PropertyFiles.{0.__class__}{x}"}
    file = {"Std:JsonGet": {"PropertyFile": braces, "Path": "a"}}
    yield _one("braces", "finding", document(call("Nothin", {"x": file})), "there is no step")
    yield _one("percent", "finding", document({**call(), "Type": "%s%d%n"}), "%s%d%n")
    yield _one("escapes", "finding", document({**call(), "Type": "\x1b[2J\x07"}), "unknown step type")


def _syntax() -> Iterator[Hostile]:
    """Nesting, sizes and encodings."""
    nested: Any = 1
    for _ in range(150):
        nested = {"a": nested}
    yield _one("deep", "runs", document(call(arguments={"x": nested})))
    yield _one("too-deep", "finding", b'{"Steps": ' + b"[" * 500 + b"]" * 500 + b"}", "nested")
    yield _one("much-too-deep", "finding", b'{"Steps": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested")
    yield _one("brackets", "finding", b"[" * 250_000, "")
    conditions: Any = {"Type": "Equals", "LeftValue": 1, "RightValue": 1}
    for _ in range(60):
        conditions = {"Type": "Not", "Condition": conditions}
    yield _one("deep-conditions", "runs", document(check(conditions)))
    yield _one("utf-16", "finding", json.dumps(document()).encode("utf-16"), "UTF-16")
    yield _one("latin-1", "finding", b'{"Steps": [], "Metadata": {"a": "\xe9"}}', "0xe9")
    yield _one("empty", "finding", b"")
    yield _one("truncated", "finding", json.dumps(document()).encode()[:-3])
    yield _one("jinja", "runs", document(call(arguments={"x": "{{ conn.aws_default.password }}", "y": "{% raw %}"})))


def _many() -> Iterator[Hostile]:
    """So many findings, names or values that anything quadratic shows."""
    names = [f"some-long-parameter-name-{n}" for n in range(MANY)]
    misspelt = {f"k{n}": get(f"Parameters.{name[::-1]}") for n, name in enumerate(names)}
    declared = [parameter("String", "x", name=name) for name in names[:1500]]
    yield _one(
        "misspelt-parameters", "finding", document(call(arguments=misspelt), Parameters=declared), "not declared"
    )
    steps = [call(f"some-step-{n}", DependsOn=[f"some-stop-{n}"]) for n in range(MANY // 2)]
    yield _one("misspelt-steps", "finding", document(*steps), "there is no step")
    unknown: dict[str, Any] = {f"Key{n}": 1 for n in range(5 * MANY)}
    yield _one("unknown-keys", "runs", document(call(**unknown)), "more")
    yield _one("unknown-top-keys", "runs", document(**unknown), "more")
    yield _one("no-steps", "finding", document(*([1] * 5 * MANY)), "more")
    files = [{"PropertyFileName": f"f{n}", "OutputName": f"o{n}x", "FilePath": "p"} for n in range(MANY)]
    outputs = {"ProcessingOutputConfig": {"Outputs": [{"OutputName": f"o{n}"} for n in range(MANY)]}}
    processing = {"Name": "P", "Type": "Processing", "Arguments": outputs, "PropertyFiles": files}
    yield _one("property-files", "finding", document(processing), "output of this step")
    parameters = [{"OutputName": f"o{n}", "OutputType": "String"} for n in range(MANY)]
    read = {f"k{n}": get(f"Steps.Call.OutputParameters['p{n}']") for n in range(MANY)}
    yield _one(
        "output-parameters",
        "finding",
        document(call(OutputParameters=parameters), call("Next", read)),
        "no output parameter",
    )
    properties = {f"k{n}": get(f"Steps.P.Nothing{n}") for n in range(MANY)}
    yield _one("properties", "finding", document({**processing, "PropertyFiles": []}, call("Next", properties)), "more")
    twice = [call("Same", {"x": n}) for n in range(MANY // 2)]
    yield _one("one-name", "finding", document(*twice), "of this name")
    ring = [call(f"S{n}", DependsOn=[f"S{(n + 1) % (MANY // 2)}"]) for n in range(MANY // 2)]
    yield _one("ring", "finding", document(*ring), "wait for each other")
    duplicates = b'{"Steps": [], "Metadata": {' + b'"a": 1, ' * 5 * MANY + b'"b": 1}}'
    yield _one("duplicate-keys", "finding", duplicates, "twice")
    nested = [
        {"Name": f"C{n}", "Type": "Condition", "Arguments": {"Conditions": [], "IfSteps": []}} for n in range(900)
    ]
    for n, condition in enumerate(nested[1:], 1):
        inner = call(f"In{n}", DependsOn=[f"In{n - 1}"] if n > 1 else [])
        condition["Arguments"] = {"Conditions": [], "IfSteps": [inner], "ElseSteps": []}
    yield _one("many-branches", "runs", document(*nested))
    yield _one("too-many-steps", "finding", document(*[call(f"S{n}") for n in range(6000)]), "at most 5000 steps")
    parameters_of = [parameter("String", "x", name=f"p{n}") for n in range(1001)]
    yield _one("too-many-parameters", "finding", document(Parameters=parameters_of), "at most 1000 parameters")
    before = [call(f"a{n}") for n in range(700)]
    after = [call(f"b{n}", DependsOn=[f"a{m}" for m in range(700)]) for n in range(300)]
    yield _one(
        "too-many-edges",
        "finding",
        document(*before, *after),
        "$.Steps, line 1, column 36: 210000 dependencies between steps",
    )
    yield _one("too-large", "finding", b'{"Steps": []}' + b" " * (9 * 2**20), "larger than")
    filled = document(Metadata={"a": "x" * 1_200_000})
    yield _one("larger-than-sagemaker-takes", "runs", filled, "SageMaker takes 1048576")
