"""Does what answers at an endpoint keep the scanner protocol? Every check says in words what is wrong.

The kit uses the protocol alone, and is the slide proxy itself. A scanner with the capability "hands" is
given glass of the kit's own in its last slot. With any other scanner a person puts glass into a slot and
names it; without that, only the checks that need no glass are made.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from microscope.client import ScannerClient
from microscope.conformance import asking, control, glass, scans
from microscope.conformance.bench import PROXY, Bench, Check, NotAsked, Target, Wrong
from microscope.errors import UnknownJob
from microscope.messages import PROTOCOL
from wire import Insecure, WireError

__all__ = ["CHECKS", "PROXY", "Finding", "Target", "check_all", "summary"]

_ANSWER_S = 5.0
ANSWERS = "answers Describe"
CHECKS: Final[tuple[tuple[str, Check], ...]] = asking.CHECKS + glass.CHECKS + scans.CHECKS + control.CHECKS
"""In the order of what stands on what."""


class Finding(msgspec.Struct, frozen=True):
    """``problem`` says what is wrong, ``skipped`` why it was not asked; neither: it holds."""

    check: str
    problem: str | None = None
    skipped: str | None = None

    def __str__(self) -> str:
        if self.problem is not None:
            return f"FAIL  {self.check}: {self.problem}"
        return f"ok    {self.check}" if self.skipped is None else f"-     {self.check}: {self.skipped}"


def check_all(target: Target, *, only: Sequence[str] = ()) -> Iterator[Finding]:
    """Make every check, or those that are named (raises ``ValueError`` for a name that there is not)."""
    if unknown := set(only) - {name for name, _ in CHECKS} - {ANSWERS}:
        raise ValueError(f"there is no check {', '.join(sorted(unknown))}")
    with ScannerClient(target.address, timeout_s=min(_ANSWER_S, target.patience_s)) as scanner:
        try:
            info = scanner.describe()
        except Insecure:
            raise
        except (WireError, TypeError) as error:
            yield Finding(ANSWERS, f"{getattr(error, 'code', 'wrong reply')}: {error}")
            return
        yield Finding(ANSWERS)
        bench = Bench(target, scanner, info)
        for name, check in CHECKS:
            if not only or name in only:
                yield _made(name, lambda check=check: check(bench))  # type: ignore[misc]
                bench.settle()


def _made(name: str, check: Callable[[], None]) -> Finding:
    try:
        check()
    except Wrong as wrong:
        return Finding(name, str(wrong))
    except NotAsked as reason:
        return Finding(name, skipped=str(reason))
    except UnknownJob as error:
        return Finding(name, f"forgot job {error} that it had accepted")
    except TypeError as error:  # a reply of another kind, as the client says
        return Finding(name, str(error))
    except WireError as error:
        return Finding(name, f"answered with {error.code}: {error}")
    return Finding(name)


def summary(findings: Sequence[Finding]) -> str:
    failed = sum(finding.problem is not None for finding in findings)
    skipped = sum(finding.skipped is not None for finding in findings)
    left_out = f"; {skipped} checks were not made" if skipped else ""
    if failed:
        return f"{failed} of {len(findings)} checks failed{left_out}"
    return f"conforms to protocol {PROTOCOL}: {len(findings) - skipped} checks hold{left_out}"
