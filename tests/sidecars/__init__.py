"""Settings beside definitions."""
