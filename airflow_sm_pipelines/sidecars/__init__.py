"""Settings beside a definition: the files ``<stem>.airflow.yaml``, those of folders and of instances. No Airflow."""
