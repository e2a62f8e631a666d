"""Writes ``functions_2.json`` with the SageMaker SDK 2 into a folder, and what it uploads for it (see `offline`).

It is not kept here: a pickled function is for one version of Python.

    python tests/local_mode/sdk/write_functions.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from sagemaker.workflow.condition_step import ConditionStep
from sagemaker.workflow.conditions import ConditionGreaterThan
from sagemaker.workflow.fail_step import FailStep
from sagemaker.workflow.function_step import step
from sagemaker.workflow.parameters import ParameterInteger
from sagemaker.workflow.pipeline import Pipeline
from sagemaker.workflow.pipeline_context import PipelineSession

from offline import BUCKET, ROLE, Uploads, offline_session


def functions(session: PipelineSession) -> Pipeline:
    """Two ``@step`` functions, of which one takes the result of the other, and a condition on the second's."""
    options: dict[str, Any] = {
        "role": ROLE,
        "instance_type": "ml.m5.large",
        "image_uri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/functions:1",
    }
    count = ParameterInteger("Count", default_value=5)

    @step(name="Numbers", **options)
    def numbers(upto: int) -> list[int]:
        print(f"numbers up to {upto}")
        return list(range(upto))

    @step(name="Total", **options)
    def total(values: list[int]) -> int:
        return sum(values)

    added = total(numbers(count))
    check = ConditionStep(
        name="Enough",
        conditions=[ConditionGreaterThan(left=added, right=9)],
        if_steps=[],
        else_steps=[FailStep(name="TooFew", error_message="too few numbers")],
    )
    return Pipeline("functions-2", parameters=[count], steps=[check], sagemaker_session=session)


def main() -> None:
    uploads = Uploads(Path(sys.argv[1]))
    session = PipelineSession(boto_session=offline_session(uploads), default_bucket=BUCKET)
    uploads.write("functions_2", functions(session).definition())


if __name__ == "__main__":
    main()
