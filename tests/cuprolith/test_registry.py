import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoint

import pytest
from pydantic import TypeAdapter, ValidationError

from cuprolith import registry as registry_module
from cuprolith.registry import Registry, RegistryError, union_of
from cuprolith.settings import Settings


@dataclass(frozen=True)
class Tool:
    name: str


HAMMER = Tool("hammer")
NO_TOOL = "a string"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of tools: one in a module, one in a folder."""
    folder = tmp_path / "shed"
    (folder / "saw").mkdir(parents=True)
    (folder / "__init__.py").touch()
    text = "from test_registry import Tool\nTOOL = Tool({!r})\n"
    (folder / "plane.py").write_text(text.format("plane"))
    (folder / "saw" / "__init__.py").write_text(text.format("saw"))
    (folder / "saw" / "teeth.py").write_text("raise RuntimeError('not read')\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == "shed"]:
        del sys.modules[name]


def with_entry_points(monkeypatch, *values):
    points = [EntryPoint(f"point{n}", value, "cuprolith.shed") for n, value in enumerate(values)]
    monkeypatch.setattr(registry_module, "entry_points", lambda *, group: points)


def test_own_entries_and_those_of_other_packages(package, monkeypatch):
    with_entry_points(monkeypatch, "test_registry:HAMMER")
    tools = Registry("tool", Tool, "shed")
    assert tools.group == "cuprolith.shed"
    assert list(tools.entries) == ["hammer", "plane", "saw"]
    assert tools["hammer"] is HAMMER
    assert "saw" in tools
    assert "axe" not in tools


def test_an_unknown_name_lists_the_known(package, monkeypatch):
    with_entry_points(monkeypatch)
    with pytest.raises(RegistryError, match="no tool 'axe'\n  → choose one of plane, saw"):
        Registry("tool", Tool, "shed")["axe"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("test_registry:NO_TOOL", "is no tool: 'a string' is not a Tool"),
        ("test_registry:MISSING", "cannot be loaded: AttributeError"),
        ("no_such_module:TOOL", "cannot be loaded: ModuleNotFoundError"),
    ],
)
def test_a_broken_package_is_named(package, monkeypatch, value, said):
    with_entry_points(monkeypatch, value)
    with pytest.raises(RegistryError, match=said):
        _ = Registry("tool", Tool, "shed").entries


def test_a_module_without_an_entry_is_named(package, monkeypatch):
    with_entry_points(monkeypatch)
    (package / "shelf.py").write_text("")
    with pytest.raises(RegistryError, match=r"shed\.shelf is no tool"):
        _ = Registry("tool", Tool, "shed").entries


def test_two_of_one_name(package, monkeypatch):
    (package / "hammer.py").write_text("from test_registry import HAMMER as TOOL\n")
    with_entry_points(monkeypatch, "test_registry:HAMMER")
    with pytest.raises(RegistryError, match="'hammer' is defined twice"):
        _ = Registry("tool", Tool, "shed").entries


class Circle(Settings):
    shape: str = "circle"
    radius: float = 1.0


class Square(Settings):
    shape: str = "square"
    edge: float = 1.0


SHAPES = TypeAdapter(union_of({"circle": Circle, "square": Square}, "shape", "circle"))


def test_a_union_takes_the_keys_of_the_chosen_model_only():
    assert SHAPES.validate_python({"shape": "square", "edge": 2.0}) == Square(edge=2.0)
    assert SHAPES.validate_python({"radius": 2.0}) == Circle(radius=2.0)
    with pytest.raises(ValidationError, match="edge"):
        SHAPES.validate_python({"edge": 2.0})
    with pytest.raises(ValidationError, match="must be one of circle, square"):
        SHAPES.validate_python({"shape": "star"})
