"""The parts of the table: each has ``WHAT`` and ``measure``."""
