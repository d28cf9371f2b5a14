"""Something strikes while a file is made clean: kill -9, its gate is killed, its input changes, the disk is
full.

Real: `manage deidentify`, its gate, the disk (a small tmpfs where this process may mount one, else a limit on
the size of files). Whatever strikes, its destination is at no moment anything but the whole clean file; what
was not killed says by name what happened; and the same command, once more, succeeds and leaves nothing else.
"""

import contextlib
import hashlib
import itertools
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import psutil

import vslide
from tests.deidentify.making import KNOWN, PERSON, make_docx, make_svs
from tests.faults.tally import Tally
from tests.viewer.making import make_slide

CHECKOUT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("NOCTURNE_DATA", CHECKOUT.parent / "shared" / "data"))
Say = Callable[[str], None]
STRIKES = ("kill all", "kill alone", "kill gate", "input changes", "disk full")
TYPED = {
    "kill gate": {"gate_failed"},
    "input changes": {"broken_input"},
    "disk full": {"disk_full", "gate_failed"},  # the gate finds no room for its certificate
}
REAL = ("CMU-1-Small-Region.svs", "camelyon_vl_wsi_jpeg2000.dcm")
PATIENCE_S, LOOKS_EVERY_S = 120.0, 0.001
CHANNELS = 4  # of the made mosaic
LEAST_BYTES = 4096  # of a disk that is too small: one page


@dataclass(frozen=True, slots=True)
class Work:
    """A source, and its clean file as an undisturbed run makes it in `seconds`; what it is asked with lies in
    `kit`.
    """

    source: Path
    kit: Path
    sha256: str
    bytes: int
    seconds: float


@dataclass
class Run:
    """One run of the command in a folder of its own, and what was seen of its destination."""

    process: subprocess.Popen[bytes]
    out: Path
    seen: str = ""

    def watch(self, ended: threading.Event) -> None:
        while not ended.is_set() and not self.seen:
            with contextlib.suppress(FileNotFoundError):
                self.seen = digest(self.out)
            time.sleep(LOOKS_EVERY_S)


