"""The files of a release: images as they passed, annotations as they were signed, reports, and the words
about it all.
"""

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Self

from django.utils import timezone

from annotation import exports
from annotation.queries import signed_off
from core.jobs import beat
from corpus import bag, statistics, texts
from corpus.errors import ReleaseStopped
from corpus.models import Release, ReleaseItem
from corpus.naming import Parts, case_name
from corpus.queries import image_items, report_problem, template
from deidentify.files import text_of
from deidentify.queries import passed_slide, releasable_report
from lims.models import Case, Report, Slide

Kind = ReleaseItem.Kind


@dataclass
class Filled:
    """A filled folder: its entries, whose case each file under data/ is of, its statistics and its
    manifest's hash; and for each image the seal of what its certificate's search looked for.
    """

    entries: list[bag.Entry] = field(default_factory=list)
    cases: dict[str, Case] = field(default_factory=dict)
    stats: dict[str, Any] = field(default_factory=dict)
    manifest_sha256: str = ""
    seals: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_folder(cls, root: Path) -> Self:
        """What a finished folder says of itself."""
        rows = json.loads((root / bag.MANIFEST).read_bytes())["files"]
        entries = [bag.Entry(row["path"], row["sha256"], row["bytes"], row["kind"], {}) for row in rows]
        stats = json.loads((root / "statistics.json").read_bytes())
        return cls(entries, {}, stats, bag.sha256_of(root / bag.MANIFEST))


def fill(release: Release, root: Path) -> Filled:
    """Write every file of `release` under `root`. Raises ReleaseStopped when an image or report is not what
    passed.
    """
    filled = Filled()
    counted: list[statistics.Counted] = []
    known = template(release.template)
    for item in image_items(release):
        if item.slide is None:
            raise ReleaseStopped(f"{item.path} belongs to no slide.")
        parts = known.parse(item.path.removeprefix(f"{bag.DATA}/"))
        counted.append(_slide(root, item.slide, item.path, parts, filled))
        beat()
    filled.stats = statistics.count(counted)
    head = {
        "title": f"Corpus, release {release.number}",
        "number": release.number,
        "template": release.template,
        **({"names": known.line} if known.line else {}),
        "licence": release.licence,
        "month": f"{release.approved_at or timezone.now():%Y-%m}",
    }
    bag.write_json(root / "statistics.json", filled.stats)
    bag.write_text(root / "README.md", texts.datasheet(head, filled.stats))
    bag.write_text(root / "LICENSE.txt", texts.licence(head))
    tags = [bag.entry(root, name, Kind.TAG) for name in ("statistics.json", "README.md", "LICENSE.txt")]
    filled.manifest_sha256 = bag.close(root, [*filled.entries, *tags], head)
    filled.entries = Filled.of_folder(root).entries
    return filled


def _slide(root: Path, slide: Slide, path: str, parts: Parts, filled: Filled) -> statistics.Counted:
    """A slide's image with its annotations, and its case's report where this slide is the case's first."""
    case = slide.case
    about = {"tissue": parts.tissue, "patient": parts.key, "case": case_name(parts), "stain": slide.stain}
    image = _image(root, slide, path, about, filled)
    added = [image]
    drawn = list(signed_off(slide))
    stem = PurePosixPath(path).with_suffix("")
    for suffix, form in exports.SUFFIXES.items():
        written = exports.exported(slide, form, drawn)
        target = root / f"{stem}.{suffix}"
        target.write_bytes(written.content)
        added.append(bag.entry(root, f"{stem}.{suffix}", Kind.ANNOTATION, annotations=len(drawn), **about))
    if case not in filled.cases.values():
        added += _report(root, case, PurePosixPath(path).parent / case_name(parts), about)
    filled.entries += added
    filled.cases |= {entry.path: case for entry in added}
    return statistics.Counted(
        tissue=parts.tissue,
        key=parts.key,
        case=case_name(parts),
        stain=slide.stain,
        cut=parts.cut,
        bytes=image.bytes,
        annotations=len(drawn),
    )


def _image(root: Path, slide: Slide, path: str, about: dict[str, Any], filled: Filled) -> bag.Entry:
    clean = passed_slide(slide.pk)
    if clean is None:
        raise ReleaseStopped(f"The image of {slide.barcode} has not passed the gate.")
    _bring(clean.file, root / path)
    entry = bag.entry(root, path, Kind.IMAGE, cut=slide.cut, **about)
    if entry.sha256 != clean.sha256:
        raise ReleaseStopped(f"The clean image of {slide.barcode} is not the one that passed the gate.")
    filled.seals[path] = clean.known_seal
    return entry


def _report(root: Path, case: Case, stem: PurePosixPath, about: dict[str, Any]) -> list[bag.Entry]:
    """As it passed the gate, and the same words in plain text beside a Word document."""
    clean = releasable_report(case.pk)
    if clean is None:
        if Report.objects.filter(case=case).exists():
            raise ReleaseStopped(f"Case {case.accession}: {report_problem(case)}")
        return []
    path = f"{stem}{PurePosixPath(clean.path).suffix.lower()}"
    _bring(clean.file, root / path)
    facts = {key: value for key, value in about.items() if key != "stain"}
    entry = bag.entry(root, path, Kind.REPORT, **facts)
    if entry.sha256 != clean.sha256:
        raise ReleaseStopped(
            f"The clean report of case {case.accession} is not the one that passed the gate."
        )
    if path.endswith(".txt"):
        return [entry]
    (root / f"{stem}.txt").write_text(text_of(root / path), encoding="utf-8", newline="\n")
    return [entry, bag.entry(root, f"{stem}.txt", Kind.REPORT, **facts)]


def _bring(source: Path, target: Path) -> None:
    """The same bytes under a new name: a link where the file system can, a durable copy where it cannot."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not source.is_file():
        raise ReleaseStopped(f"{source.name} is no longer in the de-identified store.")
    try:
        os.link(source, target)
    except OSError:  # another volume, or a file system without links
        shutil.copyfile(source, target)
        handle = os.open(target, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
