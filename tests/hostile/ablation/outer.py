"""The outer sandbox: whatever gets through a weakened one hits canaries, as an ordinary user.

It leaves /proc unmasked and user namespaces allowed, so that the product's own sandbox works in it.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from orchestrator.sandbox.interpreter import reachable
from tests.hostile.ablation.row import Measured
from tests.hostile.user import ROOT, User

PATIENCE = 300


class Outer:
    """Measures cases as `user`, in folders below `ground`, which everybody may pass."""

    def __init__(self, user: User, ground: Path) -> None:
        self._ground = ground
        self.said = ""
        """What the last worker said: reasons of verdicts, for a person."""
        root = ROOT
        if not reachable(ROOT / "tests/hostile", user.uid):
            root = ground / "tests-of-ours"
            shutil.copytree(ROOT / "tests", root / "tests", symlinks=True, dirs_exist_ok=True)
        self._user = replace(user, path=os.pathsep.join(filter(None, (user.path, str(root)))))
        self._environment: Path | None = None
        if user.cache is not None:
            user.cache.mkdir(exist_ok=True)

    def measure(self, module: str, name: str, *, tested: bool) -> Measured:
        """What the case `name` of `module` achieves. `tested` is whether it runs test suites, and
        needs an environment with our tools.
        """
        base = Path(tempfile.mkdtemp(dir=self._ground, prefix="case-"))
        for folder in (base, base / "home", base / "tmp"):
            folder.mkdir(exist_ok=True)
            self._give(folder)
        environment = self._tested() if tested else self._bare(base / "environment")
        try:
            told = self._told(base, environment, [module, name])
        finally:
            subprocess.run(["rm", "-rf", str(base)], check=True)
        return Measured(*(None if one is None else tuple(one) for one in told))

    def as_root(self, module: str, name: str) -> Measured:
        """As `measure`, but as root and in no outer sandbox: for harmless probes alone."""
        base = Path(tempfile.mkdtemp(dir=self._ground, prefix="case-"))
        base.chmod(0o755)
        words = [str(base), str(self._bare(base / "environment")), str(base), module, name]
        try:
            told = self._answer([sys.executable, *_WORKER, *words], {"PYTHONPATH": str(ROOT)}, None)
        finally:
            subprocess.run(["rm", "-rf", str(base)], check=True)
        return Measured(*(None if one is None else tuple(one) for one in told))

    def _told(self, base: Path, environment: Path, words: list[str]) -> list[list[str] | None]:
        bwrap = ["bwrap", "--ro-bind", "/", "/", "--dev-bind", "/dev", "/dev", "--proc", "/proc"]
        bwrap += ["--tmpfs", "/dev/shm", "--tmpfs", "/tmp"]
        for place in self._hidden():
            bwrap += ["--ro-bind", place, place]
        bwrap += ["--ro-bind", str(self._ground), str(self._ground), "--bind", str(base), str(base)]
        if self._user.cache:
            bwrap += ["--bind", str(self._user.cache), str(self._user.cache)]
        bwrap += ["--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc"]
        bwrap += ["--die-with-parent", "--chdir", str(base), "--"]
        cache = str(self._user.cache or base)
        words = [str(base), str(environment), cache, *words]
        env = self._user.environment(base / "home", base / "tmp")
        return self._answer([*bwrap, str(self._user.python), *_WORKER, *words], env, self._user.uid)

    def _hidden(self) -> list[str]:
        """What the worker imports from below /tmp, when the tests are checked out there."""
        return [one for one in self._user.path.split(os.pathsep) if one.startswith("/tmp/")]

    def _answer(self, argv: list[str], env: object, uid: int | None) -> list[list[str] | None]:
        own = {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}
        done = subprocess.run(  # type: ignore[call-overload]
            argv, env=env, cwd="/", capture_output=True, text=True, timeout=PATIENCE, **own
        )
        assert done.returncode == 0, f"{done.stdout[-2000:]}{done.stderr[-6000:]}"
        self.said = done.stdout
        return json.loads(done.stdout.splitlines()[-1])

    def _tested(self) -> Path:
        if self._environment is None:
            self._environment = self._built()
        return self._environment

    def _bare(self, env: Path) -> Path:
        """An environment with nothing in it: enough for programs of the standard library."""
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        packages = env / "lib" / version / "site-packages"
        packages.mkdir(parents=True)
        (env / "bin").mkdir()
        (env / "bin/python").symlink_to(self._user.python.resolve())
        (env / "pyvenv.cfg").write_text(f"home = {self._user.python.resolve().parent}\n")
        (packages / "ours.pth").write_text("\n")
        for path in (env, *env.rglob("*")):
            self._give(path)
            if not path.is_symlink():
                path.chmod(0o555 if path.is_dir() else 0o444)
        return env

    def _built(self) -> Path:
        """One with pytest, by the product itself, over the network."""
        project = self._ground / "for-an-environment"
        project.mkdir()
        (project / "a.py").write_text("")
        home = self._ground / "home-of-the-builder"
        home.mkdir()
        for path in (home, project, project / "a.py"):
            self._give(path)
        own = {} if self._user.uid is None else {"user": self._user.uid, "group": self._user.uid}
        subprocess.run(  # type: ignore[call-overload]
            [*self._user.command, "verify", str(project), "--json"],
            env=self._user.environment(home, home),
            cwd=home,
            capture_output=True,
            timeout=PATIENCE,
            **own,
        )
        assert self._user.cache is not None
        found = sorted(self._user.cache.rglob("environments/*/env/bin/python"))
        assert found, "the product built no environment"
        return found[0].parent.parent

    def _give(self, path: Path) -> None:
        if self._user.uid is not None:
            os.chown(path, self._user.uid, self._user.uid, follow_symlinks=False)


_WORKER = ("-P", "-B", "-m", "tests.hostile.ablation.worker")
