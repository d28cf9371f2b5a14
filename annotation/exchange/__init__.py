"""Annotations in and out: ImageScope XML, QuPath GeoJSON, DICOM, HistomicsUI and Darwin JSON; and out as
masks. Pure: no Django, no database.
"""

from annotation.exchange.carried import MASKS, Carry, Property, carries
from annotation.exchange.dicom import image_of, read_image
from annotation.exchange.errors import ExchangeError, NotReadable, TooLarge, UnsupportedFormat
from annotation.exchange.formats import FORMATS, read, recognised, write
from annotation.exchange.masks import Wanted, write_masks
from annotation.exchange.model import Document, Image, Layer, Shape, Written

__all__ = [
    "FORMATS",
    "MASKS",
    "Carry",
    "Document",
    "ExchangeError",
    "Image",
    "Layer",
    "NotReadable",
    "Property",
    "Shape",
    "TooLarge",
    "UnsupportedFormat",
    "Wanted",
    "Written",
    "carries",
    "image_of",
    "read",
    "read_image",
    "recognised",
    "write",
    "write_masks",
]
