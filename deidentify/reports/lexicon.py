"""Words that look like names and are none, and the labels under which forms write identities."""

from typing import Final

# Eponyms, stains, genes and drugs: a report without them says nothing.
KEPT: Final = frozenset(
    [
        "gleason",
        "ki-67",
        "ki67",
        "her2",
        "her-2",
        "neu",
        "barrett",
        "barretts",
        "hodgkin",
        "hodgkins",
        "non-hodgkin",
        "reed",
        "sternberg",
        "paget",
        "pagets",
        "crohn",
        "crohns",
        "warthin",
        "warthins",
        "brenner",
        "krukenberg",
        "hashimoto",
        "hashimotos",
        "graves",
        "cushing",
        "cushings",
        "wilms",
        "ewing",
        "ewings",
        "kaposi",
        "kaposis",
        "merkel",
        "hurthle",
        "hürthle",
        "langerhans",
        "leydig",
        "sertoli",
        "nottingham",
        "bloom",
        "richardson",
        "scarff",
        "fuhrman",
        "breslow",
        "clark",
        "clarks",
        "phyllodes",
        "schwann",
        "burkitt",
        "burkitts",
        "sezary",
        "peyer",
        "peyers",
        "brunner",
        "brunners",
        "lieberkuhn",
        "kupffer",
        "virchow",
        "auerbach",
        "meissner",
        "bowman",
        "bowen",
        "bowens",
        "gorlin",
        "lynch",
        "cowden",
        "peutz",
        "jeghers",
        "whipple",
        "whipples",
        "meckel",
        "meckels",
        "zenker",
        "zenkers",
        "sjogren",
        "sjogrens",
        "wegener",
        "goodpasture",
        "kimmelstiel",
        "wilson",
        "addison",
        "bartholin",
        "skene",
        "cowper",
        "pautrier",
        "spitz",
        "reinke",
        "reinkes",
        "call",
        "exner",
        "schiller",
        "duval",
        "rokitansky",
        "aschoff",
        "luschka",
        "mirizzi",
        "delphian",
        "bethesda",
        "milan",
        "paris",
        "vienna",
        "sydney",
        "marsh",
        "ishak",
        "metavir",
        "dukes",
        "masson",
        "giemsa",
        "ziehl",
        "neelsen",
        "grocott",
        "gomori",
        "romanowsky",
        "papanicolaou",
        "wright",
        "warthin-starry",
        "congo",
        "prussian",
        "alcian",
        "verhoeff",
        "mallory",
        "lugol",
        "carnoy",
        "bouin",
        "bcl2",
        "bcl-2",
        "bcl6",
        "cd3",
        "cd20",
        "cd34",
        "cd45",
        "cd117",
        "p53",
        "p63",
        "p16",
        "braf",
        "kras",
        "nras",
        "egfr",
        "alk",
        "ros1",
        "brca1",
        "brca2",
        "msh2",
        "msh6",
        "mlh1",
        "pms2",
        "tamoxifen",
        "herceptin",
        "trastuzumab",
        "cisplatin",
        "rituximab",
        "birads",
        "bi-rads",
        "pi-rads",
        "tnm",
        "ajcc",
        "cap",
        "who",
        "figo",
    ]
)

# A person may be called so as well: only where it stands as a name of a known person is it one.
AMBIGUOUS: Final = frozenset(
    [
        "brown",
        "white",
        "black",
        "green",
        "gray",
        "grey",
        "young",
        "small",
        "long",
        "short",
        "rose",
        "hope",
        "grace",
        "mark",
        "may",
        "june",
        "april",
        "august",
        "will",
        "bill",
        "art",
        "frank",
        "rich",
        "stone",
        "wood",
        "woods",
        "field",
        "fields",
        "hill",
        "banks",
        "best",
        "cross",
        "case",
        "cook",
        "king",
        "price",
        "pace",
        "page",
        "ray",
        "rice",
        "sharp",
        "spring",
        "summer",
        "winter",
        "wells",
        "west",
        "north",
        "cancer",
        "normal",
        "head",
        "foot",
        "back",
        "hand",
        "heart",
        "block",
        "slide",
        "bone",
        "stain",
        "grade",
        "margin",
        "lobe",
        "core",
    ]
)

