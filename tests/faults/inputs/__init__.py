"""Broken and hostile files for everything that reads what comes from outside."""

from tests.faults.inputs.campaign import Input, campaign, outcome, tried

__all__ = ["Input", "campaign", "outcome", "tried"]
