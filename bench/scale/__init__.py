"""How the package does at the size where people need a distributed engine; ``python -m bench.scale --help``."""
