"""Pathology reports of invented people, with every stretch that names somebody marked; the same seed gives
the same reports.

Layouts: two columns, a table, capitals, a letter, names over several lines. Every fifth report is as OCR
gives it: a character of a name or number misread, blanks lost.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

from deidentify.known import Known

GIVEN = (
    "Rosa", "Adaeze", "Jürgen", "Mei-Ling", "Siobhan", "Tomasz", "Anh", "Priyanka", "Oluwaseun", "Katarzyna", "Quentin",  # noqa: E501
    "Beatriz", "Noor", "Hiroshi", "Mark", "Grace", "Rose", "Hope", "Will", "Anneliese", "Xiomara", "Ibrahim", "Yael",  # noqa: E501
    "Dmitri",
)  # fmt: skip
FAMILY = (
    "Vandermeer", "Okafor", "Mbeki", "O'Rourke", "Castañeda", "Nguyen-Bell", "Wilson", "Green", "Young", "Rice", "Hill",  # noqa: E501
    "Kowalczyk", "Abubakar", "Briain", "Lindqvist", "Papadopoulos", "Yamamoto", "Clark", "Banks", "McAllister",  # noqa: E501
    "Szymański", "Thistlethwaite", "Ferreira", "Drăgulescu",
)  # fmt: skip
STREETS = ("Elm Street", "Larkspur Lane", "N. Broad St", "Old Mill Road", "Juniper Ct")
HOSPITALS = (
    "St. Brendan's Hospital",
    "Fairmount Medical Center",
    "Larkspur Valley Clinic",
    "Temple University Hospital",
)
DATES = (
    "%m/%d/%Y",
    "%m/%d/%y",
    "%Y-%m-%d",
    "%d-%b-%Y",
    "%B %d, %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%m-%d-%Y",
    "%d.%m.%Y",
    "%b. %d, %Y",
)
FINDINGS = (
    "Prostatic adenocarcinoma, Gleason score 3+4=7 (Grade Group 2), involving 3 of 12 cores.",
    "Invasive ductal carcinoma, Nottingham grade 2; ER 95%, PR 80%, HER2 negative (1+), Ki-67 20%.",
    "Barrett's esophagus with low-grade dysplasia; Alcian blue highlights goblet cells.",
    "Classical Hodgkin lymphoma; Reed-Sternberg cells are CD30 and CD15 positive, PAX5 weak.",
    "Papillary thyroid carcinoma, BRAF V600E mutated, 1.2 cm; Hashimoto thyroiditis in the background.",
    "Melanoma, Breslow depth 0.8 mm, Clark level III, no ulceration; pT1a.",
    "Crohn disease with granulomas; Ziehl-Neelsen and Grocott stains show no organisms.",
    "Warthin tumor of the parotid gland, completely excised.",
    "Wilms tumor with favorable histology; WT1 retained.",
    "Clear cell renal cell carcinoma, Fuhrman grade 3, inked margin free by 4 mm; pT2a N0.",
    "Paget disease of the nipple; CK7 and HER2 positive, S100 negative.",
    "Colonic adenocarcinoma; MLH1 and PMS2 lost, MSH2 and MSH6 retained; 0/18 lymph nodes.",
)
GROSS = (
    "The specimen is received fresh and measures 4.2 x 3.1 x 1.5 cm; it is inked green and black.",
    "Twelve tan-white cores, 0.8 to 1.6 cm long, entirely submitted in cassettes A1-A12.",
    "A well circumscribed brown nodule abuts the deep margin; representative sections in B1-B4.",
)


@dataclass
class Marked:
    """A text under construction and its stretches: (class, start, end)."""

    text: str = ""
    spans: list[tuple[str, int, int]] = field(default_factory=list)

    def add(self, *parts: "str | tuple[str, str]") -> "Marked":
        for part in parts:
            kind, words = ("", part) if isinstance(part, str) else part
            start = len(self.text)
            self.text += words
            if kind:
                self.spans.append((kind, start, len(self.text)))
        return self


@dataclass(frozen=True)
class Made:
    """A report, its stretches, what the record knows of it, and what must not be lost."""

    text: str
    spans: tuple[tuple[str, int, int], ...]
    known: Known
    layout: str


class Story:
    """One invented case."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.given, self.family = dice.choice(GIVEN), dice.choice(FAMILY)
        self.middle = dice.choice("ABCDEGHJKLMNPRSTW")
        self.clinician = (dice.choice(GIVEN), dice.choice(FAMILY))
        self.pathologist = (dice.choice(GIVEN), dice.choice(FAMILY))
        self.mrn = f"{dice.randrange(10**7, 10**8):08d}"
        self.accession = f"S{dice.randrange(15, 26)}-{dice.randrange(1000, 99999)}"
        self.phone = f"(215) 555-{dice.randrange(1000, 9999)}"
        self.address = f"{dice.randrange(2, 9999)} {dice.choice(STREETS)}"
        self.hospital = dice.choice(HOSPITALS)
        self.received = date(2015, 1, 5) + timedelta(days=dice.randrange(3600))
        self.age = dice.choice((34, 47, 58, 66, 71, 83, 89, 91, 94))
        self.born = self.received - timedelta(days=self.age * 365 + dice.randrange(30, 300))
        self.finding, self.gross = dice.choice(FINDINGS), dice.choice(GROSS)

    @property
    def known(self) -> Known:
        """As the laboratory's record has it: no phone, no address, not the pathologist."""
        return Known(
            names=(f"{self.given} {self.family}", f"{self.clinician[0]} {self.clinician[1]}"),
            identifiers=(self.mrn, self.accession, f"{self.accession}-A1-1"),
            dates=(self.born.isoformat(), self.received.isoformat()),
        )

    def day(self, moment: date, kind: str = "date") -> tuple[str, str]:
        return kind, moment.strftime(self.dice.choice(DATES))

    def name(self) -> tuple[str, str]:
        g, f, m = self.given, self.family, self.middle
        shapes = (
            f"{g} {f}",
            f"{g} {m}. {f}",
            f"{f}, {g}",
            f"{f}, {g} {m}.",
            f"{f.upper()}, {g.upper()}",
            f"{g[0]}. {f}",
        )
        return "patient", self.dice.choice(shapes)

    def doctor(self) -> tuple[str, str]:
        g, f = self.clinician
        return "clinician", self.dice.choice((f"{g} {f}", f"{g[0]}. {f}", f"{f}, {g}", f))

    def aged(self) -> tuple[str, str]:
        return ("age above 89" if self.age > 89 else "", str(self.age))


