"""Get back every plane whose checksum holds from a torn journal or a damaged slide."""

import argparse

from vslide.commands.outcome import Outcome, add_json, add_path
from vslide.salvage import salvage


def configure(parser: argparse.ArgumentParser) -> None:
    add_path(parser, "source", "a run's journal directory, or a damaged slide (.h5)")
    add_path(parser, "output", "directory for the new journal and slide")
    add_json(parser)


def run(options: argparse.Namespace) -> Outcome:
    back = salvage(options.source, options.output)
    lines = [f"{back.planes} planes came back, {len(back.lost)} are lost", f"journal: {back.journal}"]
    lines += (
        [f"slide: {back.slide.path} ({back.slide.fields} fields)"]
        if back.slide
        else ["no slide: no field is whole, or its key is not here"]
    )
    lines += [f"lost: r={r} c={c} z={z} t={t} channel={w}" for r, c, z, t, w in back.lost]
    data = {
        "planes": back.planes,
        "lost": [list(place) for place in back.lost],
        "incomplete": [[key.r, key.c, key.z, key.t] for key in back.incomplete],
        "journal": str(back.journal),
        "slide": str(back.slide.path) if back.slide else None,
    }
    return Outcome(tuple(lines), data, int(bool(back.lost)))
