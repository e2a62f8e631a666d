"""The SageMaker Pipelines API of the local endpoint: its executions are runs without a deployment."""