def columns(story: Story, out: Marked) -> None:
    out.add("Patient Name: ", story.name(), "     MRN: ", ("MRN", story.mrn), "\n")
    out.add(
        "DOB: ", story.day(story.born, "birth date"), "     Accession: ", ("accession", story.accession), "\n"
    )
    out.add("Physician: ", story.doctor(), "     Phone: ", ("phone", story.phone), "\n")
    out.add("Address: ", ("address", story.address), "\nReceived: ", story.day(story.received), "\n")


def table(story: Story, out: Marked) -> None:
    out.add("Patient\t", story.name(), "\nMedical record number\t", ("MRN", story.mrn), "\n")
    out.add(
        "Date of birth\t",
        story.day(story.born, "birth date"),
        "\nAccession\t",
        ("accession", story.accession),
        "\n",
    )
    out.add("Home phone\t", ("phone", story.phone), "\nAddress\t", ("address", story.address), "\n")
    out.add("Clinician\t", story.doctor(), "\nReceived\t", story.day(story.received), "\n")


def capitals(story: Story, out: Marked) -> None:
    full = f"{story.given} {story.family}".upper()
    out.add(
        "SURGICAL PATHOLOGY REPORT ",
        ("accession", story.accession),
        "\nPATIENT: ",
        ("patient", full),
        "  MRN#: ",
        ("MRN", story.mrn),
        "\n",
    )
    out.add("D.O.B.: ", story.day(story.born, "birth date"), "  TEL: ", ("phone", story.phone), "\n")
    out.add("ADDRESS: ", ("address", story.address.upper()), "\nRECEIVED: ", story.day(story.received), "\n")


