"""What a journal holds so far, read piece by piece while it is being written."""

from pathlib import Path

from vslide.errors import NotASlide
from vslide.model import SlideHeader
from vslide.record import OPENING, PLANE, Record, scan
from vslide.recovery import Segment, read_opening, segments

_LOOKS = 5


class JournalTail:
    """Looks at a run's journal again and again, each time only at what came since. One thread at a time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._paths: dict[int, Path] = {}
        self._ends: dict[int, int] = {}
        self._opening: tuple[SlideHeader, int] | None = None

    def look(self) -> list[Record]:
        """The planes that came since the last look, in the order of their arrival; every byte was checked.

        Raises NotASlide without a readable opening record, or when the journal is gone.
        """
        for _ in range(_LOOKS):
            try:
                found = [(segment, self._new(segment)) for segment in segments(self._directory)]
            except FileNotFoundError:
                continue  # a take-over sealed a segment, which renames it
            if not found:
                break
            return [record for segment, records in found for record in self._take(segment, records)]
        raise NotASlide(f"{self._directory.name}: no journal")

    @property
    def opening(self) -> tuple[SlideHeader, int]:
        """The header, and the number of colour planes that are planned. Raises NotASlide."""
        if self._opening is None:
            raise NotASlide(f"{self._directory.name}: no journal with a readable opening record")
        return self._opening

    def path_of(self, record: Record) -> Path:
        """Where the record's segment was last seen: its name changes once, when another fence takes over."""
        return self._paths[record.fence]

    def _new(self, segment: Segment) -> list[Record]:
        found = scan(segment.path, segment.sealed_bytes, self._ends.get(segment.fence, 0))
        return [record for record in found if isinstance(record, Record)]

    def _take(self, segment: Segment, records: list[Record]) -> list[Record]:
        self._paths[segment.fence] = segment.path
        for record in records:
            self._ends[segment.fence] = record.end
            if record.kind == OPENING:
                self._opening = read_opening(record)
        run_id = self.opening[0].run_id
        return [record for record in records if record.kind == PLANE and record.run_id == run_id]