def campaign(*, n: int, seed: int = 1, real: bool = True, say: Say = lambda words: None) -> Tally:
    """`n` strikes, dealt in turn over the kinds of strike and of file; the moments are the seed's."""
    random, tally, began = Random(seed), Tally(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="nocturne-cleaning-") as name:
        works = [undisturbed(source, Path(name)) for source in sources(Path(name), real=real)]
        for number in range(n):
            strike = STRIKES[number % len(STRIKES)]
            work = works[number // len(STRIKES) % len(works)]
            with room(Path(name), work, strike, random) as folder:
                problems = struck(work, folder, strike, random, tally)
            tally.tried += 1
            tally.problems += [f"{strike}, {work.source.name}: {problem}" for problem in problems]
            if (number + 1) % 25 == 0:
                say(f"{number + 1} of {n}, {time.monotonic() - began:.0f} s")
    tally.facts["disk"] = "tmpfs" if mountable() else "limit on the size of files"
    tally.facts["files"] = sorted(work.source.name for work in works)
    tally.seconds = time.monotonic() - began
    return tally


def sources(folder: Path, *, real: bool) -> Iterator[Path]:
    """One file of each way to be made clean, and real slides where they are at hand."""
    (folder / "known.json").write_text(json.dumps(KNOWN))
    (folder / "secret").write_bytes(bytes(range(32)))  # with it, twice made is twice the same
    yield make_svs(folder / "made.svs", PERSON.encode())
    yield make_docx(folder / "made.docx", [f"Patient: {PERSON}", "Gleason score 3+4=7"], PERSON.encode())
    yield make_slide(folder, "fluorescence", 4, 5)
    wanted = [SHARED / "wsi" / name for name in REAL] if real else []
    yield from (file for file in wanted if file.is_file())


def undisturbed(source: Path, folder: Path) -> Work:
    with tempfile.TemporaryDirectory(dir=folder) as name:
        began, out = time.monotonic(), Path(name) / f"clean{source.suffix}"
        done = command(source, out, folder).wait(PATIENCE_S)
        if done != 0:
            raise RuntimeError(f"{source.name} is not made clean at all: {told(out)}")
        return Work(source, folder, digest(out), out.stat().st_size, time.monotonic() - began)


def struck(work: Work, folder: Path, strike: str, random: Random, tally: Tally) -> list[str]:
    """One run that is struck and one that is not; what was wrong, in words."""
    source = folder.parent / f"struck{work.source.suffix}" if strike == "input changes" else work.source
    if source != work.source:
        source.write_bytes(work.source.read_bytes())
    small = strike == "disk full" and not mountable()
    limit = random.randrange(LEAST_BYTES, max(work.bytes, 2 * LEAST_BYTES)) if small else 0
    out = folder / f"clean{work.source.suffix}"
    run = Run(command(source, out, work.kit, limit), out)
    ended = threading.Event()
    watcher = threading.Thread(target=run.watch, args=(ended,))
    watcher.start()
    hit, children = _strike(strike, run, source, work.seconds * random.random())
    code = run.process.wait(PATIENCE_S)
    ended.set()
    watcher.join()
    psutil.wait_procs(children, PATIENCE_S)  # a gate that nobody waits for any more comes to its end
    tally.count(strike.replace(" ", "_"), int(hit))
    tally.count("finished_all_the_same", int(code == 0))
    return [*wrong(run, work, strike, code, tally), *_again(work, run.out, tally)]


def _strike(strike: str, run: Run, source: Path, after_s: float) -> tuple[bool, list[psutil.Process]]:
    """Whether there was still something to strike; who may outlive it."""
    if strike == "disk full":
        return True, []
    if strike == "kill gate":
        return _kill_gate(run, after_s), []
    with contextlib.suppress(subprocess.TimeoutExpired):
        run.process.wait(after_s)
        return False, []
    if strike == "input changes":
        with source.open("ab") as file:
            file.write(b"more")
        return True, []
    with contextlib.suppress(psutil.NoSuchProcess):
        children = psutil.Process(run.process.pid).children(recursive=True)
        for process in [psutil.Process(run.process.pid), *(children if strike == "kill all" else [])]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        return True, children
    return False, []


def _kill_gate(run: Run, after_s: float) -> bool:
    """As soon as it is there, or a moment later."""
    while run.process.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(run.process.pid).children():
                if "deidentify.gate" in child.cmdline():  # and not what compares the thumbnail
                    time.sleep(after_s / 4)
                    child.kill()
                    return True
        time.sleep(LOOKS_EVERY_S)
    return False


def wrong(run: Run, work: Work, strike: str, code: int, tally: Tally) -> list[str]:
    """What of a run must not have been, in words; counted too."""
    found = []
    now = digest(run.out) if run.out.exists() else ""
    partial = [seen for seen in (run.seen, now) if seen not in ("", work.sha256)]
    if partial:
        tally.silent += 1
        found.append("what was to be seen was not the whole clean file")
    if code == 0 and not now:
        tally.lost += 1
        found.append("it said that it had passed, and there is nothing")
    if code > 0 and (said := told(run.out)) not in TYPED.get(strike, set()):
        tally.unreadable += 1
        found.append(f"it ended with {code} and said {said or 'nothing'}")
    return found


def _again(work: Work, out: Path, tally: Tally) -> list[str]:
    """The same command with the file as it was; the room has been made larger."""
    if mountable() and os.path.ismount(out.parent):
        subprocess.run(["mount", "-o", "remount,size=256m", str(out.parent)], check=True)
    if out.exists():
        return []
    code = command(work.source, out, work.kit).wait(PATIENCE_S)
    left = sorted(file.name for file in out.parent.iterdir() if file not in (out, report_of(out)))
    if code or digest(out) != work.sha256:
        tally.unreadable += 1
        return [f"once more, it ended with {code} and said {told(out) or 'nothing'}"]
    return [f"it leaves {left}"] if left else []


@contextlib.contextmanager
def room(above: Path, work: Work, strike: str, random: Random) -> Iterator[Path]:
    """Where the clean file is to come: a folder, for a full disk one that is too small."""
    with tempfile.TemporaryDirectory(dir=above) as name:
        folder = Path(name) / "out"
        folder.mkdir()
        if strike != "disk full" or not mountable():
            yield folder
            return
        size = random.randrange(LEAST_BYTES, max(work.bytes, 2 * LEAST_BYTES))
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
        try:
            yield folder
        finally:
            subprocess.run(["umount", str(folder)], check=True)


def mountable() -> bool:
    """Whether this process may mount a disk of its own."""
    status = Path("/proc/self/status").read_text().splitlines()
    effective = next(line.split()[1] for line in status if line.startswith("CapEff"))
    return bool(int(effective, 16) >> 21 & 1)  # CAP_SYS_ADMIN


def command(source: Path, out: Path, kit: Path, limit: int = 0) -> subprocess.Popen[bytes]:
    """`manage deidentify` as a person would start it, with no file of more than `limit` bytes."""
    argv = [sys.executable, str(CHECKOUT / "manage.py"), "deidentify", str(source), str(out)]
    argv += ["--known", str(kit / "known.json"), "--secret", str(kit / "secret")]
    argv += ["--report", str(report_of(out))]

    def less() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.Popen(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=less if limit else None
    )


def report_of(out: Path) -> Path:
    return out.parent.parent / "report.json"


def told(out: Path) -> str:
    """The code of the error that the command wrote down."""
    with contextlib.suppress(OSError, ValueError):
        return str(json.loads(report_of(out).read_text()).get("code", ""))
    return ""


def digest(file: Path) -> str:
    """Of all its bytes; of a mosaic of all its pixels, as each clean one has an identity of its own."""
    if file.suffix == ".h5":
        return _pixels(file)
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _pixels(file: Path) -> str:
    found = hashlib.sha256()
    try:
        with vslide.open(file) as slide:
            for place, channel in itertools.product(slide.fields, range(CHANNELS)):
                found.update(slide.plane(place.index, channel).tobytes())
    except vslide.SlideError as error:
        return f"partial: {error}"
    return found.hexdigest()
