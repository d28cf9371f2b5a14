"""How a subject is measured: ours and every peer once in each round, then medians, ratios and targets."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

OURS = "ours"
Round = Callable[[Path], Mapping[str, float]]
"""One turn: is given an empty folder, returns what it measured, by the figure's name."""


@dataclass(frozen=True)
class Figure:
    """One number of a subject. `target` holds what must be reached: `ours` as a value in `unit`, a peer's
    name as the ratio to that peer.
    """

    unit: str
    higher_is_better: bool = True
    target: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Subject:
    """One benchmark; the first of its figures is its leading one.

    `published` are figures that others printed and nobody can measure here; `missing` says why a peer is not
    measured.
    """

    figures: Mapping[str, Figure]
    ours: Round
    peers: Mapping[str, Round] = field(default_factory=dict)
    published: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)


Samples = dict[str, dict[str, list[float]]]


def measure(subject: Subject, rounds: int, room: Path, *, judge: bool = True) -> dict[str, dict[str, Any]]:
    """{figure: its entry}. Ours and every peer take turns, so that a busy moment of the machine strikes all
    alike. `room` is where their files are made. Without `judge` (a slide too small) nothing is said of
    targets.
    """
    runners: dict[str, Round] = {OURS: subject.ours, **subject.peers}
    samples: Samples = {figure: {} for figure in subject.figures}
    for number in range(rounds):
        for runner, once in _from(number, list(runners.items())):
            with tempfile.TemporaryDirectory(dir=room) as folder:
                for figure, value in once(Path(folder)).items():
                    samples[figure].setdefault(runner, []).append(value)
    return {name: _entry(subject, name, samples[name], judge) for name in subject.figures}


def _from(number: int, runners: list[tuple[str, Round]]) -> list[tuple[str, Round]]:
    """In each round another one begins: the first meets colder caches than the last."""
    first = number % len(runners)
    return runners[first:] + runners[:first]


def _entry(
    subject: Subject, name: str, samples: Mapping[str, Sequence[float]], judge: bool
) -> dict[str, Any]:
    figure, ours = subject.figures[name], median(samples[OURS])
    peers = {peer: median(values) for peer, values in samples.items() if peer != OURS}
    if judge:
        peers |= {peer: known[name] for peer, known in subject.published.items() if name in known}
    ratio = {peer: _ratio(ours, n, figure.higher_is_better) for peer, n in peers.items()}
    entry: dict[str, Any] = {
        "unit": figure.unit,
        "higher_is_better": figure.higher_is_better,
        "ours": short(ours),
        "peers": {peer: short(n) for peer, n in peers.items()},
        "ratio": {peer: short(n) for peer, n in ratio.items()},
        "missing": dict(subject.missing),
        "spread": [short(min(samples[OURS])), short(max(samples[OURS]))],
        "rounds": len(samples[OURS]),
    }
    if figure.target and judge:
        entry |= _judgement(figure, ours, ratio)
    return entry


def _ratio(ours: float, peer: float, higher_is_better: bool) -> float:
    above, below = (ours, peer) if higher_is_better else (peer, ours)
    return above / below if below else float("inf")


def _judgement(figure: Figure, ours: float, ratio: Mapping[str, float]) -> dict[str, Any]:
    """A target beside a peer that was not measured is not met: nobody has shown it."""
    unmet = [
        goal for goal, wanted in figure.target.items()
        if not (_reached(ours, wanted, figure) if goal == OURS else ratio.get(goal, 0.0) >= wanted)
    ]  # fmt: skip
    return {"target": dict(figure.target), "met": not unmet, "unmet": unmet}


def _reached(ours: float, wanted: float, figure: Figure) -> bool:
    return ours >= wanted if figure.higher_is_better else ours <= wanted


def short(number: float) -> float:
    """Four significant digits: more is noise."""
    return float(f"{number:.4g}")
