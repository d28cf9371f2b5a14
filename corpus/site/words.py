"""The words of the reports, each with the slides where it stands: files so small that a browser fetches only
those that a question needs. Pure.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

SHORTEST: Final = 2
LONGEST: Final = 40
"""What is longer is cut to this: a word nobody types to its end. As in static/corpus/site/site.js."""

_WORD = re.compile(r"[^\W_]+")
_PLAIN = re.compile(r"[a-z0-9]", re.ASCII)

Shards = dict[str, dict[str, list[int]]]
"""{shard: {word: numbers of slides, ascending}}"""


def words_of(text: str) -> set[str]:
    """Lower case, composed (NFC), letters and digits only."""
    plain = unicodedata.normalize("NFC", text.lower())
    return {word[:LONGEST] for word in _WORD.findall(plain) if len(word) >= SHORTEST}


def shard_of(word: str) -> str:
    """The file in which a word is: its first letter, or "other"."""
    return word[0] if _PLAIN.match(word) else "other"


def index(texts: Iterable[str]) -> Shards:
    """The words of each text, by the text's place in the list."""
    found: Shards = defaultdict(lambda: defaultdict(list))
    for number, text in enumerate(texts):
        for word in words_of(text):
            found[shard_of(word)][word].append(number)
    return {shard: dict(sorted(rows.items())) for shard, rows in sorted(found.items())}
