"""A folder that says what it holds, and whether it still holds it."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from corpus import bag


@pytest.fixture
def release(tmp_path: Path) -> tuple[Path, str]:
    root = tmp_path / "1"
    (root / "data" / "breast").mkdir(parents=True)
    for name in ("a.svs", "b.xml"):
        (root / "data" / "breast" / name).write_text(name)
    (root / "README.md").write_text("words")
    entries = [bag.entry(root, f"data/breast/{name}", "image") for name in ("a.svs", "b.xml")]
    return root, bag.close(root, [*entries, bag.entry(root, "README.md", "tag")], {"release": 1})


def test_a_whole_folder_has_nothing_wrong(release):
    root, digest = release
    assert bag.verify(root, digest) == []
    listed = {row["path"] for row in json.loads((root / "manifest.json").read_text())["files"]}
    assert {"data/breast/a.svs", "README.md", "bagit.txt", "manifest-sha256.txt"} <= listed


@pytest.mark.parametrize(
    ("harm", "path", "what"),
    [
        (lambda root: (root / "data/breast/a.svs").write_text("b.svs"), "data/breast/a.svs", "content"),
        (lambda root: (root / "data/breast/a.svs").write_text("longer"), "data/breast/a.svs", "bytes"),
        (lambda root: (root / "data/breast/b.xml").unlink(), "data/breast/b.xml", "missing"),
        (lambda root: (root / "data/new.txt").write_text("x"), "data/new.txt", "not in the manifest"),
        (lambda root: (root / "manifest-sha256.txt").write_text(""), "manifest-sha256.txt", "bytes"),
        (lambda root: (root / bag.TAG_MANIFEST).write_text("x"), bag.TAG_MANIFEST, "content"),
        (lambda root: (root / bag.TAG_MANIFEST).unlink(), bag.TAG_MANIFEST, "missing"),
        (lambda root: (root / "manifest.json").unlink(), "manifest.json", "missing"),
        (lambda root: (root / "manifest.json").write_text("{}"), "manifest.json", "not the one"),
    ],
)
def test_it_names_every_harm(release, harm, path, what):
    root, digest = release
    harm(root)
    found = bag.verify(root, digest)
    assert [wrong.path for wrong in found] == [path]
    assert what in found[0].what


def test_a_link_is_no_file(release, tmp_path):
    root, digest = release
    file = root / "data/breast/a.svs"
    shutil.copy(file, tmp_path / "away")
    file.unlink()
    file.symlink_to(tmp_path / "away")
    assert [wrong.what for wrong in bag.verify(root, digest)] == ["is not a plain file"]


def test_a_peer_agrees(release):
    root, _ = release
    for manifest in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        done = subprocess.run(
            ["sha256sum", "--strict", "-c", manifest], cwd=root, capture_output=True, check=False
        )
        assert done.returncode == 0
