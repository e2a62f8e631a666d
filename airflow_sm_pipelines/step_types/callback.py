"""Callback: a message to a queue, and the wait for its answer (semantics 2.11)."""

from __future__ import annotations

from airflow_sm_pipelines.definition.frozen import FrozenDict
from airflow_sm_pipelines.definition.step_types import StepSyntax
from airflow_sm_pipelines.step_types.console_locations import ConsoleLocations
from airflow_sm_pipelines.step_types.step_type import Guide, RetryTypes, StepType

GUIDE = Guide(
    "Callback",
    """\
The message is the service's: `{"token", "pipelineExecutionArn", "arguments", "status": "Executing"}`, with a token of
ten `[a-zA-Z0-9]` of this step's own. SageMaker does not know that token, so the worker answers elsewhere. There are
two ways, and the first answer counts, whichever it takes.

**SageMaker's own call, to Airflow.** The API server takes `SendPipelineExecutionStepSuccess` and
`SendPipelineExecutionStepFailure` at `/aws/sagemaker`; a worker's code changes in one place:

```python
sagemaker = boto3.client("sagemaker", endpoint_url="https://airflow.example.com/aws/sagemaker")
sagemaker.send_pipeline_execution_step_success(CallbackToken=token, OutputParameters=[{"Name": "n", "Value": "1"}])
```

It asks for no login and checks no signature: the token (59 random bits) is the credential, so it needs HTTPS, and
`[sagemaker_pipelines] callback_endpoint = False` leaves it out. Errors are SageMaker's, with HTTP 400; AWS does not
say which it gives when, so this was chosen: `ResourceNotFound` for a token that no step waits for, or no longer;
`ConflictException` for one that has its answer; `ValidationException` for a request that breaks the API's limits, or
holds text that cannot be stored, after which the token is still good; `SerializationException` for a body that is no
such request. A body of more than 400,000 bytes gets HTTP 413. Each API server process answers
`callback_refusals_per_minute` refused calls with their reason, and further ones with HTTP 429 and
`ThrottlingException`; an answer that a step waits for is taken at any rate. The same call again, with the same
`ClientRequestToken` (as botocore repeats it after a lost reply), gets the same response and changes nothing.

**A reply queue.** With `callback_reply_queue_url` set, workers may instead put a message in that SQS queue:

```json
{"token": "…", "status": "Success", "OutputParameters": [{"Name": "n", "Value": "1"}]}
{"token": "…", "status": "Failure", "FailureReason": "the table is empty"}
```

All steps of all Dags can share one queue. A message that is not for a step that waits in the same triggerer is shown
to others again at once, so take a standard queue, without a redrive policy (such a message is received often), and
let its retention end what nobody waits for. A message with the right token and no sense fails its step. Permissions:
`sqs:ReceiveMessage`, `sqs:ChangeMessageVisibility` and `sqs:DeleteMessage`. A queue that cannot be read from the
first look on fails the step.

**What no step can take.** The queue is for answers to Callback steps alone. A message that is no JSON object with a
token of ten `[a-zA-Z0-9]` can be for no step, and would come back for as long as the queue keeps it, so it is deleted:
a warning in the triggerer's log gives its id and the reason. So is an answer with text that cannot be stored (U+0000,
or half of a surrogate pair), which counts as none: its step waits on, and takes the next one. The endpoint refuses
such an answer with a `ValidationException`.

**Outputs** are typed as those of a Lambda step, and a declared one that is missing fails the step.

**Waiting** holds no worker (`deferrable`), and ends after `callback_timeout` seconds (seven days by default) with a
failure. Where it is answered by a failure, the step fails and is not retried.

**Kill.** Killing the task, and the end of its `execution_timeout`, send one more message, the same but for `"status":
"Stopping"`. As on SageMaker its worker is to answer: the endpoint takes that answer once, and it changes nothing. It
may answer at once. For a task that is cleared, its next try sends the message as it begins. Where nobody heard of
the kill (no triggerer had the task then, or who had it died), the triggerer sends it at its next look
(`orphan_jobs_interval`). A try that was lost, with its worker or its heartbeats, sends none: the next one waits for
the same token.

**One message per attempt.** Token and message are on record before the message is sent, and a later try of the same
attempt waits for the same token. SQS cannot be asked whether a message was sent: where a worker dies, or a reply is
lost, just between the sending and its record, the same message with the same token is sent again. A FIFO queue
(`….fifo`; the token is group and, with the status, deduplication id) drops the second one.

**Secrecy.** The token and the message are stored encrypted with Airflow's `[core] fernet_key`, which workers and
triggerers then need; without one they are stored in the clear, with a warning, like all that Airflow stores. What is
stored in the clear is the token's SHA-256.
""",
)

STEP_TYPE = StepType(
    name="Callback",
    syntax=StepSyntax(FrozenDict({"SqsQueueUrl": "text", "OutputParameters": "outputs"}), "SqsQueueUrl"),
    operator="airflow_sm_pipelines.operators.callback.CallbackStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.base_aws.AwsBaseOperator",
    # The last three are made where a reply queue is set.
    calls=("sqs:SendMessage", "sqs:ReceiveMessage", "sqs:ChangeMessageVisibilityBatch", "sqs:DeleteMessage"),
    extra_properties=("OutputParameters",),
    retries=RetryTypes.CALLS,
    limits=(
        "50 outputs in an answer, each with a name of 256 characters and a value of 1024",
        "`callback_timeout` for the answer, 7 days by default",
    ),
    console=ConsoleLocations("sqs/v3/home?region={region}#/queues/{QueueUrl}"),
    guide=GUIDE,
)
