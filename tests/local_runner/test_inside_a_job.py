"""What runs in a job's own Python, and what its script is given, without a job."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines.local_runner import function_caller, guard, transformer, xgboost_trainer
from airflow_sm_pipelines.local_runner.script_mode import ScriptMode, as_variable


@pytest.mark.parametrize("module", [guard, transformer, xgboost_trainer, function_caller])
def test_what_runs_in_a_jobs_python_runs_in_3_8(module: Any) -> None:
    tree = ast.parse(Path(module.__file__).read_text(), feature_version=(3, 8))
    newer = [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and (
            (node.func.id == "isinstance" and isinstance(node.args[1], ast.BinOp))
            or (node.func.id == "zip" and node.keywords)
        )
    ]
    methods = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert newer == []
    assert not methods & {"removeprefix", "removesuffix", "is_relative_to", "readlink", "pairwise"}


@pytest.mark.parametrize(
    ("given", "argument", "variable"),
    [
        ("3", "3", "3"),
        ('"text"', "text", "text"),
        ("plain text", "plain text", "plain text"),
        ("true", "True", "true"),
        ("null", "", ""),
        ('[1, "a"]', "[1, 'a']", '[1,"a"]'),
        ('{"b": 2, "a": 1}', "a=1,b=2", '{"a":1,"b":2}'),
    ],
)
def test_hyperparameters_are_given_as_the_toolkit_gives_them(given: str, argument: str, variable: str) -> None:
    script = ScriptMode({"name": given, "sagemaker_program": '"train.py"'})
    assert script.arguments == ["--name", argument]
    assert as_variable(script.values["name"]) == variable


SCRIPT = """
def model_fn(folder):
    return None

def transform_fn(model, body, content_type, accept):
    return body[::-1] if isinstance(body, bytes) else "text: " + body
"""


@pytest.mark.parametrize(
    ("content_type", "body", "answer"),
    [
        ("image/png", b"\x89PNG\xff", b"\xffGNP\x89"),
        ("application/x-npy", b"ab", b"ba"),
        ("text/csv; charset=utf-8", b"1,2", b"text: 1,2"),
        ("application/json", b"[1]", b"text: [1]"),
    ],
)
def test_a_script_gets_bytes_unless_the_type_is_of_text(
    tmp_path: Path, content_type: str, body: bytes, answer: bytes
) -> None:
    (tmp_path / "serving_script.py").write_text(SCRIPT)
    told = {"content_type": content_type, "accept": "", "script": str(tmp_path / "serving_script.py"), "model": ""}
    whole = {"by_line": False, "input_filter": "$", "output_filter": "$", "join": False, "lines_between": False}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.path", [])
        patch.setattr("sys.modules", {})
        server = transformer.Server(told)
    assert transformer.transformed(body, server, whole) == answer
