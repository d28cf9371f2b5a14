"""Measure camera, stage and colours with a slide of beads."""

import argparse

from vslide.commands.outcome import Outcome, add_json
from vslide.reader import open_slide
from vslide.register import ChannelOffset, calibrate


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("slide", help="a slide of sub-resolution beads, scanned with overlaps")
    parser.add_argument("--channel", type=int, help="the channel to compare (default: most structure)")
    parser.add_argument("--tolerance", type=float, help="µm that the stage may be off (default 25)")
    add_json(parser)


def run(options: argparse.Namespace) -> Outcome:
    with open_slide(options.slide) as slide:
        found = calibrate(slide, channel=options.channel, tolerance_um=options.tolerance)
    values = (
        ("rotation", found.rotation_deg, "°"),
        ("axes from square", found.shear_deg, "°"),
        ("pixel width", found.pixel_width_um, " µm"),
        ("pixel height", found.pixel_height_um, " µm"),
        (f"repeatability x (from {found.repeat_from})", found.repeat_x_um, " µm"),
        (f"repeatability y (from {found.repeat_from})", found.repeat_y_um, " µm"),
    )
    lines = [f"{name}: {one.value:.5f} ± {one.uncertainty:.5f}{unit}" for name, one, unit in values]
    lines.append(f"stated pixel: {found.stated_pixel_um:.5f} µm, from {found.fields} fields")
    return Outcome((*lines, *map(_channel, found.channels)), found.summary())


def _channel(one: ChannelOffset) -> str:
    if not one.fields:
        return f"channel {one.name}: nothing in common with the reference"
    where = f"{one.x_px:+.3f}, {one.y_px:+.3f} px ({one.x_um:+.4f}, {one.y_um:+.4f} µm)"
    return f"channel {one.name}: {where} ± {one.error_px:.3f} px, {one.fields} fields"
