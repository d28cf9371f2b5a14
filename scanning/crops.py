"""Which part of a glass's photograph is shown: a speck of tissue on 76 mm of glass is looked at from near."""

from dataclasses import dataclass

from scanning.models import Snapshot

MARGIN = 0.3  # of the scan area's longer side, all round
LEAST_PX = 48.0


@dataclass(frozen=True)
class Crop:
    """A part of a photograph, in its pixels, and how an <img> is placed so that a box shows just that."""

    x: float
    y: float
    width: float
    height: float
    picture_width: float
    picture_height: float

    @property
    def view_box(self) -> str:
        return f"{self.x:.2f} {self.y:.2f} {self.width:.2f} {self.height:.2f}"

    @property
    def style(self) -> str:
        """In percent of the box around the picture."""
        wide, tall = 100 * self.picture_width / self.width, 100 * self.picture_height / self.height
        left, top = -100 * self.x / self.width, -100 * self.y / self.height
        return f"width:{wide:.3f}%;height:{tall:.3f}%;left:{left:.3f}%;top:{top:.3f}%"


def whole(snapshot: Snapshot) -> Crop:
    return Crop(0.0, 0.0, snapshot.width, snapshot.height, snapshot.width, snapshot.height)


def around_area(snapshot: Snapshot, *, aspect: float = 1.6) -> Crop:
    """The scan area with a margin, as a box of this aspect; the whole glass where no area is known."""
    if snapshot.area_width_um <= 0:
        return whole(snapshot)
    scale = snapshot.um_per_px
    wide, tall = snapshot.area_width_um / scale, snapshot.area_height_um / scale
    middle_x = (snapshot.area_x_um - snapshot.origin_x_um) / scale + wide / 2
    middle_y = (snapshot.area_y_um - snapshot.origin_y_um) / scale + tall / 2
    around = 2 * MARGIN * max(wide, tall)
    height = max(LEAST_PX, tall + around, (wide + around) / aspect)
    height = min(height, snapshot.height, snapshot.width / aspect)
    width = height * aspect
    left = min(max(middle_x - width / 2, 0.0), snapshot.width - width)
    top = min(max(middle_y - height / 2, 0.0), snapshot.height - height)
    return Crop(left, top, width, height, snapshot.width, snapshot.height)
