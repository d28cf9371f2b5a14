"""Checks of what a scanner sees when it photographs a glass."""

from microscope.conformance.bench import (
    JOB_S,
    Bench,
    Check,
    NotAsked,
    Wrong,
    expect,
)

_ODD = 0.25
"""How much of a glass's length or width a macro photograph may miss or show beyond it."""


def photographs_a_glass(bench: Bench) -> None:
    seen = bench.seen
    expect(seen.result.um_per_px > 0, "um_per_px must be positive")
    wanted = bench.barcode
    if wanted:
        found = seen.result.barcode
        expect(found == wanted, f"read barcode {found!r} from a label that says {wanted!r}")


def shows_the_whole_glass(bench: Bench) -> None:
    if not bench.has_hands:
        raise NotAsked("what a photograph must show is known of scanners that take the kit's glass")
    seen, info = bench.seen, bench.info
    height, width = seen.macro.shape[:2]
    for side, pixels, origin, glass in (
        ("width", width, seen.result.origin_x_um, info.glass_width_um),
        ("height", height, seen.result.origin_y_um, info.glass_height_um),
    ):
        shown = min(glass, origin + pixels * seen.result.um_per_px) - max(0.0, origin)
        expect(
            shown > (1 - _ODD) * glass and pixels * seen.result.um_per_px < (1 + _ODD) * glass,
            f"{side}: the macro shows {shown:.0f} µm of a glass of {glass:.0f} µm "
            f"({pixels} px of {seen.result.um_per_px:g} µm from {origin:g} µm on)",
        )


def does_a_job_once(bench: Bench) -> None:
    bench.put_glass()
    job_id = bench.new_job()
    bench.snap(job_id)
    first = bench.scanner.collect(job_id)
    again = bench.scanner.snap(job_id, *bench.slot)
    expect(again.state == "done", f"a job given twice is {again.state!r} again instead of 'done'")
    expect(bench.scanner.collect(job_id) == first, "a job given twice has another result")


def says_that_a_slot_is_empty(bench: Bench) -> None:
    if not bench.has_hands or bench.target.slot is not None:
        raise NotAsked("nobody takes the glass out for the kit")
    bench.scanner.place(*bench.slot, None)
    job_id = bench.new_job()
    status = bench.scanner.snap(job_id, *bench.slot, wait=True, timeout_s=JOB_S)
    expect(status.state == "failed", f"a snapshot of an empty slot ended {status.state!r}")
    expect(status.code == "empty_slot", f"an empty slot is called {status.code!r} instead of 'empty_slot'")
    expect(not status.retryable, "an empty slot is called retryable")


def refuses_the_wrong_glass(bench: Bench) -> None:
    if not bench.barcode:
        raise NotAsked("what the label says is not known (--barcode)")
    plan = bench.plan(1, 1)
    with bench.proxy() as proxy:
        job_id = bench.new_job()
        bench.scan(job_id, plan, proxy, barcode=f"{bench.barcode}-OTHER")
        status = bench.end_of(job_id)
        if status.state == "done" or proxy.came:
            raise Wrong("scanned a glass whose label says something else than the barcode that was expected")
    expect(
        status.code == "barcode_mismatch",
        f"the wrong glass is called {status.code!r} instead of 'barcode_mismatch'",
    )


CHECKS: tuple[tuple[str, Check], ...] = (
    ("photographs a glass and reads its barcode", photographs_a_glass),
    ("shows the whole glass in stage coordinates", shows_the_whole_glass),
    ("does a job once, however often it is given", does_a_job_once),
    ("says that a slot is empty", says_that_a_slot_is_empty),
    ("refuses the wrong glass", refuses_the_wrong_glass),
)
