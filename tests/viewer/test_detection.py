"""What programs see on a slide, against what was painted there."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from django.test import Client
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial import cKDTree

from annotation.models import Annotation, AnnotationVersion
from lims.states import State
from viewer.detection import PIPELINES, Patch
from viewer.detection.focus import BLURRED, SHARP
from viewer.detection.outlines import outlines
from viewer.models import VirtualSlide
from viewer.tiles import AS_IT_IS, Window

DARK = (Window("#4060ff", 100, 3000),)


def specimen(seed: int, number: int = 220, side: int = 700) -> tuple[NDArray[Any], NDArray[Any]]:
    """((side, side) light of painted nuclei 0..1, their middles): ellipses of 5 to 9 µm at 0.5 µm per px,
    some touching, with chromatin, uneven background and the blur of a lens.
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side].astype(np.float32)
    light = np.zeros((side, side), np.float32)
    middles: list[NDArray[Any]] = []
    for at in rng.uniform(15, side - 15, (number * 4, 2)):
        if len(middles) == number:
            break
        if middles and np.min(np.linalg.norm(np.array(middles) - at, axis=1)) < 13:
            continue
        long, short, turn = rng.uniform(6, 9), rng.uniform(5, 7), rng.uniform(0, np.pi)
        dx, dy = x - at[0], y - at[1]
        u, v = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
        light = np.maximum(light, ((u / long) ** 2 + (v / short) ** 2 < 1) * rng.uniform(0.45, 1.0))
        middles.append(at)
    chromatin = light * rng.uniform(0.7, 1.3, light.shape)
    return cv2.GaussianBlur(chromatin, (0, 0), 1.2) + 0.05 + 0.1 * x / side, np.array(middles)


def seen_as(patch: Patch, **values: float) -> NDArray[Any]:
    pipeline = PIPELINES["nuclei"]
    labels = pipeline.find(patch, pipeline.values(values))
    rings = outlines(labels, None, (0, 0), 1)
    return np.array([np.mean(one[0], axis=0) for one in rings])


def score(found: NDArray[Any], truth: NDArray[Any]) -> tuple[float, float]:
    """(recall, precision): a nucleus is found by the one outline whose middle is nearest, within 3 µm."""
    distance, nearest = cKDTree(truth).query(found)
    hits = len(set(nearest[distance <= 6].tolist()))
    return hits / len(truth), hits / len(found)


@pytest.mark.parametrize("seed", range(3))
def test_nuclei_are_counted_in_fluorescence(seed: int) -> None:
    light, truth = specimen(seed)
    noise = np.random.default_rng(seed).normal(0, 40, light.shape)
    raw = np.clip(100 + 2500 * light + noise, 0, 65_535).astype(np.uint16)[None]
    recall, precision = score(seen_as(Patch(raw, 0.5, DARK, brightfield=False)), truth)
    assert recall >= 0.95
    assert precision >= 0.95


@pytest.mark.parametrize("seed", range(3))
def test_nuclei_are_counted_in_brightfield(seed: int) -> None:
    light, truth = specimen(seed)
    haematoxylin = np.array([0.65, 0.70, 0.29])[:, None, None] * light * 0.8
    eosin = np.array([0.07, 0.99, 0.11])[:, None, None] * 0.15
    raw = np.clip(255 * 10 ** -(haematoxylin + eosin), 0, 255).astype(np.uint8)
    recall, precision = score(seen_as(Patch(raw, 0.5, tuple(AS_IT_IS), brightfield=True)), truth)
    assert recall >= 0.95
    assert precision >= 0.95


def test_no_nuclei_are_found_where_there_are_none() -> None:
    raw = np.random.default_rng(0).normal(130, 30, (1, 500, 500)).clip(0).astype(np.uint16)
    assert len(seen_as(Patch(raw, 0.5, DARK, brightfield=False))) == 0


def test_tissue_is_told_from_glass_with_its_holes() -> None:
    raw = np.full((3, 400, 400), 245, np.uint8)
    raw[:, 100:300, 50:350] = 160
    raw[:, 170:230, 170:230] = 245
    pipeline = PIPELINES["tissue"]
    patch = Patch(raw, 8.0, tuple(AS_IT_IS), brightfield=True)
    found = outlines(pipeline.find(patch, pipeline.values({})), 1, (1000, 2000), 16)
    assert len(found) == 1
    outer, hole = (np.array(ring) for ring in found[0])
    assert np.abs(outer.min(axis=0) - (1000 + 50 * 16, 2000 + 100 * 16)).max() < 48
    assert np.abs(hole.max(axis=0) - (1000 + 230 * 16, 2000 + 230 * 16)).max() < 64


def test_focus_tells_blurred_squares(slide_files: dict[str, Path]) -> None:
    rng = np.random.default_rng(1)
    fine = rng.uniform(60, 200, (256, 512)).astype(np.float32)
    smooth = np.asarray(Image.fromarray(fine).resize((32, 16)).resize((512, 256), Image.Resampling.BICUBIC))
    raw = np.clip(fine * 0.5 + smooth * 0.5, 0, 255).astype(np.uint8)
    raw[:, 256:] = smooth[:, 256:].clip(0, 255)
    pipeline = PIPELINES["focus"]
    patch = Patch(np.stack([raw] * 3), 0.5, tuple(AS_IT_IS), brightfield=True)
    labels = pipeline.find(patch, pipeline.values({}))
    assert (labels[0, 0], labels[0, 300]) == (SHARP, BLURRED)


