"""Find the true positions of a slide's fields from their overlaps; write a new slide that holds them."""

import argparse
from pathlib import Path

from vslide.commands.outcome import Outcome, add_json
from vslide.errors import NotASlide
from vslide.reader import open_slide
from vslide.register import Registration, register
from vslide.rewrite import rewrite


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("slide", help="a virtual slide (.h5) or a run's journal directory")
    parser.add_argument("output", type=Path, nargs="?", help="directory for the new slide")
    parser.add_argument("--report", action="store_true", help="only say what was found, write nothing")
    parser.add_argument("--channel", type=int, help="the channel to compare (default: most structure)")
    parser.add_argument("--z", type=int, help="the focus layer to compare (default: the middle one)")
    parser.add_argument("--tolerance", type=float, help="µm that the stage may be off (default 25)")
    add_json(parser)


def run(options: argparse.Namespace) -> Outcome:
    if options.output is None and not options.report:
        raise NotASlide("say where the new slide goes (OUTPUT), or --report")
    with open_slide(options.slide) as slide:
        found = register(slide, channel=options.channel, z=options.z, tolerance_um=options.tolerance)
        lines, data = _lines(found), found.summary()
        if not options.report:
            made = rewrite(slide, options.output, found.corners())
            lines.append(f"{made.path}: {made.fields} fields")
            data["path"] = str(made.path)
    return Outcome(tuple(lines), data)


def _lines(found: Registration) -> list[str]:
    about = found.summary()
    residual = about["residual_rms_um"]
    lines = [
        f"pairs: {', '.join(f'{count} {state}' for state, count in about['pairs'].items())}",
        f"fields: {about['fields']}, of them {about['placed_by_stage']} placed by the stage alone",
        f"camera against stage: {found.rotation_deg:.4f}°, axes {found.shear_deg:+.4f}° from square",
        f"stage error: {found.stage_error_um:.3f} µm along an axis",
        f"residual: {'none' if residual is None else f'{residual:.3f} µm'} (root mean square of the pairs)",
    ]
    for one in about["field_results"]:
        rest = "stage" if one["residual_um"] is None else f"{one['residual_um']:.3f}"
        place = f"r={one['r']} c={one['c']} z={one['z']} t={one['t']}"
        lines.append(f"{place}: moved {one['moved_um']:.3f} µm, residual {rest}")
    return lines
