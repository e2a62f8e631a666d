"""Cleanup: DeleteObjects for what earlier steps of the execution wrote to S3 (semantics 2.18)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from airflow_sm_pipelines.definition.step_types import NO_SETTINGS
from airflow_sm_pipelines.step_types.step_type import Guide, StepType

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.expressions import Object, Value

NAME = "Cleanup"
RESOURCES, S3 = "Resources", "S3"
STEP_NAME, URIS = "StepName", "S3Uris"


class SourceKind(Struct, frozen=True):
    """A step type whose outputs can be cleaned up.

    ``outputs`` is where its Describe response has the places of its outputs, as a dotted path (``[]`` goes through a
    list). ``own_folder`` says that its job writes to a folder of its own there, which can be deleted as a whole: the
    others need the objects to be named. ``vpc`` is the member that keeps it from being cleaned up.
    """

    name_field: str
    outputs: str
    own_folder: bool = False
    vpc: str | None = None


SOURCES = {
    "Training": SourceKind("TrainingJobName", "OutputDataConfig.S3OutputPath", own_folder=True, vpc="VpcConfig"),
    "Processing": SourceKind(
        "ProcessingJobName", "ProcessingOutputConfig.Outputs[].S3Output.S3Uri", vpc="NetworkConfig.VpcConfig"
    ),
    "Transform": SourceKind("TransformJobName", "TransformOutput.S3OutputPath"),
}


def listed_sources(arguments: Object) -> Iterator[tuple[int, Mapping[str, Value]]]:
    """The entries of ``Resources.S3`` that are objects, each with its position."""
    resources = arguments.get(RESOURCES)
    entries = resources.get(S3) if isinstance(resources, Mapping) else None
    for index, entry in enumerate(entries if isinstance(entries, tuple | list) else ()):
        if isinstance(entry, Mapping):
            yield index, entry


def source_names(arguments: Object) -> Iterator[tuple[int, str]]:
    """The names of the source steps, each with the position of its entry."""
    for index, entry in listed_sources(arguments):
        if isinstance(name := entry.get(STEP_NAME), str):
            yield index, name


GUIDE = Guide(
    NAME,
    """\
```json
[{"Name": "Train", "Type": "Training", "Arguments": {
   "AlgorithmSpecification": {
     "TrainingImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/train:1", "TrainingInputMode": "File"},
   "OutputDataConfig": {"S3OutputPath": "s3://bucket/models"},
   "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30},
   "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
   "RoleArn": "arn:aws:iam::123456789012:role/SageMaker"}},
 {"Name": "TidyUp", "Type": "Cleanup", "Arguments": {"Resources": {"S3": [{"StepName": "Train"}]}}}]
```

```text
Train   TrainingStepOperator
TidyUp  CleanupStepOperator   after Train
```

`TidyUp` deletes every object below `s3://bucket/models/<name of Train's job>/`.

**What is deleted.**

- Of a Training step without `S3Uris`: every object below `<S3OutputPath>/<job's name>/`, where the job is this run's.
- With `S3Uris`, which Processing and Transform steps need: exactly those objects, and never a prefix. Each has to be
  below an output that the step declares in this run. That is the S3Uri of a Processing output, the S3OutputPath of a
  Transform step, or the job's own folder of a Training step.

Nothing else is deleted, and no version of an object. Where the bucket keeps versions, a delete marker is set and the
versions stay.

**What is refused.** An object is refused if no folder above it has the job's name or the execution's id in its own
name: another run may have written it, or need it. The SDK's default outputs are in such folders. A fixed path such as
`s3://bucket/out/report.json` is not. The setting `cleanup_prefixes` names folders where this is not asked. These are
refused always:

- a path with `.` or `..`;
- a key that is empty or ends with `/`;
- a place that `allowed_s3_prefixes` does not allow;
- a source step with a VpcConfig.

A literal URI that every run refuses is a finding at load.

**What is skipped.** A source step whose result is another run's (from the step cache, or copied by a selective
execution), and one that ran no job in this run.

A source that failed, was killed or ran out of time is not skipped, where a Trigger lets the Cleanup step run upon
that. Such a source has no result, so AWS is asked where its job writes. What a job that is still stopping writes
afterwards stays.

**The end.** Each source is dealt with whatever became of the others. A refused object, and one that S3 does not
delete, fail the step when all is done. Throttling and faults of S3 are retried by the policies. An object that is not
there is no failure. A try after a killed one goes on, and what the killed try deleted counts as deleted.

**Result.** It is there also when the step fails: `Deleted` (of more than 1000, the first ones), `DeletedCount`,
`Missing`, `Refused`, `Failed`, `Skipped`, and the source steps as `CleanedSteps`, `FailedSteps`, `SkippedSteps`. No
step can refer to it: a Cleanup step has no properties.

**Order.** The sources are dependencies. Without an entry in DependsOn the step waits for them to complete.
""",
)

STEP_TYPE = StepType(
    name=NAME,
    syntax=NO_SETTINGS,
    operator="airflow_sm_pipelines.operators.cleanup.CleanupStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.base_aws.AwsBaseOperator",
    calls=("s3:ListObjectsV2", "s3:DeleteObjects", "s3:DeleteObject"),
    guide=GUIDE,
)
