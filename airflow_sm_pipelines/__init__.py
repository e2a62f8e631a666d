"""Amazon SageMaker pipeline definitions as first-class Apache Airflow Dags."""

__version__ = "0.1.0"