def test_it_lists_detectors_with_their_ranges(
    fluorescence: VirtualSlide, client_of: Callable[[str], Client]
) -> None:
    answer = client_of("pathologist").get(f"/viewer/{fluorescence.slide.uid}/detectors.json").json()
    told = {one["name"]: one for one in answer["detectors"]}
    assert set(told) == {"tissue", "focus", "nuclei"}
    assert told["tissue"]["coarsest"] is None
    assert told["nuclei"]["parameters"][0]["high"] == 3
    assert told["nuclei"]["coarsest"] == 4


@pytest.mark.parametrize("name", ["tissue", "focus", "nuclei"])
@pytest.mark.parametrize("kind", ["brightfield", "fluorescence"])
def test_it_paints_every_tile(
    slide_files: dict[str, Path],
    register: Callable[..., VirtualSlide],
    client_of: Callable[[str], Client],
    name: str,
    kind: str,
) -> None:
    virtual, client = register(slide_files[kind]), client_of("pathologist")
    for level in (0, 1, 2):
        answer = client.get(f"/viewer/{virtual.slide.uid}/detect/{name}/{level}/0/0.png")
        assert answer.status_code == 200, answer.content
        picture = np.asarray(Image.open(io.BytesIO(answer.content)))
        assert picture.shape == (512, 512, 4)
        if name != "focus" or kind == "brightfield":
            assert picture[..., 3].any(), level
    tag = {"If-None-Match": answer["ETag"]}
    assert client.get(answer.wsgi_request.get_full_path(), headers=tag).status_code == 304


def test_neighbouring_tiles_see_the_same_nuclei(
    brightfield: VirtualSlide, client_of: Callable[[str], Client]
) -> None:
    address = f"/viewer/{brightfield.slide.uid}/detect/nuclei.json"
    client = client_of("pathologist")
    whole = client.get(f"{address}?box=0,0,800,600").json()["count"]
    halves = [client.get(f"{address}?box={x},0,400,600").json()["count"] for x in (0, 400)]
    assert whole > 50
    assert abs(sum(halves) - whole) <= 0.05 * whole


@pytest.mark.parametrize(
    "part",
    ["detect/nuclei.json?channel=9", "detect/nuclei.json?diameter=x", "detect/nuclei.json?diameter=nan",
     "detect/nuclei.json?box=1,2", "detect/tissue/0/0/0.png?threshold=9"],
)  # fmt: skip
def test_it_refuses_what_cannot_be_looked_for(
    fluorescence: VirtualSlide, client_of: Callable[[str], Client], part: str
) -> None:
    assert client_of("pathologist").get(f"/viewer/{fluorescence.slide.uid}/{part}").status_code == 400


@pytest.mark.parametrize(
    "part", ["detect/dragons.json", "detect/dragons/0/0/0.png", "detect/tissue/9/0/0.png"]
)
def test_it_knows_no_other_detector(
    fluorescence: VirtualSlide, client_of: Callable[[str], Client], part: str
) -> None:
    assert client_of("pathologist").get(f"/viewer/{fluorescence.slide.uid}/{part}").status_code == 404


def store(client: Client, virtual: VirtualSlide, **body: Any) -> Any:
    given = {"slide": str(virtual.slide.uid), "detector": "nuclei", "box": "0,0,300,300"} | body
    return client.post("/api/annotations/detect/", given, content_type="application/json")


def test_what_was_found_becomes_annotations_once(
    slide_files: dict[str, Path], register: Callable[..., VirtualSlide], client_of: Callable[[str], Client]
) -> None:
    virtual, client = register(slide_files["brightfield"], state=State.DEIDENTIFIED), client_of("pathologist")
    count = client.get(f"/viewer/{virtual.slide.uid}/detect/nuclei.json?box=0,0,300,300").json()["count"]
    first, again = store(client, virtual), store(client, virtual)
    assert (first.status_code, first.json()) == (
        200,
        {"stored": count, "here": 0, "origin": "detector nuclei 1"},
    )
    assert again.json()["stored"] == 0
    assert again.json()["here"] == count > 5
    rows = Annotation.objects.filter(slide=virtual.slide)
    assert set(rows.values_list("origin", "layer", "label", "kind", "author__username")) == {
        ("detector nuclei 1", "nuclei 1", "nucleus", "polygon", "pathologist")
    }
    assert AnnotationVersion.objects.filter(annotation__in=rows).count() == count


@pytest.mark.parametrize(
    ("who", "state", "status"),
    [
        ("technician", State.DEIDENTIFIED, 403),
        ("stranger", State.DEIDENTIFIED, 403),
        ("anonymous", State.DEIDENTIFIED, 403),
        ("pathologist", State.ASSIGNED, 403),
        ("pathologist", State.RELEASED, 409),
        ("pathologist", State.FAILED, 403),
    ],
)
def test_only_who_may_draw_may_store(
    slide_files: dict[str, Path],
    register: Callable[..., VirtualSlide],
    client_of: Callable[[str], Client],
    who: str,
    state: str,
    status: int,
) -> None:
    virtual = register(slide_files["brightfield"], state=state)
    assert store(client_of(who), virtual).status_code == status
    assert not Annotation.objects.exists()
