"""What the gate may be told; its supervisor and its search read the same words."""

import argparse
from pathlib import Path

from deidentify.gate.limits import CPU_S, MEMORY_MIB


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="python -m deidentify.gate", description="Search a finished file for known values."
    )
    result.add_argument("file", type=Path)
    known = "JSON file with names, identifiers, dates, other; - reads standard input"
    result.add_argument("--known", required=True, help=known)
    result.add_argument("--certificate", type=Path, help="write what was searched and found as JSON")
    ocr = "read words in small pictures: auto when an engine is installed, required, or off (default auto)"
    result.add_argument("--ocr", choices=("auto", "required", "off"), default="auto", help=ocr)
    result.add_argument("--memory", type=int, default=MEMORY_MIB, metavar="MIB", help="limit of memory")
    result.add_argument("--seconds", type=int, default=CPU_S, metavar="S", help="limit of processor time")
    return result
