"""The verbs of the corpus: the only writers of releases."""

from corpus.services.building import build
from corpus.services.deciding import approve_release, create_release, discard_release

__all__ = ["approve_release", "build", "create_release", "discard_release"]
