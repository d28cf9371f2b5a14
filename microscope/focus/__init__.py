"""From a snapshot to a focus map: find tissue, choose points, fit a surface, and say how doubtful it all is.

Pictures are (H, W, 3) uint8 RGB. A snapshot's pixel (column, row) lies at stage µm ``origin + (column, row)
* um_per_px``.
"""

from microscope.focus.points import WANTED_POINTS, choose_points
from microscope.focus.risk import SAFE_BELOW, Proposal, Risk, assess, propose
from microscope.focus.sharpness import sharpness
from microscope.focus.surface import FocusSurface, fit_surface
from microscope.focus.tissue import Mask, Picture, Tissue, examine, find_tissue, scan_area

__all__ = [
    "SAFE_BELOW",
    "WANTED_POINTS",
    "FocusSurface",
    "Mask",
    "Picture",
    "Proposal",
    "Risk",
    "Tissue",
    "assess",
    "choose_points",
    "examine",
    "find_tissue",
    "fit_surface",
    "propose",
    "scan_area",
    "sharpness",
]
