"""The house rules that no linter counts: sizes, prints, and what the pure packages say of themselves."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = (
    "wire", "vslide", "microscope", "core", "lims", "viewer", "scanning", "annotation", "deidentify",
    "corpus", "overview", "config",
)  # fmt: skip
PURE = ("wire", "vslide", "microscope")
LONGEST_FUNCTION = 60
LONGEST_FILE = 400
LONGEST_SCRIPT = 400


def files(*folders: str, kind: str = "py") -> list[Path]:
    """The rooms' own files, without migrations."""
    found = (file for folder in folders for file in (ROOT / folder).rglob(f"*.{kind}"))
    return sorted(file for file in found if "migrations" not in file.parts)


def named(file: Path) -> str:
    return str(file.relative_to(ROOT))


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_bytes())


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def is_command_line(file: Path) -> bool:
    return file.name == "__main__.py" or "commands" in file.parts


def test_it_has_no_long_function() -> None:
    long = [
        f"{named(file)}:{node.lineno} {node.name} has {length(node)} lines"
        for file in files(*ROOMS, "tests", "docs")
        for node in functions(file)
        if length(node) > LONGEST_FUNCTION
    ]
    assert long == []


@pytest.mark.parametrize(("kind", "most"), [("py", LONGEST_FILE), ("js", LONGEST_SCRIPT)])
def test_it_has_no_long_file(kind: str, most: int) -> None:
    sizes = {named(file): len(file.read_bytes().splitlines()) for file in files(*ROOMS, kind=kind)}
    assert {file: lines for file, lines in sizes.items() if lines > most} == {}


def test_it_prints_on_command_lines_only() -> None:
    printing = [
        f"{named(file)}:{node.lineno}"
        for file in files(*ROOMS)
        if not is_command_line(file)
        for node in ast.walk(tree(file))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert printing == []


def test_it_imports_nothing_inside_functions() -> None:
    hidden = [
        f"{named(file)}:{inner.lineno}"
        for file in files(*ROOMS)
        if file.name != "apps.py"  # Django's own hook: checks are registered when the models are there
        for node in functions(file)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert hidden == []


def test_it_claims_rows_by_compare_and_swap() -> None:
    """SQLite ignores select_for_update in silence."""
    assert [named(file) for file in files(*ROOMS) if b".select_for_update(" in file.read_bytes()] == []


@pytest.mark.parametrize("package", PURE)
def test_its_pure_packages_offer_what_they_list(package: str) -> None:
    module = importlib.import_module(package)
    gathered = {
        name.asname or name.name
        for node in ast.walk(ast.parse(Path(str(module.__file__)).read_bytes()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == package
        for name in node.names
    }
    assert set(module.__all__) == gathered
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


@pytest.mark.parametrize("package", PURE)
def test_its_pure_packages_say_what_each_name_is(package: str) -> None:
    module = importlib.import_module(package)
    offered = ((name, getattr(module, name)) for name in module.__all__)
    silent = [name for name, thing in offered if documentable(thing) and not own_words(thing)]
    assert silent == []
    assert module.__doc__


def documentable(thing: object) -> bool:
    return inspect.isclass(thing) or inspect.isfunction(thing)


def own_words(thing: object) -> bool:
    """Written words: not an inherited docstring, nor the signature that dataclasses put there. An error's
    may stand in its module's tree.
    """
    name = str(getattr(thing, "__name__", ""))
    if isinstance(thing, type) and issubclass(thing, Exception) and name in tree_of(thing.__module__):
        return True
    words = vars(thing).get("__doc__") if inspect.isclass(thing) else inspect.getdoc(thing)
    return bool(words) and not str(words).startswith(f"{name}(")


def tree_of(module: str) -> set[str]:
    """The names in an errors module's drawing."""
    drawing = importlib.import_module(module).__doc__ or ""
    return {word for line in drawing.splitlines() for word in line.split()[:4] if word.isidentifier()}


@pytest.mark.parametrize("file", [named(file) for file in files(*ROOMS) if file.name == "errors.py"])
def test_its_errors_are_one_drawn_tree(file: str) -> None:
    errors = importlib.import_module(file.removesuffix(".py").replace("/", "."))
    classes = [
        thing
        for thing in vars(errors).values()
        if inspect.isclass(thing) and issubclass(thing, Exception) and thing.__module__ == errors.__name__
    ]
    drawn = tree_of(errors.__name__)
    assert [kind.__name__ for kind in classes if kind.__name__ not in drawn] == []
    assert [kind.__name__ for kind in classes if not isinstance(getattr(kind, "code", None), str)] == []
    assert [kind.__name__ for kind in classes if not isinstance(getattr(kind, "retryable", None), bool)] == []
