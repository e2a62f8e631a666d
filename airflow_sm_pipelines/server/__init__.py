"""What this package does inside Airflow's own processes: listeners, a policy hook, and the endpoints of the API server.

Every process of Airflow loads the listeners with the plugin: they import what they need when they are called, and an
error in them is logged and goes no further.

The callback endpoint speaks SageMaker's wire protocol for SendPipelineExecutionStepSuccess and ...Failure at
``/aws/sagemaker``, so that a worker's ``boto3.client("sagemaker", endpoint_url="https://<api server>/aws/sagemaker")``
needs no other change. Its only credential is the token: a request's signature cannot be checked here, and no login is
asked for.
"""
