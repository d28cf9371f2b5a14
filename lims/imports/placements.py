"""A load file: carousel, slot, barcode. Whole or not at all, for half a load is worse than none."""

from core.errors import BadInput
from lims.imports.columns import plain
from lims.imports.reading import Line, cell_problem, read_table
from lims.services import Placement

_NAMES = {"carousel": ("carousel",), "slot": ("slot", "position"), "barcode": ("barcode", "barcodevalue")}


def read_placements(content: bytes) -> list[Placement]:
    """Raises BadInput with every line that cannot be used."""
    table = read_table(content)
    plains = [plain(name) for name in table.header]
    places = {field: plains.index(n) for field, names in _NAMES.items() for n in names if n in plains}
    missing = [field for field in _NAMES if field not in places]
    if missing:
        raise BadInput(f"The head line lacks {', '.join(missing)}.", missing=missing)
    problems: list[str] = []
    found = [_placement(line, places, problems) for line in table.lines]
    if problems:
        raise BadInput("Nothing was loaded. " + "; ".join(problems[:10]) + ".", problems=problems[:100])
    return [placement for placement in found if placement]


def _placement(line: Line, places: dict[str, int], problems: list[str]) -> Placement | None:
    if len(line.cells) <= max(places.values()):
        problems.append(f"line {line.number} is too short")
        return None
    carousel, slot, barcode = (line.cells[places[field]].strip() for field in ("carousel", "slot", "barcode"))
    wrong = cell_problem(barcode)
    if wrong:
        problems.append(f"line {line.number}: the barcode {wrong}")
    elif not all(number.isascii() and number.isdigit() and len(number) <= 3 for number in (carousel, slot)):
        problems.append(f"line {line.number}: carousel and slot are numbers")
    else:
        return Placement(int(carousel), int(slot), barcode)
    return None
