"""Slides found by words in their clean report and in what was drawn on them (docs/search.md)."""

from corpus.search.asking import SEEKERS, Found, Hit, Wanted, find
from corpus.search.indexing import forget, index

__all__ = ["SEEKERS", "Found", "Hit", "Wanted", "find", "forget", "index"]
