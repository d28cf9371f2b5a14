"""Files of slides: bytes → table → a verdict for every row. Reading is pure; `lims.services` writes."""

from lims.imports.placements import read_placements
from lims.imports.reading import MAX_BYTES, MAX_ROWS, Table, escaped, read_table, to_csv
from lims.imports.sheet import Row, Sheet, read_sheet
from lims.imports.verdicts import judged

__all__ = [
    "MAX_BYTES",
    "MAX_ROWS",
    "Row",
    "Sheet",
    "Table",
    "escaped",
    "judged",
    "read_placements",
    "read_sheet",
    "read_table",
    "to_csv",
]
