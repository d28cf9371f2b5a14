"""Checks of the pixels: which planes come, from where, in which shape, and until when they are kept."""

import numpy as np
from numpy.typing import NDArray

from microscope.conformance.bench import (
    Bench,
    Check,
    NotAsked,
    Wrong,
    expect,
)
from microscope.conformance.proxy import Came, Proxy
from microscope.plan import Rect, ScanPlan
from vslide import codec
from vslide.errors import SlideError
from vslide.model import PlaneId
from wire import Fault

_PLACE_MISSED_UM = 10.0
_STEP_UM = 4.0
_STEP_MISSED_UM = 1.0
_QUIET_S = 0.7


def delivers_every_plane_once(bench: Bench) -> None:
    plan = bench.plan()
    with bench.proxy() as proxy:
        planes = _scanned(bench, plan, proxy)
    places = _expected(plan)
    keys = [plane.key for plane in planes]
    expect(len(keys) == len(set(keys)), f"{len(keys) - len(set(keys))} planes came twice under new numbers")
    missing, strange = set(places) - set(keys), set(keys) - set(places)
    expect(
        not missing,
        f"{len(missing)} of {len(places)} planes did not come, among them {min(missing, default='')}",
    )
    expect(
        not strange,
        f"{len(strange)} planes came that are not in the plan, among them {min(strange, default='')}",
    )


def reports_where_the_stage_stood(bench: Bench) -> None:
    plan = bench.plan()
    with bench.proxy() as proxy:
        planes = _scanned(bench, plan, proxy)
    places = _expected(plan)
    for plane in planes:
        x, y = places.get(plane.key, (plane.header.x_um, plane.header.y_um))
        missed = max(abs(plane.header.x_um - x), abs(plane.header.y_um - y))
        expect(missed < _PLACE_MISSED_UM, f"plane {plane.key} was taken {missed:.0f} µm from its place")


def compresses_planes_that_can_be_read(bench: Bench) -> None:
    plan = bench.plan(1, 1)
    with bench.proxy() as proxy:
        for plane in _scanned(bench, plan, proxy):
            _decoded(plan, plane)


def looks_where_the_macro_shows_tissue(bench: Bench) -> None:
    """A field in the tissue is darker than one on bare glass, if stage and photograph agree on places."""
    if "brightfield" not in bench.info.modalities or bench.target.slot is not None:
        raise NotAsked("brightfield on the kit's own glass tells tissue from bare glass")
    tissue = bench.plan(1, 1)
    result, macro = bench.seen.result, bench.seen.macro
    bare_x = result.origin_x_um + macro.shape[1] * result.um_per_px - 3_000
    area = Rect(bare_x, tissue.area.y_um, tissue.area.width_um, tissue.area.height_um)
    bare = ScanPlan(area, tissue.focus_points, tissue.field_width, tissue.field_height, tissue.pixel_size_um)
    levels = []
    for plan in (tissue, bare):
        with bench.proxy() as proxy:
            planes = _scanned(bench, plan, proxy)
        levels.append(min(float(_decoded(plan, plane).mean()) for plane in planes))
    expect(
        levels[0] < levels[1] - 5,
        f"where the macro shows tissue the lens sees grey {levels[0]:.0f}, on bare glass {levels[1]:.0f}: "
        "stage and photograph do not agree on places",
    )


