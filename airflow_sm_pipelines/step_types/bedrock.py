"""What the types of Amazon Bedrock share (semantics 2.16): what is made is created, and waited for."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from airflow_sm_pipelines.aws.calls import operation
from airflow_sm_pipelines.aws.letter_case import from_api, to_api
from airflow_sm_pipelines.step_types.adapter import JobAdapter
from airflow_sm_pipelines.step_types.step_type import Guide

IDEMPOTENCY_FIELD = "ClientRequestToken"


class BedrockAdapter(JobAdapter):
    """A step that makes something in Bedrock. Its result is the Get response, in PascalCase.

    The request carries the record's token: a Create call that is made again after a lost reply gives the same thing.
    So a name that is in use is someone else's, and an error. Bedrock has no call that stops what these steps begin: a
    killed step leaves it under way (and provisioned throughput costs until it is deleted).
    """

    taken_name_is_own = False

    @override
    def complete_request(self, request: dict[str, Any]) -> dict[str, Any]:
        return {IDEMPOTENCY_FIELD: self.run.record.token, **super().complete_request(request)}

    @override
    def find(self) -> dict[str, Any] | None:
        return super().find() if self.run.record.submitted else None

    @override
    def create(self) -> None:
        client = self.run.client_calling_once()
        shape = client.meta.service_model.operation_model(self.kind.create).input_shape
        operation(client, self.kind.create)(**to_api(self.run.request, shape))
        self.run.accept()

    @override
    def result(self, described: dict[str, Any]) -> dict[str, Any]:
        model = self.run.client().meta.service_model
        result: dict[str, Any] = from_api(described, model.operation_model(self.kind.describe).output_shape)
        return result

    @override
    def failed_result(self, described: dict[str, Any]) -> dict[str, Any]:
        return self.result(described)


GUIDE = Guide(
    "Bedrock: BedrockCustomModel, BedrockCustomModelDeployment, BedrockModelImport, BedrockProvisionedModelThroughput",
    """\
```json
[{"Name": "Tune", "Type": "BedrockCustomModel", "Arguments": {
   "ModelName": "support", "RoleArn": "arn:aws:iam::123456789012:role/Bedrock",
   "ModelSourceConfig": {"S3DataSource": {"S3Uri": "s3://bucket/tuned"}}}},
 {"Name": "Serve", "Type": "BedrockCustomModelDeployment", "Arguments": {
   "ModelDeploymentName": "support", "ModelArn": {"Get": "Steps.Tune.ModelArn"}}}]
```

```text
Tune   BedrockCustomModelStepOperator
Serve  BedrockCustomModelDeploymentStepOperator  after Tune
```

`Tune` calls `CreateCustomModel` and waits until the model is `Active`. Then `Serve` deploys it.

| type | call | waits for | ready when |
|---|---|---|---|
| BedrockCustomModel | CreateCustomModel | GetCustomModel `ModelStatus` | `Active` |
| BedrockCustomModelDeployment | CreateCustomModelDeployment | GetCustomModelDeployment `Status` | `Active` |
| BedrockModelImport | CreateModelImportJob | GetModelImportJob `Status` | `Completed` |
| BedrockProvisionedModelThroughput | CreateProvisionedModelThroughput | GetProvisionedModelThroughput `Status` | \
`InService` |

**Arguments** and property paths are in PascalCase, as the service has them. Keys of maps (`HyperParameters`) stay as
they are. `ModelDeploymentArn` (the SDK's name) and `CustomModelDeploymentArn` (the API's) are the same.

**Names** are the very names, not prefixes. So a name in use is an error. Where there is none, a name is generated.

**One call.** The step sets `ClientRequestToken`, unless the Arguments have one. So a call that is made again after a
lost reply makes nothing twice.

**Kill.** Bedrock has no call that stops what these steps begin, and nothing is deleted: **a killed step leaves it
under way, and provisioned throughput costs until it is deleted.**

**Permissions.** The connection needs permissions for `bedrock:*` calls, and `iam:PassRole` for the `RoleArn`.
""",
)
