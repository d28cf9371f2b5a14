"""The verbs of the corpus: the only writers of releases."""

from corpus.services.building import build
from corpus.services.deciding import approve_release, create_release, discard_release
from corpus.services.reconciling import reconcile
from corpus.services.sites import keep_site, refresh_sites
from corpus.services.withdrawing import bury, withdraw

__all__ = [
    "approve_release",
    "build",
    "bury",
    "create_release",
    "discard_release",
    "keep_site",
    "reconcile",
    "refresh_sites",
    "withdraw",
]
