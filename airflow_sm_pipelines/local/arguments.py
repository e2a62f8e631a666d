"""The options of ``local``, as argparse takes them. Light: Airflow's command line reads them at every start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ARGUMENTS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("--host", {"default": "127.0.0.1", "help": "Address to listen on (default: 127.0.0.1)"}),
    ("--port", {"type": int, "default": 5000, "help": "Port to listen on, 0 for a free one (default: 5000)"}),
    ("--scenario", {"help": "JSON file that says what jobs do"}),
    (
        "--time-scale",
        {"type": float, "default": 1.0, "help": "Seconds of the endpoint's clock for each real second (default: 1)"},
    ),
    (
        "--allow-remote",
        {"action": "store_true", "help": "Listen on an address that other machines reach; they need no credentials"},
    ),
    (
        "--allow-remote-code",
        {"action": "store_true", "help": "With --allow-remote: let their jobs run code here, by the scenario's runner"},
    ),
    (
        "--allowed-host",
        {
            "action": "append",
            "default": [],
            "metavar": "NAME",
            "help": "Name by which clients may ask, besides localhost and 127.0.0.1; also as BUCKET.NAME. Repeatable",
        },
    ),
)
