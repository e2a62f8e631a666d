"""Keeps the tests, and the processes they start, from reaching anything but this machine; real AWS above all."""
