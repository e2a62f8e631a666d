"""What the types share that bring a resource of a user's name into being (semantics 2.16, 14.8)."""

from __future__ import annotations

from airflow_sm_pipelines.step_types.step_type import Guide

GUIDE = Guide(
    "EndpointConfig, Endpoint and InferenceComponent",
    """\
**Names.** `EndpointConfigName`, `EndpointName` and `InferenceComponentName` are the very names, not prefixes; without
one (or with `""`) a name is generated as for jobs.

- **EndpointConfig** makes what was not there before. The step looks whether a given name is free; if not, it fails
  and changes nothing (also when a user clears a step that had succeeded: its configuration is there). A name that
  contains `Execution.PipelineExecutionId` is new in every run. After a lost reply or the death of a worker, the next
  try takes over what the earlier one has made. If someone else takes the name between these two tries, that is not
  noticed.
- **Endpoint** and **InferenceComponent** create what is absent and update what is there: `UpdateEndpoint` with the
  `EndpointConfigName` (tags of the step are left out, the API takes none), `UpdateInferenceComponent` with the
  specification and the copies. A component on another endpoint is not moved: the step fails. An endpoint that is
  being changed by someone else is refused by AWS, and the step fails with AWS's words.

**The end.** The step succeeds when the resource is `InService` with what was asked for: the endpoint's configuration;
the component's model, image and artifact (not its copies, which scaling may change at once). A deployment that AWS
rolled back fails the step, with the `FailureReason`. AWS's answer to the call is on record, so a later try only
waits; without the answer it looks whether its update is there or on its way (`PendingDeploymentSummary`) before it
calls again.

**A killed step leaves its deployment under way:** AWS has no call that stops one. Nothing is deleted.

`DataCaptureConfig` and `ExplainerConfig` of an EndpointConfig and `DeploymentConfig` of an Endpoint are refused by
SageMaker Pipelines. Here they are passed on, with a warning in the task's log.
""",
)
