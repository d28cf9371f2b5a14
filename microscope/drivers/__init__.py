"""Drivers: how the runner reaches an instrument. Each passes ``tests/microscope/contract.py``."""
