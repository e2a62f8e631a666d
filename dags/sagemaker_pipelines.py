"""Every SageMaker pipeline definition in the folder ``pipelines`` beside this file is an Airflow Dag."""

# Named here, the operators are imported once by the Dag processor and not again for every parse.
from airflow.providers.amazon.aws.operators import sagemaker  # noqa: F401

from airflow_sm_pipelines import load_dags

globals().update(load_dags("pipelines"))
