"""What the types share that bring a resource of a user's name into being (semantics 2.16, 14.8)."""

from __future__ import annotations

from airflow_sm_pipelines.step_types.step_type import Guide

GUIDE = Guide(
    "EndpointConfig, Endpoint and InferenceComponent",
    """\
```json
[{"Name": "Configure", "Type": "EndpointConfig", "Arguments": {
   "EndpointConfigName": "abalone",
   "ProductionVariants": [{"VariantName": "all", "ModelName": "abalone-7", "InstanceType": "ml.m5.large",
     "InitialInstanceCount": 1}]}},
 {"Name": "Deploy", "Type": "Endpoint", "Arguments": {
   "EndpointName": "abalone", "EndpointConfigName": {"Get": "Steps.Configure.EndpointConfigName"}}}]
```

```text
Configure  EndpointConfigStepOperator
Deploy     EndpointStepOperator        after Configure
```

`Configure` makes the configuration `abalone-<execution id>`. `Deploy` creates the endpoint `abalone` with it, or
updates the endpoint if it is there.

**Names.** `EndpointName` and `InferenceComponentName` are the very names, not prefixes. An `EndpointConfigName` is
made unique, as the service does, whether it is a literal or an expression. The configuration is
`<name>-<execution id>`, with the name cut so that all of it fits 63 characters. So a pipeline with a literal name
runs again and again. Without a name (or with `""`) one is generated as for jobs.

**EndpointConfig** makes a configuration of the execution's own. Every attempt asks for the same name, and
`Steps.<name>.EndpointConfigName` is that name. A configuration of that name may be there already:

- It is what the step asks for: it is taken. This happens after a lost reply, after the death of a worker, or when a
  step that had succeeded is cleared.
- It is something else: it stays as it is, and the step makes `<name>-<execution id>-2`, and so on. This happens when
  the run's Model step was cleared too and made a new model, or when another step of the run has the same name.

An Endpoint step has to refer to the EndpointConfig step. If it writes out the name that the EndpointConfig step was
given, that is a finding.

**Endpoint** and **InferenceComponent** create what is absent and update what is there:

- `UpdateEndpoint` with the `EndpointConfigName`. Tags of the step are left out, for the API takes none.
- `UpdateInferenceComponent` with the specification and the copies. A component on another endpoint is not moved: the
  step fails.

AWS refuses an endpoint that someone else is changing, and the step fails with AWS's words.

**The end.** The step succeeds when the resource is `InService` with what was asked for. That is the endpoint's
configuration, or the component's model, image and artifact (not its copies, which scaling may change at once). A
deployment that AWS rolled back fails the step, with the `FailureReason`.

**Later tries.** AWS's answer to the call is on record, so a later try only waits. Without the answer, a later try
looks whether its update is there or on its way (`PendingDeploymentSummary`) before it calls again.

**A killed step leaves its deployment under way:** AWS has no call that stops one. Nothing is deleted.

**What SageMaker Pipelines refuses.** `DataCaptureConfig` and `ExplainerConfig` of an EndpointConfig and
`DeploymentConfig` of an Endpoint. Here they are passed on, with a warning in the task's log.
""",
)
