"""Values that were never meant: by type, size, characters, and names that mean something elsewhere."""

from __future__ import annotations

import json
import random
from typing import Any

Json = Any

TEXTS: tuple[str, ...] = (
    "", " ", "x", "\0", "a\0b", "\ud800", "a\udfffb", "\U0001f600", "\u202etxt\u202c", "\ufeff", "\x1b[31m", "\r\n",
    "\x7f", "é" * 300, "x" * 251, "x" * 2001, "x" * 70_000, "9" * 5_000, "-" + "9" * 400, "1e999", "NaN", "Infinity",
    "-0", "007", "True", "null", "None", "{{ ds }}", "{{ conn.aws_default.password }}", "{% raw %}", "${HOME}",
    "%s %(x)s {0} {x}", "*b* [l](javascript:alert(1)) ![i](http://e.invalid/i.png)", "<script>alert(1)</script>",
    "a.md", "/etc/passwd.md", "README.md", "x.sql", "x.json", "..", "../../x", "a/b", "group.task", ".", "a b",
    "__file__", "__name__", "load_dags", "globals", "dags", "DAG", "__type", "__var", "__classname__",
    "airflow.sdk.DAG", "return_value", "sagemaker", "\\u0000", "'", '"', "`", "\\", "s3://bucket/key", "s3://",
    "s3:///x", "arn:aws:iam::123456789012:role/R", "2020-12-01", "P1D", "1d", "Parameters.X", "Parameters.Text",
    "Steps.A", "Steps.First.TrainingJobArn", "Steps.Ask.OutputParameters['text']", "Steps.Call.OutputParameters['n']",
    "Steps.A.B[0]['c']", "Steps.", "Execution.StartDateTime", "Execution.Nothing", "ForEach.CurrentItem",
    "ForEach.CurrentItem.a", "IterationOutput.B.C", "PipelineExperimentConfig.TrialName", "a[*]", "$..a",
    "a[" + "9" * 5_000 + "]", "a[-1]", "a['k']", "a[" * 300, "Steps.A" + "[0]" * 3_000, "password", "api_key",
    "tokenizer_name",
)  # fmt: skip

INTEGERS = (0, 1, -1, 2**31 - 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**40,
            10**400, -(10**400), 10**4299)  # fmt: skip
FLOATS = (-0.0, 0.5, 1e308, -1e308, 5e-324, 1e22, 1e-8, 2.0**63)

# What no Python value writes as JSON: RAW texts stand in a document as a marked text until it is written.
MARK = "\u2063raw:"
RAW_TEXTS = (
    "1e999", "-1e999", "NaN", "Infinity", "9" * 5_000, "-" + "9" * 4_301, "1." + "0" * 5_000, "[" * 60 + "]" * 60,
    "[" * 400 + "]" * 400, "[" * 3_000 + "]" * 3_000, "[" * 200_000, '{"a":' * 300 + "1" + "}" * 300, '{"a":1,"a":2}',
    '"\\ud800"', '"\\u0000"', '"\\ud83d\\ude00"', "01", "'x'", "\x01", "",
)  # fmt: skip

KEYS = (
    "Get", "Std:Join", "Std:JsonGet", "Std:Foo", "On", "Values", "Name", "Type", "Arguments", "Steps", "DependsOn",
    "Step", "Trigger",
    "Path", "PropertyFile", "S3Uri", "Tags", "Environment", "HyperParameters", "RoleArn", "OutputParameters",
    "DisplayName", "Description", "DefaultValue", "EnumValues", "CacheConfig", "RetryPolicies", "__type", "__var",
    "__classname__", "__data__", "password", "\0", "\ud800", "", "x",
)  # fmt: skip


def raw(text: str) -> str:
    """A text that :func:`written` writes as it is."""
    return MARK + text


def written(document: Json) -> str:
    """The JSON text of a document, its raw texts unquoted."""
    # Raw texts are few: each is written once, and looked for as json writes it.
    text = json.dumps(document, ensure_ascii=True)
    mark = json.dumps(MARK)[:-1]
    parts = text.split(mark)
    told = [parts[0]]
    for part in parts[1:]:
        quoted, end = json.decoder.scanstring(part, 0)  # type: ignore[attr-defined] # json's own, without stubs
        told.append(quoted)
        told.append(part[end:])
    return "".join(told)


def scalar(chance: random.Random, *, raws: bool = True) -> Json:
    """A value that is no array or object."""
    match chance.randrange(10 if raws else 9):
        case 0:
            return chance.choice((None, True, False))
        case 1 | 2:
            return chance.choice(INTEGERS)
        case 3:
            return chance.choice(FLOATS)
        case 4:
            return "".join(chance.choice(TEXTS)[:50] for _ in range(chance.randint(2, 4)))
        case 5:
            return "".join(chr(_code(chance)) for _ in range(chance.randint(1, 6)))
        case 9:
            return raw(chance.choice(RAW_TEXTS))
        case _:
            return chance.choice(TEXTS)


def value(chance: random.Random, depth: int = 3, *, raws: bool = True) -> Json:
    """Any JSON value, expressions among them."""
    match chance.randrange(12) if depth else 0:
        case 1:
            return [value(chance, depth - 1, raws=raws) for _ in range(chance.randrange(4))]
        case 2:
            return {key(chance): value(chance, depth - 1, raws=raws) for _ in range(chance.randrange(4))}
        case 3:
            return {"Get": chance.choice(TEXTS)}
        case 4:
            return {"Std:Join": {"On": scalar(chance, raws=raws), "Values": [value(chance, depth - 1, raws=raws)] * 2}}
        case 5:
            return {"Std:JsonGet": {"S3Uri": chance.choice(TEXTS), "Path": chance.choice(TEXTS)}}
        case _:
            return scalar(chance, raws=raws)


def key(chance: random.Random) -> str:
    return chance.choice(KEYS if chance.random() < 0.7 else TEXTS)


def _code(chance: random.Random) -> int:
    return chance.choice((chance.randrange(0x20), chance.randrange(0x20, 0x7F), chance.randrange(0x80, 0x11_0000)))
