"""A local stand-in for AWS: moto's server plus what it lacks for SageMaker pipelines.

For ``airflow sm-pipelines local``, for tests and for local trials. Nothing else in the package imports it, and
importing this package alone loads nothing heavy; :class:`airflow_sm_pipelines.local.endpoint.LocalEndpoint` is
the way in from Python, ``python -m airflow_sm_pipelines.local`` from a shell. What jobs do is written in a
scenario, see :mod:`airflow_sm_pipelines.local.scenario`.
"""
