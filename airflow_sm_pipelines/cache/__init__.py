"""The step cache: what a result is kept under, where, and how it is found again."""
