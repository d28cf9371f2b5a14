"""What a campaign counts, and how it says so."""

from collections import Counter
from dataclasses import dataclass, field
from statistics import median


@dataclass
class Tally:
    """`lost` counts acknowledged planes that are gone, `unreadable` slides that do not open or verify,
    `silent` planes whose pixels differ without an error. `problems` says each of them in words.
    """

    tried: int = 0
    lost: int = 0
    unreadable: int = 0
    silent: int = 0
    seconds: float = 0.0
    resumed_s: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    facts: dict[str, object] = field(default_factory=dict)

    def count(self, name: str, number: int) -> None:
        """One more figure of this campaign, by its name."""
        self.counts[name] += number

    @property
    def held(self) -> bool:
        return self.tried > 0 and not (self.lost or self.unreadable or self.silent or self.problems)

    def as_json(self) -> dict[str, object]:
        return {
            "tried": self.tried,
            "lost": self.lost,
            "unreadable": self.unreadable,
            "silent": self.silent,
            "seconds": round(self.seconds, 1),
            "resume_median_s": round(median(self.resumed_s), 2) if self.resumed_s else None,
            "resume_longest_s": round(max(self.resumed_s), 2) if self.resumed_s else None,
            "problems": self.problems,
            **self.counts,
            **self.facts,
        }

    def sentence(self, name: str) -> str:
        more = "".join(f", {number} {what.replace('_', ' ')}" for what, number in self.counts.items())
        resumed = (
            f"; resumed after {median(self.resumed_s):.1f} s (median), {max(self.resumed_s):.1f} s (longest)"
            if self.resumed_s
            else ""
        )
        verdict = "everything held" if self.held else "NOT everything held"
        return (
            f"{name}: {self.tried} tried, {self.lost} acknowledged planes lost, "
            f"{self.unreadable} slides unreadable, {self.silent} planes silently wrong{more}{resumed}; "
            f"{self.seconds:.0f} s: {verdict}"
        )
