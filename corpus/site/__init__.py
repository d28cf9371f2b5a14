"""A release as plain files that any web server shows: no code of ours runs there."""

from corpus.site.writing import OTHER, behind, write_site

__all__ = ["OTHER", "behind", "write_site"]
