"""What killed git processes leave behind, and its removal."""

import shutil
from pathlib import Path

OWN = "orchestrator"
"""Our folder in `.git`."""
STATE = "checkout"
"""In it: which commit the product's folder shows."""
INDEXING = "indexing"
"""In it while we hold the index: an `index.lock` is ours only then."""
INIT = ".git.new"
"""In the product's folder: a repository that is not complete yet."""


def clean(root: Path) -> None:
    """Removes locks, temporary files and emptied objects from the repository in `root`.

    For the holder of the run's lock only, while no git runs.
    """
    shutil.rmtree(root / INIT, ignore_errors=True)
    git = root / ".git"
    if not git.is_dir():
        return
    for path in (*git.glob("*.lock"), *(git / "refs").rglob("*.lock")):
        if path.name != "index.lock":
            path.unlink(missing_ok=True)
    own = git / OWN
    if (own / INDEXING).exists():
        (git / "index.lock").unlink(missing_ok=True)
        (own / INDEXING).unlink()
    for path in (*own.glob("tmp-*"), *own.glob("fast_import_crash_*"), *own.rglob("*.lock")):
        path.unlink(missing_ok=True)
    _clean_objects(git / "objects")


def _clean_objects(folder: Path) -> None:
    """An emptied object (a power cut) is not repaired by writing it again: git finds it there."""
    for path in folder.glob("[0-9a-f][0-9a-f]/*"):
        if path.name.startswith("tmp_obj_") or path.stat().st_size == 0:
            path.unlink(missing_ok=True)
    for path in folder.glob("pack/tmp_*"):
        path.unlink(missing_ok=True)
    for path in folder.glob("pack/*.keep"):
        if path.read_bytes().strip() == b"fast-import":
            path.unlink(missing_ok=True)