def leaves_out_what_is_durable(bench: Bench) -> None:
    plan = bench.plan()
    wanted = sorted(_expected(plan))
    durable, missing = wanted[: len(wanted) // 2], wanted[len(wanted) // 2 :]
    with bench.proxy(durable=durable) as proxy:
        keys = {plane.key for plane in _scanned(bench, plan, proxy)}
    again = keys & set(durable)
    expect(not again, f"{len(again)} planes were scanned again that the proxy had already")
    expect(keys == set(missing), f"{len(keys)} planes came, {len(missing)} were missing")


def takes_layers_from_below(bench: Bench) -> None:
    if "z-layers" not in bench.info.capabilities or bench.info.max_layers < 3:
        raise NotAsked("it has no z-layers")
    plan = bench.plan(1, 1, layers=3, layer_step_um=_STEP_UM)
    with bench.proxy() as proxy:
        heights = {plane.header.z: plane.header.z_um for plane in _scanned(bench, plan, proxy)}
    steps = [heights[z + 1] - heights[z] for z in range(2) if z in heights and z + 1 in heights]
    expect(
        len(steps) == 2 and all(abs(step - _STEP_UM) < _STEP_MISSED_UM for step in steps),
        f"layers lie {', '.join(f'{step:+.1f}' for step in steps) or 'nowhere'} µm apart instead of "
        f"{_STEP_UM:+.1f}",
    )


def sends_again_what_was_not_acknowledged(bench: Bench) -> None:
    plan = bench.plan()
    with bench.proxy(deaf=3) as proxy:
        planes = {plane.key for plane in _scanned(bench, plan, proxy, "a proxy that lost three planes")}
        lost = set(proxy.lost) - planes
    expect(not lost, f"{len(lost)} planes that the proxy had lost were never sent again")


def is_done_only_when_everything_is_safe(bench: Bench) -> None:
    plan = bench.plan()
    with bench.proxy(holding=True) as proxy:
        job_id = bench.new_job()
        bench.scan(job_id, plan, proxy)
        bench.soon(lambda: len(proxy.keys) >= plan.plane_count)
        ended = bench.wait(_QUIET_S, lambda: bench.scanner.job(job_id).state != "running")
        state = bench.scanner.job(job_id).state
        proxy.holding = False
        expect(not ended, f"the scan was {state!r} before the proxy had acknowledged anything")
        status = bench.end_of(job_id)
    expect(
        status.state == "done", f"with everything acknowledged the scan ended {status.state!r}: {status.code}"
    )


def goes_on_when_the_proxy_was_restarted(bench: Bench) -> None:
    plan = bench.plan(3, 3)
    with bench.proxy(holding=True) as proxy:
        job_id = bench.new_job()
        bench.scan(job_id, plan, proxy)
        expect(bench.soon(lambda: bool(proxy.came)), "no plane came in time")
        proxy.holding = False
        proxy.restart()
        bench.soon(lambda: not proxy.restarting)
        status = bench.end_of(job_id)
        missing = set(_expected(plan)) - set(proxy.keys)
    expect(
        status.state == "done",
        f"after the proxy had died and come back the scan ended {status.state!r}: {status.code}",
    )
    expect(not missing, f"{len(missing)} planes were lost when the proxy died and came back")


def believes_a_proxy_that_refuses(bench: Bench) -> None:
    for code, retryable in (("stale_fence", False), ("disk_full", True)):
        fault = Fault(code=code, message="said the kit", retryable=retryable)
        with bench.proxy(refuse=fault) as proxy:
            job_id = bench.new_job()
            bench.scan(job_id, bench.plan(1, 1), proxy)
            status = bench.end_of(job_id, bench.target.patience_s)
        expect(
            (status.state, status.code, status.retryable) == ("failed", code, retryable),
            f"a proxy refused with {code!r}, the job is {status.state!r} with code {status.code!r}, "
            f"retryable={status.retryable}",
        )


def refuses_a_plan_of_another_camera(bench: Bench) -> None:
    plan = bench.plan(1, 1)
    other = ScanPlan(
        plan.area,
        plan.focus_points,
        plan.field_width // 2,
        plan.field_height // 2,
        plan.pixel_size_um,
        channels=plan.channels,
        modality=plan.modality,
    )
    with bench.proxy() as proxy:
        job_id = bench.new_job()
        bench.scan(job_id, other, proxy)
        status = bench.end_of(job_id)
    expect(status.state == "failed", f"a plan for fields of another size ended {status.state!r}")
    expect(
        status.code == "plan_invalid",
        f"a plan for fields of another size is called {status.code!r} instead of 'plan_invalid'",
    )


def _scanned(bench: Bench, plan: ScanPlan, proxy: Proxy, whereto: str = "a good proxy") -> list[Came]:
    """Scan to the end; every plane that arrived, repetitions of a number once."""
    job_id = bench.new_job()
    bench.scan(job_id, plan, proxy)
    status = bench.end_of(job_id)
    expect(
        status.code != "no_focus_points",
        "finds no focus where the macro shows tissue: stage and photograph do not agree, or focusing fails",
    )
    expect(
        status.state == "done",
        f"a scan into {whereto} ended {status.state!r}: {status.code} {status.message}",
    )
    expect(
        all((hello.run_id, hello.fence) == (job_id, 1) for hello in proxy.hellos),
        "the stream names another run or fence than the command",
    )
    return list({plane.seq: plane for plane in proxy.came}.values())


def _expected(plan: ScanPlan) -> dict[PlaneId, tuple[float, float]]:
    return {
        (field.key.r, field.key.c, field.key.z, field.key.t, channel): (field.x_um, field.y_um)
        for field in plan.fields()
        for channel in range(plan.planes)
    }


def _decoded(plan: ScanPlan, plane: Came) -> NDArray[np.generic]:
    height, width = codec.chunk_grid(plan.field_height, plan.field_width)
    count = (plan.field_height // height) * (plan.field_width // width)
    expect(
        len(plane.chunks) == count,
        f"plane {plane.key} has {len(plane.chunks)} chunks, a field has {count} of {width} × {height} px",
    )
    try:
        chunks = [codec.decode_chunk(chunk, plan.dtype, (height, width)) for chunk in plane.chunks]
    except SlideError as error:
        raise Wrong(f"a chunk of plane {plane.key} is no Blosc buffer of {plan.dtype}: {error}") from error
    return np.stack(chunks)


CHECKS: tuple[tuple[str, Check], ...] = (
    ("delivers every plane of a plan once", delivers_every_plane_once),
    ("reports where the stage stood", reports_where_the_stage_stood),
    ("compresses planes that can be read", compresses_planes_that_can_be_read),
    ("looks where the macro shows tissue", looks_where_the_macro_shows_tissue),
    ("leaves out what is durable already", leaves_out_what_is_durable),
    ("takes layers from below", takes_layers_from_below),
    ("sends again what was not acknowledged", sends_again_what_was_not_acknowledged),
    ("is done only when everything is safe", is_done_only_when_everything_is_safe),
    ("goes on when the slide proxy was restarted", goes_on_when_the_proxy_was_restarted),
    ("believes a proxy that refuses", believes_a_proxy_that_refuses),
    ("refuses a plan of another camera", refuses_a_plan_of_another_camera),
)