NAME_LABELS: Final = (
    r"patient(?:'s)?(?:\s+name)?|name|patient/client|client|last\s+name|first\s+name|middle\s+name|surname|given\s+names?|"
    r"family\s+name|maiden\s+name|also\s+known\s+as|a\.?k\.?a\.?|mother(?:'s\s+name)?|father(?:'s\s+name)?|next\s+of\s+kin|"
    r"emergency\s+contact|guarantor|spouse|contact"
)
STAFF_LABELS: Final = (
    r"(?:attending|referring|ordering|requesting|submitting|primary\s+care|consulting)?\s*(?:physician|provider|clinician|"
    r"pathologist|surgeon|doctor|resident|fellow)(?:\(s\)|s)?(?:\s+of\s+record)?|pcp|requested\s+by|ordered\s+by|dictated\s+by|"
    r"(?:electronically\s+)?signed(?:\s+out)?(?:\s+by)?|verified\s+by|reported\s+by|reviewed\s+by|prosector|grossed\s+by|"
    r"transcribed\s+by|transcriptionist|cc|copies?\s+to|technician|cytotechnologist"
)
ID_LABELS: Final = (
    r"m\.?r\.?n\.?|mr\s*#|(?:medical\s+)?record\s*(?:number|no\.?|num|#|id)|medical\s+record|med\.?\s*rec\.?\s*(?:no\.?|#)?|"
    r"patient\s*(?:id|number|no\.?|#)|accession(?:\s*(?:number|no\.?|#|id))?|acc(?:ession)?\.?\s*#|case\s*(?:number|no\.?|#|id)|"
    r"specimen\s*(?:number|no\.?|#|id)|account(?:\s*(?:number|no\.?|#))?|acct\.?\s*#?|encounter(?:\s*(?:number|no\.?|#|id))?|"
    r"visit\s*(?:number|no\.?|#|id)|ssn|social\s+security(?:\s+(?:number|no\.?))?|insurance(?:\s+(?:id|number|no\.?))?|"
    r"policy(?:\s+(?:number|no\.?))?|member\s*id|npi|licen[sc]e(?:\s+(?:number|no\.?))?|barcode|hospital\s*(?:number|no\.?|#)|"
    r"requisition(?:\s*(?:number|no\.?|#))?|chart\s*(?:number|no\.?|#)|order\s*(?:number|no\.?|#|id)|csn|fin"
)
PLACE_LABELS: Final = (
    r"(?:home\s+|mailing\s+)?address|street|city|zip(?:\s*code)?|postal\s+code|hospital|facility|clinic|institution|location|"
    r"ward|room|bed|department\s+of\s+origin|employer|occupation"
)
CONTACT_LABELS: Final = r"(?:home\s+|work\s+|cell\s+|mobile\s+)?(?:tele)?phone(?:\s*(?:number|no\.?|#))?|tel\.?|cell|mobile|fax|pager|e-?mail"  # noqa: E501
BIRTH_LABELS: Final = r"d\.?o\.?b\.?|date\s+of\s+birth|birth\s*date|born(?:\s+on)?|birthday"


def listed(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


HEADINGS: Final = listed(
    """
    accession addendum age clinical collected comment comments date description diagnosis diagnoses
    electronically final findings gross history immunohistochemistry impression macroscopic margins
    microscopic mrn note part pathologist patient preoperative postoperative procedure received reported
    sex signed specimen specimens stage summary synoptic
    """
)
"""Words that begin a part of a report, where a name before them has ended."""

STARTERS: Final = listed(
    """
    a additional all an and as at both by deeper each earlier for from given he her his if in
    intraoperative it its levels multiple no of on one our please previous recommend results routine
    sections see several she submitted that the their there these they this three to tumor tumour two
    under we with
    """
)
"""Words that begin a sentence of a report."""
