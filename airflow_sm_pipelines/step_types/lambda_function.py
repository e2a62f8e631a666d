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
```json
{"Name": "Score", "Type": "Lambda", "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:score",
  "Arguments": {"threshold": 6.0}, "OutputParameters": [{"OutputName": "mse", "OutputType": "Float"}]}
```

```text
Score  LambdaStepOperator
```

The task calls the function with the event `{"threshold": 6.0}`. What the function answers as `mse` is the result.

**The event** is the resolved Arguments, native JSON types and all. The call waits for the function
(`RequestResponse`) and holds its worker meanwhile.

**Outputs.** `Steps.X.OutputParameters['k']` has its declared type. A String takes any value, nested ones as JSON
text. An Integer, Float or Boolean also takes a text that writes one (`"3"`, `"true"`). Each of these fails the step,
for good:

- a declared output that is missing;
- a value that is not of its type (`NaN` and `Infinity` are of none but String);
- an error of the function, which is shown in the function's words.

What is not declared is left out. Outputs whose names are those of secrets are masked in XCom; a step that refers to
one gets the real value ([security.md](security.md)).

**Ten minutes.** A function that has not answered by then fails the step. It goes on up to its own timeout, as it does
when the task is killed: Lambda cannot end an invocation.

**At most once per attempt.** botocore makes the call once, and before the call it is on record that it is about to be
made.

- What Lambda answers with throttling or a fault of its own is retried as on every step.
- Where nothing could be sent (no connection), the call is made again for up to five minutes. No policy counts that.
- A reply that was lost on the way fails the step, and so does a worker that died during the call. The function may
  have run, and an invocation has no name by which it could be looked for.

Where the function may run twice, say so with a retry policy of the step for `Step.SERVICE_FAULT`, with a
`MaxAttempts` that is not 0. Then it is invoked again also in the last of these cases.
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
