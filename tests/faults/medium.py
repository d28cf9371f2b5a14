"""What may be on the disk after a crash in the middle of a film (`tests.faults.recording`).

*Kill*: the process dies and the machine goes on. Every operation so far is there; of a write, any part.

*Power*: what was synced is there. Of a file's later writes each block is there or not, in any of its
versions since; its length is any that it had. Of a directory's later changes any are there (half of the
states: those up to a moment). Renames are atomic. This is the abstract persistence model of ALICE
(Pillai et al., OSDI 2014) with blocks of 4 KiB or 512 B; real file systems allow less.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from tests.faults.recording import ROOT, Names, Operation, Sync, SyncNames, Truncate, Write

BLOCKS = (4096, 512)
Entries = dict[str, int]


@dataclass(slots=True)
class _File:
    """`kept` is on the medium for sure; `later` has happened since, `doomed` will never get there."""

    kept: bytes = b""
    seen: bytearray = field(default_factory=bytearray)
    later: list[Write | Truncate] = field(default_factory=list)
    doomed: list[Write | Truncate] = field(default_factory=list)
    frozen: bytes | None = None


@dataclass(slots=True)
class _Folder:
    kept: Entries = field(default_factory=dict)
    seen: Entries = field(default_factory=dict)


class Image:
    """One state of the disk: `files` by their path ("a/b"), `folders`. Good until the film goes on."""

    def __init__(
        self, folders: Mapping[int, Entries], known: set[int], content: Callable[[int], bytes]
    ) -> None:
        self._content = content
        self._read: dict[int, bytes] = {}
        self.files: dict[str, int] = {}
        self.folders: set[str] = set()
        self._walk(folders, known, ROOT, "")

    def _walk(self, folders: Mapping[int, Entries], known: set[int], number: int, prefix: str) -> None:
        for name, inode in folders.get(number, {}).items():
            if inode in known:
                self.folders.add(f"{prefix}{name}")
                self._walk(folders, known, inode, f"{prefix}{name}/")
            else:
                self.files[f"{prefix}{name}"] = inode

    def content(self, path: str) -> bytes:
        number = self.files[path]
        if number not in self._read:
            self._read[number] = self._content(number)
        return self._read[number]

    def below(self, folder: str) -> dict[str, bytes]:
        """Content of the files directly in a folder, by name."""
        prefix = f"{folder}/"
        own = (path for path in self.files if path.startswith(prefix) and "/" not in path[len(prefix) :])
        return {path[len(prefix) :]: self.content(path) for path in sorted(own)}


class Medium:
    """The film is played into it operation by operation; between two of them it says what may be there."""

    def __init__(self, folders: set[int]) -> None:
        self._known = folders
        self._files: dict[int, _File] = {}
        self._folders: dict[int, _Folder] = {}
        self._changes: list[Names] = []

    def play(self, operation: Operation) -> None:
        match operation:
            case Write() | Truncate():
                file = self._file(operation.file)
                operation.apply(file.seen)
                file.later.append(operation)
                file.frozen = None
            case Sync():
                self._sync(operation)
            case Names():
                _enter(self._folder(operation.folder).seen, operation)
                self._changes.append(operation)
            case SyncNames():
                self._sync_names(operation.folder)

    def _file(self, number: int) -> _File:
        return self._files.setdefault(number, _File())

    def _folder(self, number: int) -> _Folder:
        return self._folders.setdefault(number, _Folder())

    def _sync(self, operation: Sync) -> None:
        file = self._file(operation.file)
        if operation.failed:
            file.doomed += file.later
        else:
            file.kept = bytes(file.seen) if not file.doomed else _replayed(file.kept, file.later)
        file.later = []

    def _sync_names(self, number: int) -> None:
        folder = self._folder(number)
        folder.kept = dict(folder.seen)
        self._changes = [change for change in self._changes if change.folder != number]

    # --- what may be there
    def killed(self, cut: tuple[Write, int] | None = None) -> Image:
        """After a kill; with `cut`, after the first bytes of that write."""

        def content(number: int) -> bytes:
            file = self._file(number)
            if cut and cut[0].file == number:
                seen = bytearray(file.seen)
                Write(number, cut[0].at, cut[0].data[: cut[1]]).apply(seen)
                return bytes(seen)
            if file.frozen is None:
                file.frozen = bytes(file.seen)
            return file.frozen

        return Image({number: folder.seen for number, folder in self._folders.items()}, self._known, content)

    def power_lost(self, random: Random, under_way: Operation | None = None) -> Image:
        """One of the states after a power cut, in the middle of `under_way`."""
        names = [*self._changes, *([under_way] if isinstance(under_way, Names) else [])]
        folders = {number: dict(folder.kept) for number, folder in self._folders.items()}
        for change in _some(random, names):
            _enter(folders.setdefault(change.folder, {}), change)
        block = random.choice(BLOCKS)
        writes = [under_way] if isinstance(under_way, Write | Truncate) else []

        def content(number: int) -> bytes:
            file = self._file(number)
            later = [*file.later, *(write for write in writes if write.file == number)]
            return _torn(random, file.kept, later, block)

        return Image(folders, self._known, content)


def _some(random: Random, changes: Sequence[Names]) -> Iterator[Names]:
    """Those up to a moment, or any."""
    if random.random() < 0.5:
        yield from changes[: random.randint(0, len(changes))]
    else:
        yield from (change for change in changes if random.random() < 0.5)


def _enter(entries: Entries, change: Names) -> None:
    for name, number in change.entries:
        if number is None:
            entries.pop(name, None)
        else:
            entries[name] = number


def _replayed(kept: bytes, operations: Sequence[Write | Truncate]) -> bytes:
    content = bytearray(kept)
    for operation in operations:
        operation.apply(content)
    return bytes(content)


def _torn(random: Random, kept: bytes, later: Sequence[Write | Truncate], block: int) -> bytes:
    """Each block in one of the versions it had since the last sync, the file with one of its lengths."""
    if not later:
        return kept
    lengths = [len(kept)]
    for operation in later:
        lengths.append(operation.length(lengths[-1]))
    longest = max(lengths)
    torn = bytearray(kept.ljust(longest, b"\0"))
    for number, touching in _touched(later, block, longest).items():
        piece = slice(number * block, min((number + 1) * block, longest))
        for operation in touching[: random.randint(0, len(touching))]:
            torn[piece] = _overlaid(bytes(torn[piece]), piece.start, operation)
    length = random.choice(lengths)
    if random.random() < 0.5:  # one that the file system had come to on its way
        length = max(min(len(kept), length), length // block * block)
    return bytes(torn[:length])


def _touched(
    later: Sequence[Write | Truncate], block: int, longest: int
) -> dict[int, list[Write | Truncate]]:
    touched: dict[int, list[Write | Truncate]] = {}
    for operation in later:
        stop = longest if operation.stop is None else operation.stop
        for number in range(operation.start // block, -(-stop // block)):
            touched.setdefault(number, []).append(operation)
    return touched


def _overlaid(piece: bytes, start: int, operation: Write | Truncate) -> bytes:
    """A block that begins at byte `start` of the file, after the operation."""
    if isinstance(operation, Truncate):
        return piece[: max(0, operation.size - start)].ljust(len(piece), b"\0")
    begin, end = max(0, operation.at - start), min(len(piece), operation.stop - start)
    skipped = max(0, start - operation.at)
    return piece[:begin] + operation.data[skipped : skipped + end - begin] + piece[end:]
