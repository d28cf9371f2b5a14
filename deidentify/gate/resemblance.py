"""Known values in words that a machine read from a picture: with the errors that such a machine makes."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from rapidfuzz import fuzz

from deidentify.gate.values import spellings

LIKE: Final = 86.0
SHORTEST_LIKE: Final = 6
MOST_LINES: Final = 1000
_MISREAD: Final = str.maketrans("oqli|!s$bzg", "00111155829")


def alike(text: str) -> str:
    """Letters and digits that look alike become one."""
    return re.sub(r"[^\w|!$]|_", "", text.lower()).translate(_MISREAD)


class Resemblance:
    """Every spelling of the known values as it would look. A date is another date with one figure changed, so
    dates are sought as they are; short words only where they stand alone."""

    def __init__(self, known: dict[str, list[str]]) -> None:
        self.like: dict[str, str] = {}
        self.exact: dict[str, str] = {}
        self.alone: dict[str, str] = {}
        for spelling in spellings(known):
            look = alike(spelling.text)
            if len(look) < SHORTEST_LIKE:
                self.alone.setdefault(look, spelling.label)
            elif spelling.label.startswith("dates"):
                self.exact.setdefault(look, spelling.label)
            else:
                self.like.setdefault(look, spelling.label)

    def labels(self, lines: Iterable[str]) -> list[str]:
        """Which known values stand in these lines, each once."""
        texts = list(lines)[:MOST_LINES]
        return list(dict.fromkeys(label for line in [*texts, "".join(texts)] for label in self._in(line)))

    def _in(self, line: str) -> Iterator[str]:
        look = alike(line)
        words = {alike(word) for word in re.split(r"[\s,.;:/^]+", line)}
        yield from (label for value, label in self.alone.items() if value in words)
        yield from (label for value, label in self.exact.items() if value in look)
        for value, label in self.like.items():
            if len(look) >= len(value) - 1 and fuzz.partial_ratio(value, look, score_cutoff=LIKE):
                yield label
