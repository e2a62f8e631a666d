"""What the types share that bring a resource of a user's name into being (semantics 2.16, 14.8)."""

from __future__ import annotations

from airflow_sm_pipelines.step_types.step_type import Guide

GUIDE = Guide(
    "EndpointConfig, Endpoint and InferenceComponent",
    """\
**Names.** `EndpointName` and `InferenceComponentName` are the very names, not prefixes. An `EndpointConfigName` is
made unique, as the service does: the configuration is `<name>-<execution id>`, the name cut to fit 63 characters,
whether it is a literal or an expression. So a pipeline with a literal name runs again and again. Without a name (or
with `""`) one is generated as for jobs.

- **EndpointConfig** makes a configuration of the execution's own. Every attempt asks for the same name, and
  `Steps.<name>.EndpointConfigName` is it. What is there under it is taken where it is what the step asks for (after a
  lost reply, the death of a worker, or the clear of a step that had succeeded). Where it is something else (the run's
  Model step was cleared too and made a new model; another step of the run has the same name), it stays as it is, and
  the step makes `<name>-<execution id>-2`, and so on. An Endpoint step that writes out the name that an
  EndpointConfig step was given is a finding: it has to refer to the step.
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
