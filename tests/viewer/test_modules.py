"""The page names every module that the viewer needs."""

from pathlib import Path

from django.contrib.staticfiles import finders
from django.template import Context, Template

from viewer.modules import needed_by


def test_it_finds_what_imports_import() -> None:
    needed = needed_by("viewer/main.js")
    assert {"viewer/map.js", "viewer/engine/shader.js", "npm/clipper2-ts/dist/Engine.js"} <= set(needed)
    assert needed.index("viewer/map.js") < needed.index("viewer/engine/shader.js")
    assert len(needed) == len(set(needed))


def test_it_names_only_files_that_are_there() -> None:
    assert [path for path in needed_by("viewer/main.js") if finders.find(path) is None] == []


def test_every_module_of_the_viewer_is_needed_by_somebody() -> None:
    entries = (
        "viewer/main.js",
        "viewer/beside.js",
        "viewer/engine/decode_worker.js",
        "corpus/site/slide.js",  # the viewer of a release's static site
    )
    known = {path for entry in entries for path in (entry, *needed_by(entry))}
    folder = Path(str(finders.find("viewer/main.js"))).parent
    there = {f"viewer/{file.relative_to(folder).as_posix()}" for file in folder.rglob("*.js")}
    assert there - known == {"viewer/types.js", "viewer/signing_off.js"} & there


def test_the_page_links_them() -> None:
    made = Template('{% load modules %}{% preloads "viewer/main.js" %}').render(Context())
    assert '<link rel="modulepreload" href="/static/viewer/engine/painter.js">' in made
