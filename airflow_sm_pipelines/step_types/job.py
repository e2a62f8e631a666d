"""Job: CreateJob, a job of a category and with a document for its configuration (semantics 2.16)."""

from __future__ import annotations

from typing_extensions import override

from airflow_sm_pipelines.definition.step_types import NO_SETTINGS
from airflow_sm_pipelines.step_types.adapter import JobAdapter
from airflow_sm_pipelines.step_types.console_locations import STUDIO, ConsoleLocations
from airflow_sm_pipelines.step_types.job_kind import JobKind
from airflow_sm_pipelines.step_types.step_type import Guide, RetryTypes, StepType, job_calls, sagemaker

KIND = JobKind(
    noun="job",
    create="CreateJob",
    describe="DescribeJob",
    stop="StopJob",
    name_field="JobName",
    describe_field="JobName",
    arn_field="JobArn",
    status_field="JobStatus",
    failed=("Failed", "Stopped", "Deleting", "DeleteFailed"),
)
CATEGORY_FIELD = "JobCategory"

GUIDE = Guide(
    "Job",
    """\
```json
{"Name": "Evaluate", "Type": "Job", "Arguments": {
  "JobCategory": "AgentRFTEvaluation", "JobConfigSchemaVersion": "1.0.0",
  "JobConfigDocument": "{\\"OutputDataConfig\\": {\\"S3OutputPath\\": \\"s3://bucket/evaluation\\"}}",
  "RoleArn": "arn:aws:iam::123456789012:role/SageMaker"}}
```

```text
Evaluate  CategoryJobStepOperator
```

The task calls `CreateJob`, in categories such as `AgentRFTEvaluation`, and waits for the job. A killed step stops its
job. `JobName` is a prefix, as for other jobs.

**Properties** are those of DescribeJob. They go on into the JSON that the string `JobConfigDocument` holds:
`Steps.Evaluate.JobConfigDocument.ServiceOutput.MlflowDetails.RunId`.

**botocore.** The API came with botocore 1.43.20; with an older one the definition has a finding (`old-botocore`). The
SDK's templates may put a `VpcConfig` beside `JobConfigDocument`: botocore 1.43.117 has no such member and refuses it.
""",
)


class CategoryJobAdapter(JobAdapter):
    """A Job step. Its result is the DescribeJob response.

    A job is known by its name and its category. The API is younger than the oldest botocore that is supported: where a
    worker's is older than that of the Dag processor, which has it, the step fails when it is reached.
    """

    @property
    @override
    def kind(self) -> JobKind:
        request = self.run.request
        return KIND.bound(describe_params={CATEGORY_FIELD: str(request.get(CATEGORY_FIELD, ""))}) if request else KIND

    @override
    def prepare(self) -> None:
        from botocore import __version__ as botocore_version

        if KIND.create not in self.run.client().meta.service_model.operation_names:
            raise self.run.failure(
                f"the installed botocore {botocore_version} does not know sagemaker:{KIND.create}. Install a newer one."
            )


STEP_TYPE = StepType(
    name="Job",
    syntax=NO_SETTINGS,
    operator="airflow_sm_pipelines.operators.sagemaker.CategoryJobStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.sagemaker.SageMakerBaseOperator",
    kind=KIND,
    adapter=CategoryJobAdapter,
    calls=job_calls(KIND),
    botocore="1.43.20",
    arguments=sagemaker("CreateJob"),
    properties=sagemaker("DescribeJob"),
    # A string of the response, into whose JSON properties go.
    extra_properties=("JobConfigDocument",),
    # Of retries AWS says nothing for this type: what a definition asks for is done.
    retries=RetryTypes.ALL,
    console=ConsoleLocations(STUDIO),
    guide=GUIDE,
)
