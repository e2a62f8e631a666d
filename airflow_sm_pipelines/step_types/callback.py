"""Callback: a message to a queue, and the wait for its answer (semantics 2.11)."""

from __future__ import annotations

from airflow_sm_pipelines.definition.frozen import FrozenDict
from airflow_sm_pipelines.definition.step_types import StepSyntax
from airflow_sm_pipelines.step_types.console_locations import ConsoleLocations
from airflow_sm_pipelines.step_types.step_type import Guide, RetryTypes, StepType

GUIDE = Guide(
    "Callback",
    """\
```json
{"Name": "Approve", "Type": "Callback",
  "SqsQueueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/approvals",
  "Arguments": {"model": "abalone"}, "OutputParameters": [{"OutputName": "by", "OutputType": "String"}]}
```

```text
Approve  CallbackStepOperator
```

The task sends a message to the queue, and waits for an answer. The message is the service's: `{"token",
"pipelineExecutionArn", "arguments", "status": "Executing"}`. Its token, ten characters of `[a-zA-Z0-9]`, belongs to
this step alone.

SageMaker does not know that token, so the worker that reads the queue answers elsewhere. There are two ways. The
first answer counts, whichever way it takes.

**SageMaker's own call, to Airflow.** The worker's code changes in one place:

```python
sagemaker = boto3.client("sagemaker", endpoint_url="https://airflow.example.com/aws/sagemaker")
sagemaker.send_pipeline_execution_step_success(CallbackToken=token, OutputParameters=[{"Name": "by", "Value": "Ann"}])
```

Airflow's API server takes `SendPipelineExecutionStepSuccess` and `SendPipelineExecutionStepFailure` at
`/aws/sagemaker`. It asks for no login and checks no signature. The token (59 random bits) is the credential, so this
needs HTTPS. `[sagemaker_pipelines] callback_endpoint = False` switches it off.

Errors are SageMaker's, with HTTP 400. AWS does not say which error it gives when, so this was chosen:

| error | for |
|---|---|
| `ResourceNotFound` | a token that no step waits for, or no longer |
| `ConflictException` | a token that has its answer |
| `ValidationException` | a request that breaks the API's limits, or holds text that cannot be stored; the token is \
still good |
| `SerializationException` | a body that is no such request |

A body of more than 400,000 bytes gets HTTP 413. Each API server process answers `callback_refusals_per_minute`
refused calls with their reason, and further ones with HTTP 429 and `ThrottlingException`. An answer that a step waits
for is taken at any rate. botocore repeats a call after a lost reply, with the same `ClientRequestToken`. The repeated
call gets the same response and changes nothing.

**A reply queue.** With `callback_reply_queue_url` set, workers may instead put a message in that SQS queue:

```json
{"token": "…", "status": "Success", "OutputParameters": [{"Name": "by", "Value": "Ann"}]}
{"token": "…", "status": "Failure", "FailureReason": "the mse is too high"}
```

All steps of all Dags can share one queue. It has to be a standard queue without a redrive policy. For a message may
belong to a step that waits in another triggerer. It is then shown to others again at once, so it is received often.
Let the queue's retention end the messages that nobody waits for. A message with the right token and no sense fails
its step, and so does a queue that cannot be read from the first look on.

Permissions: `sqs:ReceiveMessage`, `sqs:ChangeMessageVisibility` and `sqs:DeleteMessage`.

**What no step can take.** The queue is for answers to Callback steps alone.

- A message that is no JSON object with a token of ten `[a-zA-Z0-9]` can be for no step. It would come back for as
  long as the queue keeps it, so it is deleted. A warning in the triggerer's log gives its id and the reason.
- An answer with text that cannot be stored (U+0000, or half of a surrogate pair) is deleted in the same way. It
  counts as no answer: its step waits on, and takes the next one. The endpoint refuses such an answer with a
  `ValidationException`.

**Outputs** are typed as those of a Lambda step. A declared one that is missing fails the step.

**Waiting** holds no worker (`deferrable`). It ends after `callback_timeout` seconds (seven days by default) with a
failure. A step that is answered by a failure fails and is not retried.

**Kill.** When the task is killed or its `execution_timeout` ends, one more message is sent. It is the same message,
but with `"status": "Stopping"`. As on SageMaker the worker is to answer it, and may do so at once. The endpoint takes
that answer once, and the answer changes nothing.

- For a task that is cleared, its next try sends the message as it begins.
- Where no process has sent it (no triggerer had the task then, or the process that had it died), the triggerer sends
  it at its next look (`orphan_jobs_interval`).
- A try that was lost, with its worker or its heartbeats, sends none: the next one waits for the same token.

**One message per attempt.** Token and message are on record before the message is sent, and a later try of the same
attempt waits for the same token. SQS cannot be asked whether a message was sent. So where a worker dies between the
sending and its record, or a reply is lost there, the same message with the same token is sent again. A FIFO queue
(`….fifo`) drops the second one: the token is its group and, with the status, its deduplication id.

**Secrecy.** The token and the message are stored encrypted with Airflow's `[core] fernet_key`, which workers and
triggerers then need. Without a key they are stored in the clear, with a warning, like all that Airflow stores. Of the
token, only its SHA-256 is always stored in the clear.
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
