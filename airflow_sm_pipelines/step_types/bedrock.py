"""What the types of Amazon Bedrock share (semantics 2.16)."""

from __future__ import annotations

from airflow_sm_pipelines.step_types.step_type import Guide

GUIDE = Guide(
    "Bedrock: BedrockCustomModel, BedrockCustomModelDeployment, BedrockModelImport, BedrockProvisionedModelThroughput",
    """\
| type | call | waits for | ready when |
|---|---|---|---|
| BedrockCustomModel | CreateCustomModel | GetCustomModel `ModelStatus` | `Active` |
| BedrockCustomModelDeployment | CreateCustomModelDeployment | GetCustomModelDeployment `Status` | `Active` |
| BedrockModelImport | CreateModelImportJob | GetModelImportJob `Status` | `Completed` |
| BedrockProvisionedModelThroughput | CreateProvisionedModelThroughput | GetProvisionedModelThroughput `Status` | \
`InService` |

Arguments and property paths are in PascalCase, as the service has them; keys of maps (`HyperParameters`) stay as they
are. `ModelDeploymentArn` (the SDK's name) and `CustomModelDeploymentArn` (the API's) are the same. Names are the very
names, not prefixes; without one, a name is generated.

`ClientRequestToken` is set by the step, unless the Arguments have one: a call that is made again after a lost reply
makes nothing twice. So a name in use is an error. Bedrock has no call that stops what these steps begin, and nothing
is deleted: **a killed step leaves it under way, and provisioned throughput costs until it is deleted.** The
connection needs permissions for `bedrock:*` calls, and `iam:PassRole` for the `RoleArn`.
""",
)
