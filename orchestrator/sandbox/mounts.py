"""The file system a sandboxed command sees, as bubblewrap options."""

import io
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from orchestrator.artifacts.tree import Tree
from orchestrator.sandbox.interpreter import Installation

WORK = "/work"
TOOLS = "/ro"
PACKED = "/src.tar"
NOBODY = 65534

_DISK = str(256 << 20)
_SHARED_MEMORY = str(16 << 20)
_ETC = (
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "mime.types"),
    *("ssl/certs", "ssl/openssl.cnf"),
)
ETC = {
    "hosts": "127.0.0.1 localhost sandbox\n::1 localhost\n",
    "passwd": f"root:x:0:0::/:/bin/sh\nnobody:x:{NOBODY}:{NOBODY}::/tmp:/bin/sh\n",
    "group": f"root:x:0:\nnogroup:x:{NOBODY}:\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}


class Mounts:
    """Options, in the order in which they are mounted, and the open files that they name.

    Whoever takes `fds` closes them.
    """

    def __init__(self) -> None:
        self.options: list[str] = []
        self.fds: list[int] = []

    def add(self, *options: str | Path) -> None:
        self.options += [str(option) for option in options]

    def add_file(self, content: bytes, inside: str) -> None:
        """A read-only file that is on no disk of the host."""
        self.add("--perms", "0444", "--ro-bind-data", str(self.open(content)), inside)

    def open(self, content: bytes) -> int:
        """A descriptor from which `content` can be read."""
        fd = os.memfd_create("sandbox")
        self.fds.append(fd)
        with open(fd, "wb", closefd=False) as file:
            file.write(content)
        os.lseek(fd, 0, os.SEEK_SET)
        return fd


def mount(
    mounts: Mounts,
    tree: Tree,
    *,
    environment: Path | None,
    tools: Path | None,
    etc: Mapping[str, str] = ETC,
) -> None:
    """Adds all but the Python installation: system, devices, room to write, tree and tools.

    `etc` are the files of ours in /etc.
    """
    _system(mounts, etc)
    mounts.add("--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys", "--dev", "/dev")
    for memory in ("/proc/1/mem", "/proc/1/task/1/mem"):  # of bwrap, which no limit holds
        mounts.add("--ro-bind", "/dev/null", memory)
    mounts.add("--size", _DISK, "--tmpfs", "/tmp", "--size", _SHARED_MEMORY)
    mounts.add("--tmpfs", "/dev/shm", "--remount-ro", "/dev", "--size", _DISK, "--tmpfs", WORK)
    mounts.add_file(packed(tree), PACKED)
    if tools:
        for path in sorted(tools.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                mounts.add_file(path.read_bytes(), f"{TOOLS}/{path.relative_to(tools).as_posix()}")
    if environment:
        mounts.add("--ro-bind", environment, environment)


def install(mounts: Mounts, python: Installation) -> None:
    for source, inside in python.parts:
        mounts.add("--ro-bind", source, inside)
    for link, target in python.links:
        mounts.add("--symlink", target, link)


def packed(tree: Tree) -> bytes:
    """The tree as a tar archive. Raises ValueError for a path that leaves the folder."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path, content in tree.items():
            entry = tarfile.TarInfo(confined(path))
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def confined(path: str) -> str:
    """`path` itself. Raises ValueError unless it is relative, normal and stays below its start."""
    parts = PurePosixPath(path).parts
    if "/".join(parts) != path or not parts or ".." in parts or "\0" in path:
        raise ValueError(f"not a path of a tree: {path!r}")
    return path


def _system(mounts: Mounts, etc: Mapping[str, str]) -> None:
    mounts.add("--ro-bind", "/usr", "/usr")
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        path = Path("/", name)
        if path.is_symlink():
            mounts.add("--symlink", path.readlink(), path)
        elif path.is_dir():
            mounts.add("--ro-bind", path, path)
    for name in _ETC:
        if Path("/etc", name).exists():
            mounts.add("--ro-bind", f"/etc/{name}", f"/etc/{name}")
    for name, content in etc.items():
        mounts.add_file(content.encode(), f"/etc/{name}")
