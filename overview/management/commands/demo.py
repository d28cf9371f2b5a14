"""`manage demo`: the night and morning that `./nocturne demo` shows, against a laboratory that is up."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from core.errors import NocturneError
from lims.models import CAROUSELS, SLOTS
from overview.demo import Outcome, tell
from overview.demo.stage import console


class Command(BaseCommand):
    help = "Take slides of the simulated scanner through a whole compressed night and morning, to release 1."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--slides", type=int, default=40)
        parser.add_argument("--seed", type=int, default=7)
        parser.add_argument("--json", type=Path, help="write the figures here")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["slides"] <= CAROUSELS * SLOTS:
            raise CommandError(f"--slides: 1 to {CAROUSELS * SLOTS}, a loader's worth")
        try:
            outcome = tell(stage=console(), slides=options["slides"], seed=options["seed"])
        except (NocturneError, OperationalError) as error:
            raise CommandError(str(error)) from error
        self._report(outcome)
        if options["json"]:
            options["json"].write_text(json.dumps(outcome.as_json(), indent=1) + "\n", encoding="utf-8")
        if not outcome.accounted:
            raise CommandError("Not every slide is accounted for: see the figures above.")

    def _report(self, outcome: Outcome) -> None:
        lines = [
            "",
            f"  slides        {outcome.slides:>5} = {outcome.published} published"
            f" + {outcome.failed} failed + {outcome.skipped} skipped",
            f"  rescanned     {outcome.rescans:>5} on their second attempt",
            f"  de-identified {outcome.deidentified:>5}",
            f"  read          {outcome.read:>5}",
            f"  released      {outcome.released:>5}  {outcome.release_path}",
            f"  fields lost   {outcome.lost_fields:>5}",
            f"  PHI found     {outcome.phi_hits:>5}",
            f"  time          {outcome.elapsed_s:>5.0f} s",
            "",
        ]
        self.stdout.write("\n".join(lines))
        logins = Path(settings.VAR) / "logins.json"
        if logins.exists():
            people = json.loads(logins.read_text(encoding="utf-8"))
            self.stdout.write(
                "  may log in    " + ", ".join(f"{name} / {word}" for name, word in people.items())
            )
