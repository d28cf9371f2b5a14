"""Rules that need no label and no known value: common given names before another name, institutions and
towns, numbers beside the words that announce them.
"""

import re
from collections.abc import Iterator
from typing import Final

from deidentify.reports import lexicon as words
from deidentify.reports.gazetteer import GIVEN, INSTITUTIONS, TOWNS
from deidentify.reports.spans import Span

_CAPITAL: Final = r"[A-Z][^\W\d_'’]*(?:['’\-][^\W\d_]+)*"
_GIVEN: Final = "|".join(sorted(GIVEN, key=lambda name: (-len(name), name)))
_FORENAME: Final = rf"(?:{_GIVEN})(?:-[A-Z][a-z]+)?"
_PEOPLE: Final = (
    re.compile(rf"(?<![\w'’-])(?P<v>{_FORENAME}(?:[ ][A-Z]\.?(?=[ ][A-Z]))*[ ](?P<last>[A-Z]\.(?!\w)|[A-Z](?![\w'’\-])|{_CAPITAL}))"),  # noqa: E501
    re.compile(rf"(?<![\w'’-])(?P<v>(?P<last>{_CAPITAL}),[ ]?{_FORENAME}(?![\w'’-])(?:[ ][A-Z](?:\.|\b(?!\w)))?)"),  # noqa: E501
    re.compile(rf"(?<![\w'’-])(?P<v>(?:{_GIVEN.upper()})(?:[ ][A-Z]\.?(?=[ ]))?[ ](?P<last>[A-Z][A-Z'’\-]{{2,}})(?!\w))"),  # noqa: E501
    re.compile(rf"(?<![\w'’-])(?P<v>(?P<last>[A-Z][A-Z'’\-]+),[ ]?(?:{_GIVEN.upper()})(?!\w)(?:[ ][A-Z]\b\.?)?)"),  # noqa: E501
)  # fmt: skip
_PLACE: Final = rf"(?:St\.?[ ]|Mt\.?[ ])?{_CAPITAL}(?:(?:[ ](?:of|the|for|and|&))*[ ]{_CAPITAL}){{0,5}}"
_HOUSE: Final = (
    r"(?:Hospitals?|Hosp|Medical|Med(?=\W)|Clinics?|clinic|Center|Centre|Ctr|Health(?:care)?|Infirmary|University|"
    r"Institute|Memorial|General|Sanatorium|Laborator(?:y|ies)|Oncology|Associates)"
)
_PLACES: Final = (
    re.compile(rf"(?<![\w'’-])(?P<v>(?:St\.?[ ]|Mt\.?[ ])?{_CAPITAL}(?:[ ](?:of[ ]|&[ ])?{_CAPITAL}){{0,4}}[ ]{_HOUSE}\b\.?"  # noqa: E501
               rf"(?:[ ](?:of|in)[ ]{_CAPITAL})?)"),
    re.compile(rf"\b(?:[Ss]een|[Tt]reated|[Aa]dmitted|[Oo]perated|[Ee]valuated|[Hh]ospitali[sz]ed|[Rr]eferred|[Rr]eviewed|"
               rf"[Ss]cheduled|[Vv]isited|[Pp]resented|[Ll]ives?|[Rr]esid(?:es?|ing)|[Ll]iving|[Dd]ischarged|[Tt]ransferred|"
               rf"[Cc]onsulted|[Pp]erformed|[Dd]one|[Bb]orn)[ ](?:[a-z]+[ ]){{0,3}}?(?:at|in|from|to|near|@)[ ](?:the[ ])?(?P<v>{_PLACE}(?:,[ ][A-Z]{{2}}\b)?)"),  # noqa: E501
    re.compile(rf"(?:@|\bat)[ ](?:the[ ])?(?P<v>(?:St|Mt)\.?[ ]{_CAPITAL})"),
    re.compile(rf"(?<![\w'’-])(?P<v>{'|'.join(map(re.escape, INSTITUTIONS))})(?!\w)"),
    re.compile(rf"(?:\b[Ii]n|\b[Ff]rom|\b[Nn]ear|\b[Oo]f|\b[Oo]ur|\b[Aa]t|\b[Tt]o|,|@)[ ](?P<v>(?:{'|'.join(map(re.escape, TOWNS))})(?!\w)(?:,[ ][A-Z]{{2}}\b)?)"),  # noqa: E501
)  # fmt: skip
_ANNOUNCED: Final = re.compile(
    r"\b(?:MRN|M\.R\.N\.|SSN|CSN|(?:medical|patient|health|hospital)[ ](?:record|chart)s?|(?:pt|patient|site|member|insurance|insurer|"  # noqa: E501
    r"insur|policy|plan|client|case|record|chart|beneficiary|subscriber|group|account|user)[ ]?(?:ID|no\.?|number|code|\#)|"  # noqa: E501
    r"ins(?:urance|\.)?(?:[ ](?:plan|policy))?|acct?\.?|account|licen[sc]e|ref\.?(?:erence)?(?:[ ]code)?|ID)"
    r"(?:[ ](?:is|no\.?|number|num|under|code|ID|was|\#)){0,4}[ ]?[:#=]{0,3}[ ]?\#?(?P<v>(?=(?:[A-Za-z_\-/]{0,12}\d){3})[A-Za-z0-9][\w\-/]{3,})",  # noqa: E501
    re.IGNORECASE,
)
_NEVER: Final = (
    words.KEPT
    | words.HEADINGS
    | words.STARTERS
    | words.listed(
        """
        stage grade level levels part block specimen figure table gleason score type group class phase
        january february march april may june july august september october november december monday tuesday
        wednesday thursday friday saturday sunday formalin he she it they duke arbor right left upper lower
        middle superior inferior anterior posterior medial lateral proximal distal deep lymph ventana dako leica
        roche
        """  # noqa: E501
    )
)
"""Words that stand where a name might and are none."""

_NO_PERSON_AFTER: Final = re.compile(
    r"\W{0,3}(?:scor(?:e|ing)|grad(?:e|ing)|typ(?:e|ing)|stag(?:e|ing)|classification|criteri(?:a|on)|system|index|rating|"
    r"disease|syndrome|lymphoma|tumou?r|stain|trichrome|blue|red|clone|antibod(?:y|ies)|bod(?:y|ies)|cells?|virus)\b",
    re.IGNORECASE,
)
"""What stands after the name of a score, a stain or a disease."""


def named_spans(text: str) -> Iterator[Span]:
    """People by a common given name, places by their words and by what was done there, announced numbers."""
    for pattern in _PEOPLE:
        for match in pattern.finditer(text):
            last = match["last"].lower().rstrip(".")
            if (len(last) == 1 or last not in _NEVER) and not _NO_PERSON_AFTER.match(text, match.end()):
                yield Span(match.start("v"), match.end("v"), "NAME", "a common given name")
    for pattern in _PLACES:
        for match in pattern.finditer(text):
            first = match["v"].split()[0].lower().rstrip(",.")
            named = first not in _NEVER and not _NO_PERSON_AFTER.match(text, match.end())
            if named and len(match["v"]) > 3:
                yield Span(match.start("v"), match.end("v"), "PLACE", "context")
    for match in _ANNOUNCED.finditer(text):
        yield Span(match.start("v"), match.end("v"), "ID", "an announced number")
