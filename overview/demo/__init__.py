"""A whole night and morning of the laboratory, compressed: the persons' part of it. The processes do the
rest.
"""

from overview.demo.story import Outcome, tell

__all__ = ["Outcome", "tell"]
