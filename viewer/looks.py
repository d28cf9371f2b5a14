"""How a client wants a slide painted: channels, windows, gamma, colours, focus layer and time.

`channels=0,2&windows=100-4000,0-900&gamma=1,0.7&colours=4060ff,ff8000&z=3&t=0`: the lists go side by side,
and each part may be left out.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from core.errors import BadInput
from viewer.tiles import Window

Value = TypeVar("Value")

MOST_CHANNELS = 64
_WHOLE = re.compile(r"\d{1,5}", re.ASCII)
_GREYS = re.compile(r"(\d{1,5})-(\d{1,5})", re.ASCII)
_COLOUR = re.compile(r"[0-9a-fA-F]{6}", re.ASCII)
_GAMMA = re.compile(r"\d{1,2}(\.\d{1,4})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Look:
    """Empty lists: all channels, windows that show them well, their own colours, gamma 1. `z` None: the
    middle layer, which the viewer opens with.
    """

    channels: tuple[int, ...] = ()
    windows: tuple[tuple[int, int], ...] = ()
    gamma: tuple[float, ...] = ()
    colours: tuple[str, ...] = ()
    z: int | None = None
    t: int = 0

    @property
    def key(self) -> str:
        """What tells it from other looks in an entity tag."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]

    def shown(self, number: int) -> tuple[int, ...]:
        """The channels to read, of a slide with this many. Raises BadInput where they do not fit."""
        channels = self.channels or tuple(range(number))
        if max(channels) >= number or any(
            part and len(part) != len(channels) for part in (self.windows, self.gamma, self.colours)
        ):
            raise BadInput(
                "windows, gamma and colours are as many as channels, and the slide has these.",
                channels=number,
            )
        return channels

    def painted(self, own: Sequence[Window]) -> list[Window]:
        """The windows of the channels shown; `own` are what shows them well."""
        windows = list(own)
        for place, (low, high) in enumerate(self.windows):
            windows[place] = replace(windows[place], low=low, high=high)
        for place, gamma in enumerate(self.gamma):
            windows[place] = replace(windows[place], gamma=gamma)
        for place, colour in enumerate(self.colours):
            windows[place] = replace(windows[place], colour=f"#{colour}")
        return windows


def look_of(given: Mapping[str, str]) -> Look:
    """The look that an address asks for. Raises BadInput for what it cannot mean."""
    z = given.get("z", "")
    return Look(
        channels=_listed(given, "channels", "0,2", _whole),
        windows=_listed(given, "windows", "100-4000,0-900", _greys),
        gamma=_listed(given, "gamma", "1,0.7", _gamma),
        colours=_listed(given, "colours", "4060ff,ff8000", _colour),
        z=_one(z, "z") if z else None,
        t=_one(given.get("t", "") or "0", "t"),
    )


def _listed(
    given: Mapping[str, str], name: str, example: str, read: Callable[[str], Value | None]
) -> tuple[Value, ...]:
    words = given[name].split(",") if given.get(name) else []
    values = [value for word in words if (value := read(word)) is not None]
    if len(values) != len(words) or len(words) > MOST_CHANNELS:
        raise BadInput(f"Say {name}={example}.", **{name: given[name]})
    return tuple(values)


def _one(text: str, name: str) -> int:
    value = _whole(text)
    if value is None:
        raise BadInput(f"Say {name}=0.", **{name: text})
    return value


def _whole(text: str) -> int | None:
    return int(text) if _WHOLE.fullmatch(text) else None


def _greys(text: str) -> tuple[int, int] | None:
    found = _GREYS.fullmatch(text)
    return (int(found[1]), int(found[2])) if found and int(found[1]) < int(found[2]) else None


def _gamma(text: str) -> float | None:
    return float(text) if _GAMMA.fullmatch(text) and float(text) > 0 else None


def _colour(text: str) -> str | None:
    return text.lower() if _COLOUR.fullmatch(text) else None
