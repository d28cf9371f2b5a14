"""How well readers agree, by pair and label."""

from dataclasses import dataclass, field
from statistics import mean

from annotation.models import Agreement, Reader


@dataclass
class Label:
    """One label over the slides that two people read."""

    label: str
    slides: int = 0
    both: int = 0  # slides on which both used it
    ious: list[float] = field(default_factory=list)
    dices: list[float] = field(default_factory=list)

    @property
    def iou(self) -> float | None:
        return mean(self.ious) if self.ious else None

    @property
    def dice(self) -> float | None:
        return mean(self.dices) if self.dices else None


@dataclass
class Pair:
    """Two people who read the same slides blindly."""

    readers: tuple[Reader, Reader]
    slides: int = 0
    settled: int = 0  # by a third reader
    kappas: list[float] = field(default_factory=list)
    labels: dict[str, Label] = field(default_factory=dict)

    @property
    def kappa(self) -> float | None:
        return mean(self.kappas) if self.kappas else None

    @property
    def rows(self) -> list[Label]:
        return sorted(self.labels.values(), key=lambda one: one.label)


def pairs() -> list[Pair]:
    """Every pair that has compared readings, the busiest first."""
    found: dict[tuple[int, int], Pair] = {}
    rows = Agreement.objects.select_related("first__reader__user", "second__reader__user").order_by("pk")
    for row in rows:
        both = sorted((row.first.reader, row.second.reader), key=lambda reader: reader.pk)
        pair = found.setdefault((both[0].pk, both[1].pk), Pair((both[0], both[1])))
        _add(pair, row)
    return sorted(found.values(), key=lambda pair: -pair.slides)


def _add(pair: Pair, row: Agreement) -> None:
    pair.slides += 1
    pair.settled += row.third_id is not None
    if row.kappa is not None:
        pair.kappas.append(row.kappa)
    for told in row.labels:
        label = pair.labels.setdefault(told["label"], Label(told["label"]))
        label.slides += 1
        label.both += bool(told["first"] and told["second"])
        if told["iou"] is not None:
            label.ious.append(told["iou"])
            label.dices.append(told["dice"])
