"""Annotations in and out: ImageScope XML and QuPath GeoJSON. Pure: no Django, no database, no files."""

from annotation.exchange.errors import ExchangeError, NotReadable, TooLarge, UnsupportedFormat
from annotation.exchange.formats import FORMATS, read, write
from annotation.exchange.model import Document, Layer, Shape, Written

__all__ = [
    "FORMATS",
    "Document",
    "ExchangeError",
    "Layer",
    "NotReadable",
    "Shape",
    "TooLarge",
    "UnsupportedFormat",
    "Written",
    "read",
    "write",
]
