"""The laboratory's own ways of naming."""

import re
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import Max

from core import audit
from core.errors import Conflict, NotAllowed
from core.models import User
from core.roles import has_role
from corpus.errors import BadName
from corpus.models import NamingTemplate
from corpus.naming import TEMPLATES
from corpus.patterns import own_template
from corpus.services.deciding import MAKERS

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{1,28}[a-z0-9]", re.ASCII)


def keep_template(*, actor: User, name: str, line: str) -> NamingTemplate:
    """The next version of a naming template. Raises NotAllowed, BadName, Conflict where it is the last
    version already, or where somebody else made one at the same moment.
    """
    if not has_role(actor, *MAKERS):
        raise NotAllowed("Only a data steward makes a naming template.")
    if not _NAME.fullmatch(name) or name in TEMPLATES:
        raise BadName(
            "A template's name has 3 to 30 small letters, digits and -, and is not one of ours.", field="name"
        )
    own_template(name, line)
    last = NamingTemplate.objects.filter(name=name).aggregate(last=Max("version"))["last"] or 0
    if NamingTemplate.objects.filter(name=name, version=last, line=line).exists():
        raise Conflict(f"That is {name}:{last} already.", field="line")
    try:
        with transaction.atomic():
            made = NamingTemplate.objects.create(name=name, version=last + 1, line=line, created_by=actor)
            audit.record(actor=actor, action="naming.keep", target=f"naming:{made}", line=line)
    except IntegrityError as error:
        raise Conflict(f"Somebody else made {name}:{last + 1} at the same moment.") from error
    return made
