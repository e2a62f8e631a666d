"""``python -m airflow_sm_pipelines.local``: the same as ``airflow sm-pipelines local``, and starts faster."""

from __future__ import annotations

import argparse

from airflow_sm_pipelines.local.arguments import ARGUMENTS
from airflow_sm_pipelines.local.command import serve_as_asked


def main() -> None:
    """Parse the command line and serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m airflow_sm_pipelines.local", description="Local AWS endpoint")
    for name, keywords in ARGUMENTS:
        parser.add_argument(name, **keywords)
    serve_as_asked(parser.parse_args())


if __name__ == "__main__":
    main()
