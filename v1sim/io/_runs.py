"""Results on disk: one .npz without pickles and one run.json, written aside and renamed when whole."""

import json
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from v1sim._npz import read_npz

RECORD = "run.json"
ARRAYS = "result.npz"
WEIGHTS = "weights.npz"
"""Where a run that trains a stack puts it."""
DRAWN = (".png", ".csv")
"""What a command adds to a run: figures and tables."""


@contextmanager
def new_folder(folder: str | PathLike[str]) -> Iterator[Path]:
    """Give a folder to write into, and put it in its place only once everything is written.

    An earlier run in the same place is replaced; a folder that holds anything else is refused.

    Parameters
    ----------
    folder : path
        Where the result shall stand.

    Yields
    ------
    Path
        A folder beside it, which is renamed at the end, or removed if an exception passes.

    Raises
    ------
    FileExistsError
        If `folder` holds anything but an earlier run.
    OSError
        If the place cannot be written to.
    """
    target = Path(folder).resolve()
    _refuse_foreign(target)
    missing = [parent for parent in (target.parent, *target.parent.parents) if not parent.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise type(error)(f"output folder {folder} cannot be written: {error.strerror}") from None
    finished = False
    try:
        new = aside / "new"
        new.mkdir()
        yield new
        _put_in_place(new, target, aside / "old")
        finished = True
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        if not finished:
            for parent in missing:  # made for nothing; those that others have used meanwhile stay
                with suppress(OSError):
                    parent.rmdir()


def _refuse_foreign(target: Path) -> None:
    """Raise if there is something in the place of a result that is not an earlier result."""
    if not target.exists():
        return
    if target.is_file():
        raise FileExistsError(f"output folder {target} is a file: choose another")
    names = {path.name for path in target.iterdir()}
    foreign = sorted(
        name for name in names if name not in (RECORD, ARRAYS, WEIGHTS) and not name.endswith(DRAWN)
    )
    if foreign or (names and RECORD not in names):
        found = f"holds {foreign[0]}" if foreign else f"has no {RECORD}"
        raise FileExistsError(f"output folder {target} is not an earlier run ({found}): choose another")


def _put_in_place(new: Path, target: Path, old: Path) -> None:
    """Rename the new folder to its place; if that fails, the earlier one stands again."""
    if not target.exists():
        new.rename(target)
        return
    target.rename(old)
    try:
        new.rename(target)
    except BaseException:
        old.rename(target)
        raise


def save_run(folder: Path, arrays: Mapping[str, NDArray[Any]], config: Mapping[str, Any]) -> None:
    """Write arrays and the record of how they were made into an existing folder.

    Parameters
    ----------
    folder : Path
        Where to write ``result.npz`` and ``run.json``.
    arrays : mapping of str to ndarray
        The result; object arrays are refused.
    config : mapping
        All that is needed to make the result again, in types that JSON knows.
    """
    np.savez_compressed(folder / ARRAYS, allow_pickle=False, **arrays)
    record = {"config": dict(config), **provenance()}
    (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def load_run(folder: str | PathLike[str]) -> tuple[dict[str, NDArray[np.generic]], dict[str, Any]]:
    """Read what `save_run` wrote.

    Returns
    -------
    arrays : dict of str to ndarray
    record : dict
        The content of ``run.json``.

    Raises
    ------
    FileNotFoundError
        If the folder does not hold a run.
    ValueError
        If a file is damaged.
    """
    folder = Path(folder)
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    return read_npz(folder / ARRAYS), record


def provenance() -> dict[str, Any]:
    """Return versions, git commit, time and machine, as `save_run` records them."""
    packages = ("v1sim", "numpy", "scipy", "matplotlib", "scikit-image")
    return {
        "versions": {"python": platform.python_version()} | {name: version(name) for name in packages},
        "git_commit": _git_commit(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"platform": platform.platform(), "cpu_count": os.cpu_count()},
    }


def _git_commit() -> str | None:
    """Return the commit of the package's own source tree, "-dirty" if changed since; None outside of one."""
    here = Path(__file__)

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(here.parent), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", here.name)  # a repository may merely surround an installed package
        return git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    except (OSError, subprocess.CalledProcessError):
        return None
