"""The endpoint in Airflow's API server at which workers answer Callback steps.

It speaks SageMaker's wire protocol (JSON 1.1) for SendPipelineExecutionStepSuccess and ...Failure at
``/aws/sagemaker``, so that a worker's ``boto3.client("sagemaker", endpoint_url="https://<api server>/aws/sagemaker")``
needs no other change. Its only credential is the token: a request's signature cannot be checked here, and no login is
asked for.
"""
