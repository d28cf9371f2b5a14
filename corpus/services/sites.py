"""Sites of releases: where they were written is kept, so that what is withdrawn goes from them too."""

from pathlib import Path

from django.utils import timezone

from core.errors import NocturneError, NotFound, Unavailable
from corpus.models import Release, WrittenSite
from corpus.site import OTHER, behind, write_site


def keep_site(*, release: Release, to: Path) -> int:
    """Write the site of a release to a folder and keep the place; how many slides it shows.

    Raises what `corpus.site.write_site` raises; then the place is as it was known before.
    """
    shown = write_site(release, to)
    known = {"release": release, "written_at": timezone.now(), "problem": ""}
    WrittenSite.objects.update_or_create(place=str(to.resolve()), defaults=known)
    return shown


def refresh_sites(*, release: Release) -> list[WrittenSite]:
    """Write every known site of a release again that is behind it; those that were. A folder that is gone, or
    holds another release's site, is forgotten. One that cannot be written keeps why, and the others go on.

    Raises Unavailable (retryable) at the end where a disk refused.
    """
    written, refused = [], []
    for row in WrittenSite.objects.filter(release=release):
        try:
            lack = behind(release, row.folder)
            if lack == OTHER:
                row.delete()
            elif lack:
                keep_site(release=release, to=row.folder)
                written.append(row)
        except NotFound:
            row.delete()
        except NocturneError as error:
            WrittenSite.objects.filter(pk=row.pk).update(problem=error.message[:500])
            refused += [error.message] if error.retryable else []
    if refused:
        raise Unavailable(f"{len(refused)} sites could not be written again: {refused[0]}")
    return written
