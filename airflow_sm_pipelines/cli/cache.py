"""``airflow sm-pipelines cache``: the results of steps that are kept for reuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.cli.terminal import write_lines

if TYPE_CHECKING:
    import argparse


def list_results(arguments: argparse.Namespace) -> None:
    """One line for each kept result."""
    from airflow.utils.session import create_session

    from airflow_sm_pipelines.cache.admin import list_kept

    with create_session() as session:
        write_lines(
            f"{kept.dag_id}  {kept.step}  {kept.since.isoformat(timespec='seconds')}  {kept.run_id or '-'}"
            for kept in list_kept(session, arguments.dag_id, arguments.step)
        )


def clear(arguments: argparse.Namespace) -> None:
    """Forget the kept results, so that the steps run again."""
    from airflow.utils.session import create_session

    from airflow_sm_pipelines.cache.admin import forget

    with create_session() as session:
        count = forget(session, arguments.dag_id, arguments.step)
    of_step = f" of the step {arguments.step}" if arguments.step else ""
    of_dag = f" of {arguments.dag_id}" if arguments.dag_id else ""
    write_lines([f"{count} cached result{'' if count == 1 else 's'}{of_step}{of_dag} forgotten"])
