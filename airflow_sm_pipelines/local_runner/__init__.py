"""Runs a job's own code on this machine, in the file system that SageMaker gives it.

It knows nothing of the endpoint: objects are read and written through :class:`~.objects.ObjectStore`, and what becomes
of a job is reported to a :class:`~.job_run.Listener`.
"""
