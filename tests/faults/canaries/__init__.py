"""A person planted in one place, in one encoding: the gate must find it, cleaning must lose it."""

from tests.faults.canaries.campaign import PLACES, Canary, Fate, campaign, release

__all__ = ["PLACES", "Canary", "Fate", "campaign", "release"]
