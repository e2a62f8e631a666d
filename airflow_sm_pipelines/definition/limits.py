"""Limits that a definition is read by, and that a pipeline's Dag has too."""

from __future__ import annotations

MOST_PARALLEL_STEPS = 2**31 - 1
"""The highest MaxParallelExecutionSteps: an Integer of the service's API, and what an Airflow pool can hold."""
