"""Callback steps: the message to the workers, their answer, and the wait for it."""
