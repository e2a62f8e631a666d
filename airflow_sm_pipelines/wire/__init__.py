"""SageMaker's wire protocol (JSON 1.1), as the endpoints in Airflow's API server speak it."""
