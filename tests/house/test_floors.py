"""The house stands: imports go down only, and importing it is light."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "v1sim"
FLOORS = {
    "cli": 8,
    "report": 7,
    "plotting": 6,
    "experiments": 5,
    "analysis": 4,
    "cells": 3,
    "gabor": 2,
    "stimuli": 2,
    "revcorr": 2,
    "convnet": 2,
    "stream": 1,
    "grid": 1,
    "io": 1,
    "_types": 0,
    "_checks": 0,
    "_npz": 0,
}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def room(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path):
    """Yield the rooms of v1sim that a module imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            if node.module == "v1sim":
                yield from (alias.name for alias in node.names)
            elif node.module.startswith("v1sim."):
                yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("v1sim."))


def test_every_room_has_a_floor():
    assert {room(path) for path in MODULES} <= set(FLOORS)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_down_only(path):
    mine = room(path)
    above = {
        other
        for other in imported_rooms(path)
        if other not in (mine, "__version__") and FLOORS[other] >= FLOORS[mine]
    }
    assert not above, f"{mine} (floor {FLOORS[mine]}) imports {above}"


def test_contributing_shows_the_floor_of_every_room():
    table = (PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for name in {room(path) for path in MODULES}:
        rows = [line for line in table.splitlines() if f"`{name}" in line and line.startswith("|")]
        assert any(line.split("|")[1].strip() == str(FLOORS[name]) for line in rows), name


def test_importing_v1sim_is_light():
    code = """
import json, sys, time
import numpy
start = time.perf_counter()
import v1sim
from v1sim import Grid, analysis, cells, convnet, gabor, io, revcorr, stimuli
seconds = time.perf_counter() - start
slow = ("matplotlib", "scipy.signal", "scipy.stats", "skimage", "typer")
heavy = [name for name in slow if name in sys.modules]
print(json.dumps([seconds, heavy]))
"""
    fastest, heavy = min(
        json.loads(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)
        for _ in range(3)
    )
    assert heavy == []
    assert fastest < 0.6


def test_every_public_name_exists():
    for path in PACKAGE.glob("*/__init__.py"):
        name = f"v1sim.{path.parent.name}"
        module = __import__(name, fromlist=["__all__"])
        missing = [public for public in module.__all__ if not hasattr(module, public)]
        assert not missing, f"{name} offers {missing}, which it does not have"


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("reverse_correlation", "revcorr"),
        ("fit_filters", "fit"),
        ("draw_population", "population"),
        ("learn_filters", "learn"),
        ("compare_populations", "compare"),
    ],
)
def test_scripts_and_commands_are_the_same(name, command):
    script = PACKAGE.parent / "scripts" / f"{name}.py"

    def options(*command):
        text = subprocess.run(
            [sys.executable, *command, "--help"], check=True, capture_output=True, text=True
        ).stdout
        return {word for word in text.split() if word.startswith("--")}

    entry = "from v1sim.cli import main; main()"
    assert options(str(script)) == options("-c", entry, command)
