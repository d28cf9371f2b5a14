"""Where a photograph of a glass shows tissue: darker or more coloured than the glass about it, and neither
holder, label, ink, cover slip edge nor dust.

Pictures are (H, W, 3) uint8 RGB, masks (H, W) bool.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from microscope.errors import FocusFailed
from microscope.focus.glass import empty_glass, holder, ink
from microscope.plan import Rect

Mask = NDArray[np.bool_]
Picture = NDArray[np.uint8]

LABEL_SHARE = 0.3  # the end of the glass that carries the label
_EDGE_SHARE = 0.02  # the rim of the glass shines and carries dirt
_FAINTEST = 5.0  # grey levels below the glass: less than this is noise, not stain
_OF_OTSU = 0.6
_PALE = 0.5  # what belongs to a piece of tissue may be so much paler than what makes it one
_FIRM, _TOO_DARK = 0.65, 2.0  # of the usual depth of stain: less may be a slit or a hole, more a fold or dirt
_THINNEST_PX = 1.5  # a line is nowhere deep: the mean distance from its edge
_SMALLEST_PART = 20_000  # pieces below this part of the picture are dust
_RIM_SHARE = 0.05
_OF_LARGEST = 0.1  # a piece smaller than this part of the largest may be dirt
_SHORTEST_LINE_PART = 14


@dataclass(frozen=True, slots=True)
class Tissue:
    """``mask`` is all tissue, ``firm`` the part of it that is stained well enough to focus on; ``strength``
    how much light it takes away in the channel that it darkens most, 0 to 1.
    """

    mask: Mask
    firm: Mask
    strength: float

    def cropped(self) -> tuple["Tissue", tuple[int, int]]:
        """All tissue with a pixel of glass around it, and the (column, row) where that begins in the picture;
        nothing where there is none.
        """
        left, top, width, height = cv2.boundingRect(self.mask.astype(np.uint8))
        if not width:
            return Tissue(self.mask[:0, :0], self.firm[:0, :0], 0.0), (0, 0)
        left, top = max(0, left - 1), max(0, top - 1)
        window = (slice(top, top + height + 2), slice(left, left + width + 2))
        return Tissue(self.mask[window], self.firm[window], self.strength), (left, top)


def find_tissue(macro: Picture, *, label_share: float = LABEL_SHARE) -> Mask:
    """Where the macro shows tissue. The label's end (left) and the rim never count."""
    return examine(macro, label_share=label_share).mask


