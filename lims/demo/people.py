"""People who do not exist. Names are put together at random from lists of common ones."""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

FEMALE = (
    "Amara", "Beatriz", "Chloé", "Dagny", "Elif", "Fatima", "Grace", "Hanna", "Ingrid", "Jasmine",
    "Keiko", "Leila", "María José", "Ngozi", "Olga", "Priya", "Rosa", "Siobhán", "Thandiwe", "Ursula",
    "Verónica", "Wanjiru", "Xin", "Zofia",
)  # fmt: skip
MALE = (
    "Ahmed", "Bartosz", "Chidi", "Diego", "Émile", "Farid", "Giovanni", "Hiroshi", "Ivan", "Jürgen",
    "Kwame", "Lars", "Mateo", "Nikhil", "Oluwaseun", "Pedro", "Rashid", "Seán", "Tomás", "Uriel",
    "Viktor", "William", "Yusuf", "Zoltán",
)  # fmt: skip
FAMILY = (
    "Abebe", "Andersson", "Baptiste", "Castillo", "Czarnecki", "da Silva", "Delacroix", "El-Amin",
    "Fernández", "Garcia", "Haddad", "Ibrahim", "Johnson", "Kowalczyk", "Kumar", "Lindholm",
    "MacGregor", "Moreau", "Nakamura", "Nguyen", "O’Connor", "Okonkwo", "Papadopoulos", "Quintero",
    "Rosenthal", "Sørensen", "Schäfer", "Takahashi", "Tran", "van den Berg", "Washington", "Wójcik",
    "Yamamoto", "Yıldız", "Zhang", "Žukauskas",
)  # fmt: skip
CLINICIANS = (
    "Dr. Miriam Adler", "Dr. James Whitfield", "Dr. Sofia Marchetti", "Dr. Rajesh Menon",
    "Dr. Helen Ostrowski", "Dr. Ben Achebe", "Dr. Carla Esteves", "Dr. Tuomas Virtanen",
)  # fmt: skip
PATHOLOGISTS = ("Paul Lindqvist, M.D.", "Petra Novak, M.D.", "Nora Blumenfeld, M.D.")


@dataclass(frozen=True)
class Person:
    mrn: str
    family: str
    given: str
    sex: str
    born: date

    @property
    def full(self) -> str:
        return f"{self.given} {self.family}"

    @property
    def title(self) -> str:
        return "Ms." if self.sex == "F" else "Mr."

    @property
    def pronoun(self) -> str:
        return "She" if self.sex == "F" else "He"

    @property
    def noun(self) -> str:
        return "woman" if self.sex == "F" else "man"

    def age(self, on: date) -> int:
        return on.year - self.born.year - ((on.month, on.day) < (self.born.month, self.born.day))


def person(random: Random, *, sex: str, today: date, taken: set[str]) -> Person:
    """One new person with an MRN of eight digits that nobody in `taken` has; it is added there."""
    while (mrn := f"{random.randrange(10_000_000, 100_000_000)}") in taken:
        continue
    taken.add(mrn)
    born = today - timedelta(days=random.randrange(24 * 365, 93 * 365))
    given = random.choice(FEMALE if sex == "F" else MALE)
    return Person(mrn, random.choice(FAMILY), given, sex, born)
