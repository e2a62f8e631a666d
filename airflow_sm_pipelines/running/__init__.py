"""One run of one definition, without a deployment: with an Airflow home of its own, in processes of its own.

:func:`airflow_sm_pipelines.running.definition_run.run_definition` starts it and reports what happens, in any process:
it imports no Airflow. :mod:`airflow_sm_pipelines.running.table` shows that to people.
"""
