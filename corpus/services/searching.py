"""The last search: every file of a release, by the independent gate, for everything known of its patient."""

import tempfile
import zipfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.errors import Unavailable
from core.jobs import beat
from corpus import bag
from corpus.errors import ReleaseStopped
from corpus.models import ReleaseItem
from corpus.services.filling import Filled
from deidentify.errors import DeidentifyError, GateRefused
from deidentify.files import run_gate
from deidentify.known import Known
from deidentify.seal import seal
from deidentify.services import known_values
from lims.models import Case

# The gate is a process of its own: two at once leave a small machine its share.
AT_ONCE: Final = 2


@dataclass(frozen=True)
class Task:
    """Files that one run of the gate judges together, against what is known."""

    paths: tuple[str, ...]
    known: Known


def search(filled: Filled, root: Path) -> None:
    """Raise ReleaseStopped at the first trace; Unavailable when the gate does not answer.

    An image is the very bytes that its certificate speaks of (`filling` compared the hashes): it is judged
    again only where something else is known of the patient than the gate was told then. A patient's small
    files are judged in one bundle, and so are the files about the release, against what is known of every
    patient in it: the gate opens every member of a bundle.
    """
    todo = tasks(filled)
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        runs = [pool.submit(_judge, root, task) for task in todo]
        try:
            for run in as_completed(runs):
                run.result()
                beat()
        finally:
            for run in runs:
                run.cancel()


def tasks(filled: Filled) -> list[Task]:
    """The runs of the gate that this folder needs."""
    images = {entry.path for entry in filled.entries if entry.kind == ReleaseItem.Kind.IMAGE}
    known = {case.patient_id: known_values(case) for case in _one_per_patient(filled.cases.values())}
    found: list[Task] = []
    small: dict[int, list[str]] = {}
    for path, case in filled.cases.items():
        if path in images:
            if filled.seals.get(path) == seal(known[case.patient_id]):
                continue
            found.append(Task((path,), known[case.patient_id]))
        else:
            small.setdefault(case.patient_id, []).append(path)
    found += [Task(tuple(paths), known[patient]) for patient, paths in small.items()]
    about = sorted({entry.path for entry in filled.entries} - filled.cases.keys())
    return [*found, Task((*about, bag.MANIFEST, bag.TAG_MANIFEST), _together(known.values()))]


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


def _judge(root: Path, task: Task) -> None:
    """One run of the gate, in a folder of its own: it writes its certificate beside what it judges."""
    with tempfile.TemporaryDirectory(prefix="nocturne-search-") as folder:
        judged = _laid_out(Path(folder), root, task)
        what = task.paths[0] if len(task.paths) == 1 else f"{len(task.paths)} small files"
        try:
            run_gate(judged, task.known)
        except DeidentifyError as error:
            if error.retryable:
                raise Unavailable(f"The gate does not answer: {error}") from error
            found = error.certificate.get("hits", []) if isinstance(error, GateRefused) else []
            raise ReleaseStopped(f"{what}: {error}", hits=len(found)) from error


def _laid_out(folder: Path, root: Path, task: Task) -> Path:
    if len(task.paths) == 1:
        view = folder / Path(task.paths[0]).name
        view.symlink_to(root / task.paths[0])
        return view
    bundle = folder / "bundle.zip"
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_STORED) as archive:
        for number, path in enumerate(task.paths):
            archive.write(root / path, f"{number:06d}/{path}")
    return bundle
