"""Annotations as pictures for machine learning: PNG and OME-TIFF, drawn in strips, so that the mask of a
slide of 100,000 px a side never stands in memory.

A pixel has the value of the last outline that its centre lies in (even-odd: holes are not in). Negative
outlines then clear what shapes of their own layer drew. Points and lines have no area and are left out.
"""

from annotation.exchange.masks.making import Wanted, write_masks

__all__ = ["Wanted", "write_masks"]
