"""`python -m tests.faults.world --first SEED --seeds N`: nights of this world, each as one line of JSON."""

import argparse
import gc
import json
import logging
import shutil
import sys
import tempfile
from pathlib import Path

from config.celery import app
from tests.faults.world.load import Records
from tests.faults.world.night import Lived, live
from tests.faults.world.sabotage import SABOTAGES


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog="world", description=__doc__)
    found.add_argument("--first", type=int, default=1)
    found.add_argument("--seeds", type=int, default=1)
    found.add_argument("--step", type=int, default=1, help="from one seed to the next")
    found.add_argument("--slides", type=int, default=400)
    found.add_argument("--trace", action="store_true", help="tell the whole story")
    found.add_argument(
        "--without", default="", choices=list(SABOTAGES), help="the safeguard that is taken away"
    )
    return found


def as_json(lived: Lived) -> dict[str, object]:
    account = lived.account
    return {
        "seed": lived.seed, "held": account.held, "published": account.published, "failed": account.failed,
        "skipped": account.skipped, "unknown": account.unknown, "lost": account.lost,
        "silent": account.silent, "unreadable": account.unreadable, "duplicates": account.duplicates,
        "problems": account.problems, "failures": account.failures, "faults": lived.faults,
        "fingerprint": lived.fingerprint, "seconds": round(lived.seconds, 2), "statements": lived.statements,
    }  # fmt: skip


def _tell(words: str) -> None:
    print(words, flush=True)


def main(argv: list[str]) -> int:
    options = parser().parse_args(argv)
    logging.disable(logging.CRITICAL)
    app.loader.import_default_modules()
    records = Records(options.slides)
    gc.freeze()
    gc.disable()  # a fifth of the time; each night's garbage goes at its end
    held = True
    for seed in range(options.first, options.first + options.seeds * options.step, options.step):
        folder = Path(tempfile.mkdtemp(prefix="nocturne-night-", dir=tempfile.gettempdir()))
        try:
            lived = live(
                seed,
                folder=folder,
                records=records,
                app=app,
                sabotage=options.without,
                tell=_tell if options.trace else None,
            )
        finally:
            shutil.rmtree(folder)
            gc.collect()
        print(json.dumps(as_json(lived)), flush=True)
        held = held and lived.account.held
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
