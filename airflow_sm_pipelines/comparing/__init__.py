"""An execution of SageMaker Pipelines beside what Airflow would send for it. Nothing is changed in AWS."""
