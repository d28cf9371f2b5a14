"""Which browser modules a module needs, to the last: a page that names them all gets them in one go, one that
lets the browser find them waits for each generation of imports.
"""

import posixpath
import re
from functools import lru_cache
from pathlib import Path

from django.contrib.staticfiles import finders

_IMPORT = re.compile(r"""^(?:import|export)\b[^"';]*?from\s*["'](\.{1,2}/[^"']+)["']""", re.MULTILINE)


@lru_cache
def needed_by(path: str) -> tuple[str, ...]:
    """Static paths of what this module imports, and of what that imports; nearest first, each once."""
    found = {path: None}
    waiting = [path]
    while waiting:
        module = waiting.pop(0)
        for wanted in _imports(module):
            if wanted not in found:
                found[wanted] = None
                waiting.append(wanted)
    return tuple(found)[1:]


def _imports(module: str) -> list[str]:
    file = finders.find(module)
    if file is None:
        return []
    text = Path(file).read_text(encoding="utf-8")
    folder = posixpath.dirname(module)
    return [posixpath.normpath(posixpath.join(folder, name)) for name in _IMPORT.findall(text)]
