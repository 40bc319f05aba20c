"""Canaries around one run: secrets nobody may tell, files nobody may touch, servers nobody may
reach.
"""

import hashlib
import os
import secrets
import socket
import stat
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

HOOKS = ("post-checkout", "pre-commit", "post-commit", "post-index-change", "reference-transaction")
IN_HOME = (
    *(".netrc", ".aws/credentials", ".ssh/id_ed25519", ".git-credentials", ".env", ".pypirc"),
    *(".config/gh/hosts.yml", ".claude/.credentials.json", ".docker/config.json", ".bash_history"),
)
NOBODY = 65534
_WATCHED = ("/", "/tmp", "/var/tmp", "/dev/shm", "/usr", "/usr/bin", "/usr/lib", "/etc", "/root")
_OPEN_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")


class Canaries:
    """What lies around one run, below `base`, a new folder that everybody may pass.

        base/project   the project
        base/home      HOME, with secrets
        base/cwd       where the command is run
        base/tmp       TMPDIR
        base/drop      a folder that everybody may write to; nobody does
        base/precious  a file that everybody may write to; nobody does

    `uid` is who runs the command, None for the test's own user. Used as a context.
    """

    def __init__(self, base: Path, uid: int | None) -> None:
        self.base = base
        self.uid = uid
        self.mark = secrets.token_hex(6)
        self._token = f"{secrets.token_hex(12)}"
        self.project, self.home = base / "project", base / "home"
        self.cwd, self.temp, self._drop = base / "cwd", base / "tmp", base / "drop"
        self._precious = base / "precious"
        self._outside = Path("/tmp", f"secret-{self.mark}")
        self._open = ExitStack()

    def __enter__(self) -> "Canaries":
        for folder in (self.project, self.home, self.cwd, self.temp):
            folder.mkdir(mode=0o755)
        self._files()
        self._servers()
        others = NOBODY if os.geteuid() == 0 and self.uid is None else self.uid
        self._victim = subprocess.Popen(["sleep", "3600"], **_as(others))
        self._open.callback(self._victim.wait)
        self._open.callback(self._victim.kill)
        return self

    def __exit__(self, *_: object) -> None:
        self._outside.unlink(missing_ok=True)
        for path in self._planted():
            subprocess.run(["rm", "-rf", str(path)], check=True)
        self._open.close()

    @property
    def settings(self) -> Path:
        """The settings of the folder in which the command is run."""
        return self.cwd / "orchestrate.toml"

    @property
    def heirloom(self) -> Path:
        """A secret that whoever starts the command has left open."""
        return self.home / ".netrc"

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables of a person at work, secrets among them."""
        return {
            "ANTHROPIC_API_KEY": f"sk-ant-{self._token}",
            "ANTHROPIC_AUTH_TOKEN": self._token,
            "GITHUB_TOKEN": f"ghp_{self._token}",
            "AWS_SECRET_ACCESS_KEY": self._token,
            "DATABASE_URL": f"postgres://me:{self._token}@localhost/db",
        }

    @property
    def marks(self) -> Mapping[str, str]:
        """What stands for %%NAME%% in a project's files. None of it is secret."""
        return {
            "MARK": self.mark,
            "BASE": str(self.base),
            "HOME": str(self.home),
            "OUTSIDE": str(self._outside),
            "PORT4": str(self._tcp4.getsockname()[1]),
            "PORT6": str(self._tcp6.getsockname()[1]) if self._tcp6 else "9",
            "PORTU": str(self._udp.getsockname()[1]),
            "ADDRESS": self._address,
            "PORTA": str(self._far.getsockname()[1]),
            "PID": str(self._victim.pid),
        }

    def _files(self) -> None:
        for name in IN_HOME:
            path = self.home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"machine example.com login me password {self._token}\n")
        credentials = f"[credential]\n\thelper = !echo password={self._token}\n"
        (self.home / ".gitconfig").write_text(f"[user]\n\tname = {self._token}\n{credentials}")
        self._outside.write_text(f"secret = {self._token}\n")
        self._drop.mkdir()
        self._drop.chmod(0o777)
        self._precious.write_text(f"precious {self.mark}\n")
        self._precious.chmod(0o666)
        self._hooks(self.project / ".git")

    def _hooks(self, git: Path) -> None:
        """A repository whose every hook tells on whoever runs it."""
        for folder in (git / "hooks", git / "objects", git / "refs/heads"):
            folder.mkdir(parents=True)
        script = f"#!/bin/sh\ntouch {self._drop}/hook-$$\n"
        for name in HOOKS:
            (git / "hooks" / name).write_text(script)
            (git / "hooks" / name).chmod(0o755)
        run = f"{git}/hooks/{HOOKS[0]}"
        (git / "HEAD").write_text("ref: refs/heads/main\n")
        (git / "config").write_text(
            "[core]\n\trepositoryformatversion = 0\n\tbare = false\n"
            f"\tfsmonitor = {run}\n\tpager = {run}\n\teditor = {run}\n\tsshCommand = {run}\n"
            f'[filter "own"]\n\tclean = {run}\n\tsmudge = {run}\n[diff]\n\texternal = {run}\n'
        )

    def settle(self) -> None:
        """Call it when the project lies in its folder: gives the folders that the command's user
        works in to him, and remembers how everything is.
        """
        if self.uid is not None:
            folders = map(str, (self.project, self.home, self.cwd, self.temp))
            subprocess.run(["chown", "-Rh", f"{self.uid}:{self.uid}", *folders], check=True)
        self._was = _state(self._precious)
        self._project = content(self.project)

    def _servers(self) -> None:
        enter = self._open.enter_context
        self._address = _address()
        self._tcp4 = enter(socket.create_server(("127.0.0.1", 0)))
        self._far = enter(socket.create_server((self._address, 0)))
        self._tcp6 = None
        with suppress(OSError):
            self._tcp6 = enter(socket.create_server(("::1", 0), family=socket.AF_INET6))
        self._udp = enter(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self._udp.bind(("0.0.0.0", 0))
        self._path = enter(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        self._path.bind(str(self.base / "socket"))
        (self.base / "socket").chmod(0o777)
        self._abstract = enter(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        self._abstract.bind(f"\0canary-{self.mark}")
        for server in (self._path, self._abstract):
            server.listen()

    def touched(self) -> Iterator[str]:
        """Every canary that is not as it was."""
        yield from self._reached()
        if _state(self._precious) != self._was:
            yield f"{self._precious} was touched"
        for path in self._drop.iterdir():
            yield f"{path} was made"
        yield from (f"{path} was made" for path in self._planted())
        if self._victim.poll() is not None:
            yield "a process of the same user was killed"

    def _planted(self) -> Iterator[Path]:
        """What bears our mark and is not ours."""
        for folder in map(Path, _WATCHED):
            with suppress(PermissionError):
                paths = [one for one in folder.iterdir() if self.mark in one.name]
                yield from (one for one in paths if one != self._outside)

    def changed(self) -> tuple[str, ...]:
        """The paths of the project that are not as they were."""
        now = content(self.project)
        paths = self._project.keys() | now.keys()
        return tuple(sorted(one for one in paths if self._project.get(one) != now.get(one)))

    def left(self) -> Iterator[str]:
        """Every file that a run leaves outside its cache."""
        for folder in (self.cwd, self.temp):
            yield from (f"{one} was left" for one in folder.iterdir() if one != self.settings)
        for path in self.home.iterdir():
            if path.name not in {Path(one).parts[0] for one in (*IN_HOME, ".gitconfig", ".cache")}:
                yield f"{path} was left"
        for folder in _OPEN_FOLDERS if self.uid is not None else ():
            for entry in os.scandir(folder):
                if entry.stat(follow_symlinks=False).st_uid == self.uid:
                    yield f"{entry.path} was left"

    def told(self, text: str) -> bool:
        """Whether `text` holds a secret."""
        return self._token in text

    def _reached(self) -> Iterator[str]:
        servers = {
            "TCP on 127.0.0.1": self._tcp4,
            f"TCP on {self._address}": self._far,
            "TCP on ::1": self._tcp6,
            "the Unix socket": self._path,
            "the abstract socket": self._abstract,
        }
        for name, server in servers.items():
            if server is not None and _arrived(server):
                yield f"{name} was reached"
        self._udp.setblocking(False)
        with suppress(BlockingIOError):
            self._udp.recv(1)
            yield "UDP was reached"


def content(folder: Path) -> Mapping[str, tuple[int, str]]:
    """Mode and digest of what is below `folder`; what is no small, readable file has no digest."""
    found: dict[str, tuple[int, str]] = {}
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place, name)
            with suppress(OSError):  # deeper than a name may be long
                found[str(path)] = (path.lstat().st_mode, _digest(path))
    return found


def _digest(path: Path) -> str:
    about = path.lstat()
    if stat.S_ISLNK(about.st_mode):
        return str(path.readlink())
    if not stat.S_ISREG(about.st_mode):
        return ""
    if about.st_size > 64 << 20 or not os.access(path, os.R_OK):
        return f"{about.st_size} {about.st_mtime_ns}"
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _state(path: Path) -> tuple[str, int, int, int, int]:
    about = path.lstat()
    return (
        path.read_text("utf-8", "replace"),
        about.st_mode,
        about.st_mtime_ns,
        about.st_nlink,
        about.st_uid,
    )


def _arrived(server: socket.socket) -> bool:
    server.setblocking(False)
    try:
        server.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def _address() -> str:
    """An address of this machine that is not its loopback, where it has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


def _as(uid: int | None) -> dict[str, object]:
    return {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}