def examine(macro: Picture, *, label_share: float = LABEL_SHARE) -> Tissue:
    """All that the macro tells of its tissue. The label's end (left) and the rim never count."""
    height, width = macro.shape[:2]
    edge = max(2, round(height * _EDGE_SHARE))
    inside = (slice(edge, height - edge), slice(round(width * label_share), width - edge))
    mask, firm = np.zeros((2, height, width), bool)
    depth = _depth(np.ascontiguousarray(macro[inside]))
    mask[inside], main = _tissue(depth, smallest=max(25, height * width // _SMALLEST_PART))
    stained = depth[mask[inside]]
    if not stained.size:
        return Tissue(mask, firm, 0.0)
    usual = float(np.median(depth[main])) if main.any() else 0.0
    firm[inside] = main & (depth > _FIRM * usual) & (depth < _TOO_DARK * usual)
    return Tissue(mask, firm, float(stained.mean()) / 255.0)


def scan_area(
    mask: Mask, um_per_px: float, origin: tuple[float, float] = (0.0, 0.0), *, margin_um: float = 100.0
) -> Rect:
    """The rectangle around all tissue, with a margin, in stage µm. Raises ``FocusFailed`` when there is no
    tissue.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        raise FocusFailed("no tissue on the snapshot")
    left = origin[0] + float(columns[0]) * um_per_px - margin_um
    top = origin[1] + float(rows[0]) * um_per_px - margin_um
    width = (int(columns[-1]) - int(columns[0]) + 1) * um_per_px + 2 * margin_um
    height = (int(rows[-1]) - int(rows[0]) + 1) * um_per_px + 2 * margin_um
    return Rect(left, top, width, height)


def _depth(picture: Picture) -> Picture:
    """Grey levels below the empty glass about it, in the channel that is darkened most; 0 where no tissue can
    be.
    """
    dark = holder(picture)
    darker = cv2.subtract(empty_glass(picture, ~dark), picture)
    red, green, blue = cv2.split(darker)
    depth = cv2.max(cv2.max(red, green), blue)
    depth[dark | ink(picture)] = 0
    return np.asarray(depth, np.uint8)


def _tissue(depth: Picture, *, smallest: int) -> tuple[Mask, Mask]:
    """All pieces, and the main ones."""
    depth = np.asarray(cv2.GaussianBlur(depth, (5, 5), 0), np.uint8)
    stained = depth[depth > _FAINTEST]
    if not stained.size:
        nothing = np.zeros(depth.shape, bool)
        return nothing, nothing
    otsu, _ = cv2.threshold(stained.reshape(-1, 1), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    surely = max(_FAINTEST, otsu * _OF_OTSU)
    maybe = _shape((depth > max(_FAINTEST, surely * _PALE)).astype(np.uint8))
    pieces, main = np.zeros((2, *depth.shape), bool)
    left, top, width, height = cv2.boundingRect(maybe)
    window = (slice(max(0, top - 1), top + height + 1), slice(max(0, left - 1), left + width + 1))
    if width:
        rim = _rim(depth.shape)[window]
        pieces[window], main[window] = _pieces(maybe[window], depth[window] > surely, rim, smallest)
    return pieces, main


def _shape(found: Picture) -> Picture:
    """Without gaps and bumps of a pixel, and without straight lines: edges of glass, holder, cover slip."""
    closed = cv2.morphologyEx(found, cv2.MORPH_CLOSE, _disc(3))
    solid = cv2.dilate(cv2.erode(closed, np.ones((9, 9), np.uint8)), np.ones((11, 11), np.uint8))
    long = max(closed.shape) // _SHORTEST_LINE_PART
    for line in (np.ones((1, long), np.uint8), np.ones((long, 1), np.uint8)):
        straight = cv2.morphologyEx(closed, cv2.MORPH_OPEN, line)
        closed[(cv2.dilate(straight, _disc(5)) > 0) & (solid == 0)] = 0
    return np.asarray(cv2.morphologyEx(closed, cv2.MORPH_OPEN, _disc(3)), np.uint8)


def _pieces(maybe: Picture, surely: Mask, rim: Mask, smallest: int) -> tuple[Mask, Mask]:
    """The connected pieces that are large and thick enough and somewhere dark enough to be tissue; and the
    main ones. Small ones beside them may be dirt on the cover slip, and wholly in the rim they are dirt.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(maybe, connectivity=8)
    where = labels > 0
    pieces, area = labels[where], np.maximum(1, stats[:, cv2.CC_STAT_AREA])
    inside = cv2.distanceTransform(maybe, cv2.DIST_L2, 3)[where]
    thick = np.bincount(pieces, weights=inside, minlength=count) / area
    dark = np.bincount(pieces[surely[where]], minlength=count)
    on_glass = np.bincount(pieces[~rim[where]], minlength=count) > 0
    keep = (area >= smallest) & (thick >= _THINNEST_PX) & (dark >= smallest // 2)
    keep[0] = False
    main = keep & (area >= _OF_LARGEST * area[keep].max(initial=0))
    keep &= main | on_glass
    return np.asarray(keep[labels], bool), np.asarray(main[labels], bool)


def _rim(shape: tuple[int, ...]) -> Mask:
    """Beside the glass, or on its ground edge."""
    rim, wide = np.ones(shape, bool), round(min(shape) * _RIM_SHARE)
    rim[wide : shape[0] - wide, wide : shape[1] - wide] = False
    return rim


def _disc(side: int) -> Picture:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
