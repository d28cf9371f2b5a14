"""What lies in which slot, kept on disk: glass stays where it is when a scanner dies."""

import os
from pathlib import Path

import msgspec

from microscope.errors import EmptySlot
from microscope.messages import Glass

CAROUSELS = 40
SLOTS = 10
_FILE = "glass.json"


class Carousels:
    """40 carousels of 10 slots, both counted from 1. Every change is on disk before it is true."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = directory / _FILE
        self._slots: dict[str, Glass] = {}
        if self._path.exists():
            self._slots = msgspec.json.decode(self._path.read_bytes(), type=dict[str, Glass])

    def put(self, carousel: int, slot: int, glass: Glass | None) -> None:
        """Raises EmptySlot for a slot that does not exist."""
        key = _key(carousel, slot)
        changed = {name: kept for name, kept in self._slots.items() if name != key}
        if glass is not None:
            changed[key] = glass
        self._write(changed)
        self._slots = changed

    def look(self, carousel: int, slot: int) -> Glass:
        """Raises EmptySlot."""
        glass = self._slots.get(_key(carousel, slot))
        if glass is None:
            raise EmptySlot(f"carousel {carousel}, slot {slot} is empty")
        return glass

    def _write(self, slots: dict[str, Glass]) -> None:
        new = self._path.with_suffix(".new")
        with new.open("wb") as file:
            file.write(msgspec.json.encode(slots))
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self._path)


def _key(carousel: int, slot: int) -> str:
    if not (1 <= carousel <= CAROUSELS and 1 <= slot <= SLOTS):
        raise EmptySlot(
            f"there is no carousel {carousel}, slot {slot}: {CAROUSELS} carousels of {SLOTS} slots"
        )
    return f"{carousel}/{slot}"
