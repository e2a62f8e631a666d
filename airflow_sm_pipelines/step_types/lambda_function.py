"""Lambda: the invocation of a function (semantics 2.10)."""

from __future__ import annotations

from airflow_sm_pipelines.definition.frozen import FrozenDict
from airflow_sm_pipelines.definition.step_types import StepSyntax
from airflow_sm_pipelines.step_types.console_locations import ConsoleLocations
from airflow_sm_pipelines.step_types.step_type import Guide, RetryTypes, StepType

MAX_RUN_SECONDS = 600
"""How long a function may take to answer."""

GUIDE = Guide(
    "Lambda",
    """\
The event is the resolved Arguments, native JSON types and all; the call waits for the function (`RequestResponse`)
and holds its worker meanwhile.

**Outputs.** `Steps.X.OutputParameters['k']` has its declared type. A String takes any value, nested ones as JSON
text; an Integer, Float or Boolean also a text that writes one (`"3"`, `"true"`). A declared output that is missing, a
value that is not of its type (`NaN` and `Infinity` are of none but String), and an error of the function (shown in the
function's words) each fail the step, for good. What is not declared is left out. Outputs whose names
are those of secrets are masked in XCom; a step that refers to one gets the real value ([security.md](security.md)).

**Ten minutes.** A function that has not answered by then fails the step. It goes on up to its own timeout, as it does
when the task is killed: Lambda cannot end an invocation.

**At most once per attempt.** botocore makes the call once, and that it is about to be made is on record before. What
Lambda answers with throttling or a fault of its own is retried as on every step. Where nothing could be sent (no
connection), it is sent again for up to five minutes, which no policy counts. A reply that was lost on the way, and a
worker that died during the call, fail the step, since the function may have run, and an invocation has no name by which
it could be looked for; where it may run twice, say so with a retry policy of the step for `Step.SERVICE_FAULT` (with a
`MaxAttempts` that is not 0), and it is invoked again.
""",
)

STEP_TYPE = StepType(
    name="Lambda",
    syntax=StepSyntax(FrozenDict({"FunctionArn": "text", "OutputParameters": "outputs"}), "FunctionArn"),
    operator="airflow_sm_pipelines.operators.lambda_function.LambdaStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.lambda_function.LambdaInvokeFunctionOperator",
    calls=("lambda:Invoke",),
    extra_properties=("OutputParameters",),
    retries=RetryTypes.CALLS,
    limits=(f"{MAX_RUN_SECONDS // 60} minutes for the function to answer",),
    console=ConsoleLocations("lambda/home?region={region}#/functions/{name}", "/aws/lambda/{name}"),
    guide=GUIDE,
)