def letter(story: Story, out: Marked) -> None:
    out.add(
        ("hospital", story.hospital),
        "\n",
        story.day(story.received),
        "\n\nDear Dr. ",
        ("clinician", story.clinician[1]),
        ",\n\n",
    )
    out.add(
        "Re: ",
        story.name(),
        ", born ",
        story.day(story.born, "birth date"),
        ", ",
        ("address", story.address),
        ", MRN ",
        ("MRN", story.mrn),
        "\n",
    )
    out.add(
        "Thank you for the specimen ",
        ("accession", story.accession),
        ". The family may be called at ",
        ("phone", story.phone),
        ".\n",
    )


def broken(story: Story, out: Marked) -> None:
    out.add(
        "Patient:\n",
        ("patient", f"{story.family},\n{story.given} {story.middle}."),
        "\nRecord number:\n",
        ("MRN", story.mrn),
        "\n",
    )
    half = len(story.family) // 2
    if half >= 3 and story.family.isalpha():
        out.add("We saw ", ("patient", f"{story.family[:half]}-\n{story.family[half:]}"), " in clinic.\n")
    out.add(
        "Case ", ("accession", story.accession.replace("-", " ")), " of ", story.day(story.received), "\n"
    )
    out.add(
        "Born ",
        story.day(story.born, "birth date"),
        ", phone ",
        ("phone", story.phone),
        ", lives at ",
        ("address", story.address),
        "\n",
    )


LAYOUTS: tuple[Callable[[Story, Marked], None], ...] = (columns, table, capitals, letter, broken)


def body(story: Story, out: Marked) -> None:
    out.add(
        "\nCLINICAL HISTORY\nA ",
        story.aged(),
        "-year-old seen at ",
        ("hospital", story.hospital),
        " on ",
        story.day(story.received),
        ".\n",
    )
    out.add(
        'GROSS DESCRIPTION\nLabelled "', story.name(), " / ", ("MRN", story.mrn), '". ', story.gross, "\n"
    )
    out.add("DIAGNOSIS\n", story.finding, "\n")
    out.add(
        "COMMENT\n",
        story.name(),
        " was discussed with Dr. ",
        story.doctor(),
        " on ",
        story.day(story.received + timedelta(days=3)),
        ". ",
    )
    out.add(story.dice.choice(FINDINGS), " See also ", ("accession", story.accession), ".\n")
    g, f = story.pathologist
    out.add("Electronically signed by ", ("pathologist", f"{g} {f}"), ", M.D.\n")


MISREAD = {
    "0": "O",
    "1": "l",
    "5": "S",
    "8": "B",
    "O": "0",
    "l": "1",
    "S": "5",
    "B": "8",
    "i": "l",
    "e": "c",
    "n": "ri",
    "m": "rn",
}


def misread(made: Marked, dice: random.Random) -> Marked:
    """One character of every third name or number of six and more is misread."""
    out, at = Marked(), 0
    for kind, start, end in made.spans:
        out.add(made.text[at:start])
        words = made.text[start:end]
        spots = [n for n, mark in enumerate(words) if n and mark in MISREAD]
        if (
            kind in ("patient", "clinician", "MRN", "accession")
            and len(words) >= 6
            and spots
            and dice.random() < 0.33
        ):
            spot = dice.choice(spots)
            words = words[:spot] + MISREAD[words[spot]] + words[spot + 1 :]
        out.add((kind, words))
        at = end
    return out.add(made.text[at:])


def report(number: int, seed: int = 7) -> Made:
    dice = random.Random(f"{seed}-{number}")
    story, out, layout = Story(dice), Marked(), LAYOUTS[number % len(LAYOUTS)]
    layout(story, out)
    body(story, out)
    if number % 5 == (number // 5) % 5:
        out = misread(out, dice)
    spans = tuple((kind, start, end) for kind, start, end in out.spans if kind)
    return Made(out.text, spans, story.known, layout.__name__)
