"""Sound files made unsound: bits turned over, ends cut off, parts put elsewhere, lengths that lie."""

from collections.abc import Sequence
from random import Random

LIES = (
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\0\0\0\0",
    b"\xff" * 8,
    b"\0\0\0\x80",
)


def mutated(sound: Sequence[bytes], random: Random) -> bytes:
    """One of the sound files with one to four things wrong with it."""
    data = bytearray(random.choice(sound))
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        if data:
            random.choice(_WAYS)(data, sound, random)
    return bytes(data)


def _flip(data: bytearray, sound: Sequence[bytes], random: Random) -> None:
    for _ in range(random.choice((1, 1, 2, 8))):
        data[_place(data, random)] ^= 1 << random.randrange(8)


def _cut(data: bytearray, sound: Sequence[bytes], random: Random) -> None:
    del data[_place(data, random) :]


def _lie(data: bytearray, sound: Sequence[bytes], random: Random) -> None:
    at, lie = _place(data, random), random.choice(LIES)
    data[at : at + len(lie)] = lie


def _splice(data: bytearray, sound: Sequence[bytes], random: Random) -> None:
    other, at = random.choice(sound), _place(data, random)
    start = random.randrange(max(len(other), 1))
    data[at : at + random.randint(0, 64)] = other[start : start + random.randint(1, 4096)]


def _repeat(data: bytearray, sound: Sequence[bytes], random: Random) -> None:
    at = _place(data, random)
    data[at:at] = bytes(data[at : at + random.randint(1, 256)]) * random.randint(1, 64)


def _loop(data: bytearray, sound: Sequence[bytes], random: Random) -> None:
    """A number that leads back to an earlier place: directories and lists that run in a circle."""
    at = _place(data, random)
    data[at : at + 4] = random.randrange(min(len(data), 4096) + 1).to_bytes(
        4, random.choice(("big", "little"))
    )


def _place(data: bytearray, random: Random) -> int:
    """Headers and tails hold the tables: half of all places are there."""
    near = min(len(data), 600)
    if random.random() < 0.5:
        return random.choice((random.randrange(near), len(data) - 1 - random.randrange(near)))
    return random.randrange(len(data))


_WAYS = (_flip, _flip, _cut, _lie, _lie, _splice, _repeat, _loop)
