"""Vendor scanners that drop whole-slide files into a folder: which files are there, which are finished,
which are none.

Polling only: change notices do not cross network mounts. A file counts as complete when its size and time
stood still for a while, it is not named like a download, and everything that its own directory points at
lies inside it. Half-written files are left alone: they are reported and looked at again next time. Nothing
in the folder is ever changed.
"""

from microscope.drivers.watchfolder.folder import (
    FolderScan,
    RefusedFile,
    Remembered,
    SlideFile,
    scan_folder,
)
from microscope.drivers.watchfolder.matching import Matches, match

__all__ = [
    "FolderScan",
    "Matches",
    "RefusedFile",
    "Remembered",
    "SlideFile",
    "match",
    "scan_folder",
]
