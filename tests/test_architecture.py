"""The house stands: imports go down only, classes are abstract or final, the public names are the documented ones."""

import ast
import importlib
import inspect
import pathlib
import pkgutil

import equinox as eqx
import pytest

import lifetimescale as lts

SOURCE = pathlib.Path(lts.__file__).parent
FLOORS = [
    {"status", "units", "leaves", "batch", "logarithm", "compilation", "convex", "design", "files"},
    {"spend", "roots", "laws", "costs", "runs", "scores", "scenarios"},
    {"presets", "planning", "fitting", "traffic"},
    {"sweeps"},
    {"sensitivity", "uncertainty"},
    {"plots", "page"},
    {"paper"},
    {"cli"},
    {"__init__", "__main__"},
]


def room(path: pathlib.Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def floor(name: str) -> int:
    return next(index for index, rooms in enumerate(FLOORS) if name in rooms)


def imported_rooms(path: pathlib.Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text()))
    modules = [
        f"{node.module}.{alias.name}" for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names
    ]
    return {name.split(".")[1] for name in modules if name.startswith("lifetimescale.") and room_exists(name)}


def room_exists(name: str) -> bool:
    return any(name.split(".")[1] in rooms for rooms in FLOORS)


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_down_only(path):
    for other in imported_rooms(path) - {room(path)}:
        lower = floor(other) < floor(room(path))
        ground = floor(other) == floor(room(path)) == 0
        assert lower or ground, f"{room(path)} imports {other}"


def classes() -> list[type]:
    for module in pkgutil.walk_packages(lts.__path__, "lifetimescale."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found, todo = set(), [eqx.Module]
    while todo:
        todo += (subclasses := todo.pop().__subclasses__())
        found |= {cls for cls in subclasses if cls.__module__.startswith("lifetimescale.")}
    return sorted(found, key=lambda cls: cls.__name__)


@pytest.mark.parametrize("cls", classes(), ids=lambda cls: cls.__name__)
def test_classes_are_abstract_or_final(cls):
    abstract = cls.__name__.startswith("Abstract")
    assert inspect.isabstract(cls) == abstract
    for base in cls.__mro__[1:-1]:
        assert base.__name__.startswith("Abstract") or not base.__module__.startswith("lifetimescale."), base


def test_importing_a_room_does_not_hide_a_public_name():

    assert callable(lts.plan)
    assert not {path.stem for path in SOURCE.iterdir()} & set(lts.__all__)


def test_importing_the_library_leaves_the_precision_alone():
    for path in SOURCE.rglob("*.py"):
        if room(path) != "cli":
            assert "jax.config" not in path.read_text(), path
