"""`python -m vslide COMMAND …`: everything works on a bare file, with no laboratory around it.

Exit codes: 0 sound, 1 faults were found or the command failed (one clear line says why), 2 wrong usage.
"""

import argparse
import json
import pkgutil
import sys
from collections.abc import Callable, Sequence
from typing import cast

from vslide.commands.outcome import Outcome
from vslide.errors import SlideError

# Named, not imported: `verify` runs once per published slide and must not pay for OpenSlide, tifffile or
# ZeroMQ.
COMMANDS = {
    "info": "what a slide is",
    "verify": "check every byte of a slide",
    "fsck": "check a store of slides and journals",
    "salvage": "get back every good plane of a damaged slide",
    "thumbnail": "a small picture of the whole slide",
    "histogram": "how grey values are spread, and the window that shows them well",
    "export": "write OME-TIFF, .svs, OME-Zarr, DICOM or a Zarr reference",
    "import-tiles": "make a slide from a folder of tiles",
    "register": "find the true positions of fields from their overlaps",
    "calibrate": "measure camera, stage and colours with a slide of beads",
    "keys": "make and list the keys of sealed slides",
    "seal": "a sealed copy of a finished slide",
    "unseal": "a copy in the clear of a sealed slide",
    "inspect": "examine an untrusted file before anything reads it",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["deal"]:
        return (
            cast(Callable[[list[str]], int | None], pkgutil.resolve_name("vslide.dealer:main"))(arguments[1:])
            or 0
        )
    if arguments[:1] == ["serve"]:
        return (
            cast(Callable[[list[str]], int | None], pkgutil.resolve_name("vslide.serve:main"))(arguments[1:])
            or 0
        )
    parser = argparse.ArgumentParser(prog="python -m vslide", description="Tools for virtual slides.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="the slide service", add_help=False)
    chosen = next((one for one in arguments if one in COMMANDS), None)
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text)
        if name == chosen:
            _part(name, "configure")(command)
    options = parser.parse_args(arguments)
    try:
        outcome = cast(Outcome, _part(options.command, "run")(options))
    except (SlideError, OSError) as error:
        code = getattr(error, "code", "os_error")
        print(
            json.dumps({"code": code, "message": str(error)}) if options.json else f"{code}: {error}",
            file=sys.stderr,
        )
        return 1
    print(json.dumps(outcome.data) if options.json else "\n".join(outcome.lines))
    return outcome.code


def _part(command: str, name: str) -> Callable[[object], object]:
    module = command.replace("-", "_")
    return cast(Callable[[object], object], pkgutil.resolve_name(f"vslide.commands.{module}:{name}"))


if __name__ == "__main__":
    sys.exit(main())
