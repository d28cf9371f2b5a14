"""`python -m tests.faults.world --first SEED --seeds N`: nights of this world, each as one line of JSON."""

import argparse
import gc
import json
import logging
import shutil
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from config.celery import app
from tests.faults.world.load import Records
from tests.faults.world.night import Lived, live
from tests.faults.world.sabotage import SABOTAGES

TASKS = (
    "core.tasks",
    "scanning.tasks",
    "corpus.tasks",
    "overview.tasks",
)  # what the workers of this world know


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog="world", description=__doc__)
    found.add_argument("--first", type=int, default=1)
    found.add_argument("--seeds", type=int, default=1)
    found.add_argument("--step", type=int, default=1, help="from one seed to the next")
    found.add_argument("--slides", type=int, default=400)
    found.add_argument("--trace", action="store_true", help="tell the whole story")
    found.add_argument(
        "--without",
        nargs="+",
        default=[""],
        choices=list(SABOTAGES),
        metavar="SAFEGUARD",
        help="live each night once without each of these",
    )
    found.add_argument(
        "--plain", action="store_true", help="with every query built anew: slower, and the same"
    )
    return found


def as_json(lived: Lived) -> dict[str, object]:
    account = lived.account
    return {
        "seed": lived.seed, "without": lived.sabotage, "held": account.held,
        "published": account.published, "failed": account.failed, "skipped": account.skipped,
        "unknown": account.unknown, "lost": account.lost, "silent": account.silent,
        "unreadable": account.unreadable, "duplicates": account.duplicates,
        "problems": account.problems, "failures": account.failures, "faults": lived.faults,
        "fingerprint": lived.fingerprint, "seconds": round(lived.seconds, 2), "statements": lived.statements,
    }  # fmt: skip


def _tell(words: str) -> None:
    print(words, flush=True)


def main(argv: list[str]) -> int:
    options = parser().parse_args(argv)
    logging.disable(logging.CRITICAL)
    for module in TASKS:
        import_module(module)
    records = Records(options.slides)
    gc.freeze()
    gc.disable()  # a fifth of the time; each night's garbage goes at its end
    held = True
    for seed in range(options.first, options.first + options.seeds * options.step, options.step):
        for safeguard in options.without:
            lived = _lived(seed, safeguard, options, records)
            print(json.dumps(as_json(lived)), flush=True)
            held = held and lived.account.held
    return 0 if held else 1


def _lived(seed: int, safeguard: str, options: argparse.Namespace, records: Records) -> Lived:
    folder = Path(tempfile.mkdtemp(prefix="nocturne-night-", dir=tempfile.gettempdir()))
    try:
        return live(
            seed,
            folder=folder,
            records=records,
            app=app,
            sabotage=safeguard,
            plain=options.plain,
            tell=_tell if options.trace else None,
        )
    finally:
        shutil.rmtree(folder)
        gc.collect()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
