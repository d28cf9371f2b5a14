"""JSON of unknown origin: what the formats that are written in it share."""

import json
import math
from typing import Any, Final

from annotation.exchange.errors import NotReadable


def load(content: bytes) -> Any:
    """The value. Raises NotReadable, also for NaN and for nesting without end."""
    try:
        return json.loads(content.decode("utf-8-sig"), parse_constant=_no_constant)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise NotReadable(f"This is not JSON: {error}") from error


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def member(holder: Any, name: str) -> dict[str, Any]:
    """An object's member that should be an object; an empty one where it is not."""
    found = holder.get(name) if hasattr(holder, "get") else None
    return found if isinstance(found, dict) else {}


def value(holder: Any, name: str) -> Any:
    """An object's member; None where there is no object, or no such member."""
    return holder.get(name) if hasattr(holder, "get") else None


def number(value: Any) -> float:
    """A finite number. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(value)
    return value


def numbers(value: Any, least: int, most: int) -> list[float]:
    """A list of finite numbers. Raises ValueError or TypeError."""
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise ValueError(value)
    return [number(item) for item in value]


def positive(value: Any) -> float | None:
    usable = (
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0
    )
    return value if usable else None


DEPTH_OF: Final = {
    "Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3,
}  # fmt: skip


def is_position_tree(value: Any, depth: int) -> bool:
    """Whether these are positions, in lists of lists as deep as their GeoJSON type says."""
    if not isinstance(value, list) or not value:
        return False
    if depth:
        return all(is_position_tree(item, depth - 1) for item in value)
    return len(value) >= 2 and all(
        isinstance(part, int | float) and not isinstance(part, bool) and math.isfinite(part) for part in value
    )
