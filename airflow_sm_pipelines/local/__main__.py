"""``python -m airflow_sm_pipelines.local [--host H] [--port P] [--scenario FILE] [--time-scale X]``."""

from __future__ import annotations

import argparse
from pathlib import Path

from airflow_sm_pipelines.local.command import serve


def main() -> None:
    """Parse the command line and serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m airflow_sm_pipelines.local", description="Local AWS endpoint")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=5000, help="port, 0 for any free one (default: %(default)s)")
    parser.add_argument("--scenario", type=Path, help="JSON file that says what jobs do")
    parser.add_argument(
        "--time-scale", type=float, default=1.0, help="endpoint seconds per real second (default: %(default)s)"
    )
    options = parser.parse_args()
    serve(options.host, options.port, options.scenario, options.time_scale)


if __name__ == "__main__":
    main()
