"""What keeps the gate from judging a file. Whatever it cannot judge does not leave.

GateError
├── CannotJudge   the format, a filter or a structure is one that the gate does not read to its end
└── BadKnown      the known values are no JSON of the agreed shape, or none of them can be searched
"""


class GateError(Exception):
    """Base of everything that the gate raises by name."""

    code = "gate"
    retryable = False


class CannotJudge(GateError):
    """The file holds something that the gate cannot read to its end."""

    code = "cannot_judge"


class BadKnown(GateError):
    """The known values cannot be used."""

    code = "bad_known"
