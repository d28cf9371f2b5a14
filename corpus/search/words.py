"""What a person types into the search box, and how the two databases want to hear it.

``gleason 7`` finds both words anywhere, ``"invasive ductal"`` the words side by side, ``-benign`` what is
without it, ``lob* OR ductal`` one or the other. Whatever else stands there is read as words: no input is an
error of the database.
"""

import re
from dataclasses import dataclass
from typing import Final

from core.errors import BadInput

LONGEST: Final = 400  # characters
MOST_TERMS: Final = 32
_PIECE: Final = re.compile(r'(?P<no>-?)(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))')
_WORDS: Final = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Term:
    """Words side by side; the last one may be only a beginning."""

    words: tuple[str, ...]
    begins: bool = False

    def for_fts5(self) -> str:
        return f'"{" ".join(self.words)}"{"*" if self.begins else ""}'

    def for_tsquery(self) -> str:
        quoted = " <-> ".join(f"'{word}'" for word in self.words)
        return f"({quoted}{':*' if self.begins else ''})"


@dataclass(frozen=True)
class Query:
    """Every group must be there, by any of its terms; none of `without`."""

    groups: tuple[tuple[Term, ...], ...]
    without: tuple[Term, ...] = ()

    def for_fts5(self) -> str:
        wanted = " AND ".join(f"({' OR '.join(term.for_fts5() for term in group)})" for group in self.groups)
        return " NOT ".join([f"({wanted})", *(term.for_fts5() for term in self.without)])

    def for_tsquery(self) -> str:
        wanted = [f"({' | '.join(term.for_tsquery() for term in group)})" for group in self.groups]
        return " & ".join([*wanted, *(f"!{term.for_tsquery()}" for term in self.without)])


def read(text: str) -> Query | None:
    """The query, or None where no word is given. Raises BadInput for one that is too long, or only says what
    must not be there.
    """
    if len(text) > LONGEST:
        raise BadInput(f"A search has at most {LONGEST} characters.")
    groups: list[list[Term]] = []
    without: list[Term] = []
    joined = False
    for piece in _PIECE.finditer(text.replace("\0", " ")):
        if piece["word"] == "OR" and groups:
            joined = True
            continue
        term = _term(piece["word"] or "", piece["phrase"])
        if term is None:
            continue
        if piece["no"]:
            without.append(term)
        elif joined:
            groups[-1].append(term)
        else:
            groups.append([term])
        joined = False
    if sum(map(len, groups)) + len(without) > MOST_TERMS:
        raise BadInput(f"A search has at most {MOST_TERMS} words.")
    if without and not groups:
        raise BadInput("Say what must be there as well as what must not.")
    return Query(tuple(map(tuple, groups)), tuple(without)) if groups else None


def _term(word: str, phrase: str | None) -> Term | None:
    """``Ki-67`` is two words side by side, as both databases have it."""
    words = tuple(found.lower() for found in _WORDS.findall(phrase if phrase is not None else word))
    return Term(words, begins=phrase is None and word.endswith("*")) if words else None
