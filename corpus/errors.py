"""What stops a release.

NocturneError
├── BadName             a part of a file's name is not what the template allows (BadInput)
├── NameCollision       two files would have one name (Conflict)
├── NotReleasable       a slide or a report is not, or no longer, fit to leave (Conflict)
├── SmallCells          patients would stand nearly alone in it (NotReleasable)
└── ReleaseStopped      stopped: the gate found something, or a file is not the one that passed (Conflict)
"""

from core.errors import BadInput, Conflict


class BadName(BadInput):
    code = "bad_name"


class NameCollision(Conflict):
    code = "name_collision"


class NotReleasable(Conflict):
    code = "not_releasable"


class ReleaseStopped(Conflict):
    code = "release_stopped"


class SmallCells(NotReleasable):
    code = "small_cells"
