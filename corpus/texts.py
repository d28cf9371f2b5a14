"""The words of a release: its datasheet and its licence note. No day is named: a day can be somebody's."""

from collections.abc import Mapping
from typing import Any

DATASHEET = """# {title}

A released, de-identified edition of the corpus of this laboratory: whole-slide images, the annotations that
readers signed, and the reports.

| | |
|---|---|
| Release | {number} |
| Month | {month} |
| Naming template | {template} |
| Licence | {licence} (LICENSE.txt) |
| Images | {images} |
| Patients | {patients} |
| Cases | {cases} |
| Annotations | {annotations} |
| Bytes under data/ | {bytes:,} |

## By tissue category

| tissue | slides | patients | cases | annotations | stains | cuts |
|---|---|---|---|---|---|---|
{rows}

## What is in it

- Images: one file for each slide. `.h5` is the raw mosaic of fields of view (HDF5, Blosc; every
  field as the camera gave it, lossless); `.svs` and `.tif` are vendor files without label and macro
  photograph.
- Annotations stand beside their image under the same name: `.xml` (Aperio ImageScope) and
  `.geojson` (QuPath). Coordinates are pixels of the full resolution, y downwards. Readers are
  numbers.
- Reports are text that was cleaned and rebuilt. One report for each case, in the folder of the
  case.

## How it was de-identified

Every patient has a random eight-digit key and every sample a random number; the map never leaves
the network of the hospital. Images were rebuilt from a list of what is allowed in them. A second,
independent program searched every file of this release, to its last compressed stream, for what is
known of the patient, and found nothing. Two people released it.

## How to check it

`manifest.json` lists each file with its size and SHA-256. The folder is a BagIt 1.0 bag: any BagIt
tool verifies it, and so does `sha256sum -c manifest-sha256.txt`.

## Known limits

The cases are those that one laboratory scanned: they do not stand for a population. Annotations are
the view of one reader. Two slides that a name could not tell apart differ in their last index only.
"""

LICENCE = """{title}

Licence: {licence} (SPDX identifier).

This applies to the files under data/. Nobody is named in them. Do not try to find out who a patient is, and
tell the publisher if a file lets you: the file is withdrawn.
"""


def datasheet(head: Mapping[str, Any], stats: Mapping[str, Any]) -> str:
    rows = "\n".join(
        f"| {name} | {row['slides']} | {row['patients']} | {row['cases']} | {row['annotations']} "
        f"| {_counts(row['stains'])} | {_counts(row['cuts'])} |"
        for name, row in stats["tissues"].items()
    )
    total = stats["total"]
    return DATASHEET.format(
        **{key: head[key] for key in ("title", "number", "month", "template", "licence")},
        images=total["slides"],
        patients=total["patients"],
        cases=total["cases"],
        annotations=total["annotations"],
        bytes=total["bytes"],
        rows=rows,
    )


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counts.items())


def licence(head: Mapping[str, Any]) -> str:
    return LICENCE.format(title=head["title"], licence=head["licence"])
