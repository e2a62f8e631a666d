"""The order of a pipeline's steps: dependencies, branch regions, cycles. No Airflow, no AWS."""

from __future__ import annotations

from airflow_sm_pipelines.graph.dependencies import build_graph
from airflow_sm_pipelines.graph.model import BranchMembership, Dependency, Edge, Graph, Reason, ReasonKind, Region
from airflow_sm_pipelines.graph.planning import Plan, plan

__all__ = [
    "BranchMembership",
    "Dependency",
    "Edge",
    "Graph",
    "Plan",
    "Reason",
    "ReasonKind",
    "Region",
    "build_graph",
    "plan",
]
