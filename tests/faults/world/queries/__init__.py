"""Queries that are built and compiled once."""
