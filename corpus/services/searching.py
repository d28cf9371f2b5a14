"""The last search: every file of a release, by the independent gate, for everything known of its patient."""

import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from core.errors import Unavailable
from core.jobs import beat
from corpus.errors import ReleaseStopped
from corpus.models import ReleaseItem
from corpus.services.filling import Filled
from deidentify.errors import DeidentifyError, GateRefused
from deidentify.files import run_gate
from deidentify.known import Known
from deidentify.services import known_values
from lims.models import Case


def search(filled: Filled, root: Path) -> None:
    """Raise ReleaseStopped at the first trace; Unavailable when the gate does not answer.

    Images are judged one by one. A patient's small files are judged in one bundle, and so are the files
    about the release, against what is known of every patient in it: the gate opens every member of a
    bundle.
    """
    images = {entry.path for entry in filled.entries if entry.kind == ReleaseItem.Kind.IMAGE}
    known = {case.patient_id: known_values(case) for case in _one_per_patient(filled.cases.values())}
    small: dict[int, list[str]] = {}
    for path, case in filled.cases.items():
        if path in images:
            _judge(root / path, known[case.patient_id], path)
        else:
            small.setdefault(case.patient_id, []).append(path)
    for patient, paths in small.items():
        _bundle(root, paths, known[patient])
    about = sorted({entry.path for entry in filled.entries} - filled.cases.keys())
    _bundle(root, [*about, "manifest.json", "tagmanifest-sha256.txt"], _together(known.values()))


def _one_per_patient(cases: Iterable[Case]) -> list[Case]:
    return list({case.patient_id: case for case in cases}.values())


def _together(known: Iterable[Known]) -> Known:
    rows = list(known)
    return Known(
        names=tuple(sorted({name for row in rows for name in row.names})),
        identifiers=tuple(sorted({value for row in rows for value in row.identifiers})),
        dates=tuple(sorted({day for row in rows for day in row.dates})),
        other=tuple(sorted({value for row in rows for value in row.other})),
    )


def _bundle(root: Path, paths: list[str], known: Known) -> None:
    with tempfile.TemporaryDirectory(prefix="nocturne-search-") as folder:
        bundle = Path(folder) / "bundle.zip"
        with zipfile.ZipFile(bundle, "w", zipfile.ZIP_STORED) as archive:
            for number, path in enumerate(paths):
                archive.write(root / path, f"{number:06d}/{path}")
        _judge(bundle, known, f"{len(paths)} small files")


def _judge(file: Path, known: Known, what: str) -> None:
    beat()
    with tempfile.TemporaryDirectory(prefix="nocturne-search-") as folder:
        view = Path(folder) / file.name  # the gate writes its certificate beside what it judges
        view.symlink_to(file)
        try:
            run_gate(view, known)
        except DeidentifyError as error:
            if error.retryable:
                raise Unavailable(f"The gate does not answer: {error}") from error
            found = error.certificate.get("hits", []) if isinstance(error, GateRefused) else []
            raise ReleaseStopped(f"{what}: {error}", hits=len(found)) from error
