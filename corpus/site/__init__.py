"""A release as plain files that any web server shows: no code of ours runs there."""

from corpus.site.writing import write_site

__all__ = ["write_site"]
