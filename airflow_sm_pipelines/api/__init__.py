"""The SageMaker Pipelines API in front of Airflow: what its operations mean for Dags and their runs."""
