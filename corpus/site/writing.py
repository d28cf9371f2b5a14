"""The pages of a site, written out of sight and then put in place."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import quote

from django.template.loader import render_to_string

from core.errors import BadInput, Conflict, NotFound, Unavailable
from corpus import bag
from corpus.errors import NotReleasable
from corpus.models import Release
from corpus.site import assets, facts, listing, viewing, words
from corpus.smallcells import small

MARK: Final = "site.json"
"""By this file a folder is known as a site, which a newer one may replace."""
OTHER: Final = "It is the site of another release."
ASSETS: Final = ("site.js", "site.css")


def write_site(release: Release, to: Path) -> int:
    """Write the site of a published release to the folder `to`, instead of the site that is there; how many
    slides it shows. The same release always gives the same bytes.

    Raises NotReleasable for what is not published, BadInput for a place inside the release, Conflict where
    there is something else than a site, ReleaseStopped where the release is not as it was published, and
    Unavailable (retryable) when the disk refuses.
    """
    if release.state != Release.State.PUBLISHED:
        raise NotReleasable(f"{release} is not published: {release.get_state_display().lower()}.")
    root, place = release.folder.resolve(), to.resolve()
    if place == root or root in place.parents or place in root.parents:
        raise BadInput("A site stands beside its release, neither inside it nor around it.")
    if place.exists() and not (place / MARK).is_file():
        raise Conflict("There is something else than a site of a release.", place=place.name)
    known = facts.read(root, release.manifest_sha256)
    try:
        with _alone(place.parent):
            _replace(place, known, _about(release, known, root, place))
    except OSError as error:
        raise Unavailable(f"The site could not be stored: {error.strerror or error}") from error
    return len(known.slides)


def behind(release: Release, site: Path) -> str:
    """What a site lacks of its release as it stands now, in words; empty for one that is current. After a
    withdrawal it shows what is gone until it is written again.

    Raises NotFound where there is no site.
    """
    try:
        mark = json.loads((site / MARK).read_bytes())
    except (OSError, ValueError) as error:
        raise NotFound("There is no site of a release.", place=site.name) from error
    if not isinstance(mark, dict) or mark.get("release") != release.number:
        return OTHER
    if mark.get("manifest_sha256") == release.manifest_sha256 and mark.get("revision") == release.revision:
        return ""
    return f"It shows revision {mark.get('revision')}, and the release is at revision {release.revision}."


def _about(release: Release, known: facts.Facts, root: Path, place: Path) -> dict[str, Any]:
    judged = release.small_cells
    return {
        "folder": root,
        "head": known.head,
        "stats": known.stats,
        "withdrawn": known.withdrawn,
        "gone": sum(known.withdrawn.values()),
        "revision": release.revision,
        "manifest_sha256": release.manifest_sha256,
        "least": judged.get("k"),
        "small": small(judged),
        "release_from_top": quote(PurePosixPath(os.path.relpath(root, place)).as_posix()),
    }


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process writes sites into a folder at a time. Raises Unavailable where another does."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise Unavailable("Another site is being written into this folder: try again later.") from error
    finally:
        os.close(handle)


def _replace(place: Path, known: facts.Facts, about: dict[str, Any]) -> None:
    """A site that is there stays until the new one is whole; between the two renames there is none."""
    hidden, old = (place.with_name(f".{place.name}.{word}") for word in ("new", "old"))
    for left in (hidden, old):
        shutil.rmtree(left, ignore_errors=True)
    hidden.mkdir()
    try:
        _fill(hidden, known, about)
        if place.exists():
            place.rename(old)
        hidden.rename(place)
    finally:
        for left in (hidden, old):
            shutil.rmtree(left, ignore_errors=True)


def _fill(root: Path, known: facts.Facts, about: dict[str, Any]) -> None:
    top = about | {"up": "", "release": about["release_from_top"]}
    _page(root, "index.html", "start", top)
    write_list(root, known.slides, top)
    for slide in known.slides:
        context = about | {
            "slide": slide,
            "beside": quote(PurePosixPath(slide.stem).name),
            "up": slide.up,
            "release": f"{slide.up}{about['release_from_top']}",
        }
        _slide(root, slide, context)
    for shard, rows in words.index(slide.text for slide in known.slides).items():
        _write(root / "words" / f"{shard}.json", json.dumps(rows, ensure_ascii=False, separators=(",", ":")))
    for name in ASSETS:
        assets.copy(f"corpus/site/{name}", root / name)
    if any(slide.is_viewed for slide in known.slides):
        assets.write_assets(root)
    mark = {"release": known.head["number"], "revision": about["revision"], "slides": len(known.slides)}
    bag.write_json(root / MARK, mark | {"manifest_sha256": about["manifest_sha256"]})


def write_list(root: Path, slides: list[facts.Shown], context: dict[str, Any]) -> None:
    """The pages of the list, and the whole of it as JSON. `context` is that of a page at the top."""
    listed = listing.rows(slides)
    choices = {name: sorted({row[name] for row in listed}) for name in ("tissue", "stain", "cut")}
    for part in listing.parts(listed):
        _page(root, part.file, "list", context | {"part": part, "choices": choices})
    _write(root / "slides.json", json.dumps(listed, ensure_ascii=False, separators=(",", ":")))


def _slide(root: Path, slide: facts.Shown, context: dict[str, Any]) -> None:
    file = context["folder"] / slide.image["path"]
    slide.is_viewed = viewing.write_sidecar(file, slide.image, root / slide.stem)
    if slide.is_viewed:
        _page(root, f"{slide.stem}.view.html", "view", context)
    _page(root, slide.page, "slide", context)


def _page(root: Path, path: str, template: str, context: dict[str, Any]) -> None:
    _write(root / path, render_to_string(f"corpus/site/{template}.html", context))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
