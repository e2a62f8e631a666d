"""The steps as Airflow operators."""
