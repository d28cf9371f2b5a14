"""The evening's load: what the record says of it, and what really stands in the slots."""

from collections.abc import Sequence
from random import Random

from core.models import User
from lims import services as bench
from lims.models import Batch, Block, Case, Patient, Slide, Specimen
from lims.services import Placement
from tests.faults.world import database
from tests.faults.world.people import cast_of_the_night
from tests.faults.world.scanner import AT_ONCE, IN_THE_MIDST, Glass
from tests.faults.world.seams import in_the_afternoon

STAINS = ("H&E", "H&E", "H&E", "IHC Ki-67", "IF DAPI")
FLAWS = (*AT_ONCE, *IN_THE_MIDST, "stall", "missing_fields", "blurred")
POISONS = ("snap", "scan", "collect")


class Records:
    """The record with every glass loaded, one batch for each scanner; made once for each number of these."""

    def __init__(self, slides: int) -> None:
        self._slides, self._empty = slides, database.prepare()
        self._made: dict[int, bytes] = {}

    def of(self, scanners: int) -> bytes:
        if scanners not in self._made:
            database.open_copy(self._empty)
            with in_the_afternoon():
                _load(cast_of_the_night(), _register(self._slides), scanners)
            self._made[scanners] = database.copy()
        return self._made[scanners]


def _load(tess: User, slides: Sequence[Slide], scanners: int) -> None:
    share = -(-len(slides) // scanners)
    for at in range(scanners):
        batch = bench.create_batch(name=f"Night {1 + at}", actor=tess)
        mine = slides[at * share : (at + 1) * share]
        load = [Placement(*place, slide.barcode) for place, slide in zip(places(mine), mine, strict=True)]
        bench.load(batch=batch, placements=load, actor=tess)


def places(slides: Sequence[Slide]) -> list[tuple[int, int]]:
    return [(1 + at // 10, 1 + at % 10) for at in range(len(slides))]


def slides_in(batch: Batch) -> list[Slide]:
    """In the order of their slots."""
    found = Slide.objects.filter(slots__carousel__batch=batch)
    return list(found.order_by("slots__carousel__number", "slots__position"))


def _register(count: int) -> list[Slide]:
    """Slides at the accession desk: one case for ten of them."""
    patient = Patient.objects.create(mrn="10000000", family_name="Nakamura")
    cases = Case.objects.bulk_create(
        Case(accession=f"S26-{number:05d}", patient=patient) for number in range(-(-count // 10))
    )
    parts = Specimen.objects.bulk_create(Specimen(case=case) for case in cases)
    blocks = Block.objects.bulk_create(Block(specimen=part) for part in parts)
    return Slide.objects.bulk_create(
        Slide(
            barcode=f"N-{at:04d}", block=blocks[at // 10], stain=STAINS[at % len(STAINS)], duplicate=at % 10
        )
        for at in range(count)
    )


def glasses_of(slides: Sequence[Slide], random: Random) -> list[Glass]:
    """Mostly good ones. Some are doubtful or empty, a few have a flaw, two stand in each other's slot."""
    faulty = random.choice((0.0, 0.02, 0.05))
    made = [_glass(slide.barcode, random, faulty) for slide in slides]
    if len(made) > 1 and random.random() < 0.5:
        one, other = random.sample(range(len(made)), 2)
        made[one], made[other] = made[other], made[one]
    if random.random() < 0.5:
        for glass in random.sample(made, min(2, len(made))):
            glass.poison = random.choice(POISONS)
    return made


def _glass(barcode: str, random: Random, faulty: float) -> Glass:
    glass = Glass(barcode, read=barcode)
    chance = random.random()
    if chance < 0.01:
        glass.picture = "empty"
    elif chance < 0.06:
        glass.picture = "doubtful"
    elif chance < 0.065:
        glass.read = None
    elif random.random() < faulty:
        glass.flaw, glass.strikes = random.choice(FLAWS), random.choice((1, 1, 99))
    return glass
