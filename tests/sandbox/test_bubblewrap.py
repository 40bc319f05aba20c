"""What only the bubblewrap sandbox promises."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.artifacts.tree import Tree
from orchestrator.errors import Missing
from orchestrator.sandbox import ExecResult, Sandbox
from orchestrator.sandbox.bubblewrap import Bubblewrap

Run = Callable[..., ExecResult]
Line = tuple[socket.socket, socket.socket]

pytestmark = pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is not installed")

# Prints the name of the error that `body` ends in, or "ok".
TRY = """
import errno
try:
{body}
    print("ok")
except OSError as error:
    print(errno.errorcode[error.errno])
"""


def attempt(body: str) -> str:
    return TRY.format(body=textwrap.indent(textwrap.dedent(body), "    "))


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_servers_of_the_host_are_out_of_reach(
    bubblewrap: Sandbox, run: Run, listener: socket.socket
) -> None:
    port = listener.getsockname()[1]

    result = run(
        bubblewrap,
        attempt(f"import socket; socket.create_connection(('127.0.0.1', {port}), 5)")
        + attempt("import socket; socket.create_connection(('192.0.2.1', 80), 5)"),
    )

    assert result.stdout == "ECONNREFUSED\nENETUNREACH\n", result.stderr


def test_a_server_on_the_loopback_works(bubblewrap: Sandbox, run: Run) -> None:
    code = """
import http.server, threading, urllib.request
server = http.server.ThreadingHTTPServer(("localhost", 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(urllib.request.urlopen(f"http://localhost:{server.server_port}/file").read())
"""
    assert run(bubblewrap, code, tree=Tree({"file": b"served"})).stdout == "b'served'\n"


def test_no_process_inside_shows_our_variables(
    bubblewrap: Sandbox, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-canary")
    code = (
        "from pathlib import Path\n"
        "found = [p.read_bytes() for p in Path('/proc').glob('[0-9]*/environ')]\n"
        "print(len(found), any(b'canary' in each for each in found))"
    )
    assert run(bubblewrap, code).stdout == "2 False\n"


def test_files_of_the_host_are_hidden(bubblewrap: Sandbox, run: Run, cache: Path) -> None:
    canary = cache / "canary"
    canary.write_text("seen")
    places = [str(canary), "/etc/shadow", "/var/log", "/root/.bashrc", "/proc/1/root/etc/shadow"]
    code = f"import os; print([place for place in {places} if os.path.exists(place)])"

    assert run(bubblewrap, code).stdout == "[]\n"


def test_no_descriptor_of_the_host_is_in_reach(bubblewrap: Sandbox, run: Run) -> None:
    code = """
import os
from pathlib import Path
links = [os.readlink(fd) for fd in Path("/proc").glob("[0-9]*/fd/*") if fd.is_symlink()]
print(sorted({link.split(":")[0] for link in links if not link.startswith("/proc/")}))
"""
    assert run(bubblewrap, code).stdout == "['anon_inode', 'pipe']\n"


def test_only_the_tree_and_tmp_are_writable(
    bubblewrap: Sandbox, run: Run, environment: Path, tmp_path: Path
) -> None:
    (tmp_path / "tool").touch()
    places = ("/", "/usr", "/etc", "/root", "/dev", "/ro", "/proc/sys/kernel", environment)
    code = "".join(attempt(f"open('{place}/new', 'w')") for place in (*places, "/work", "/tmp"))

    result = run(bubblewrap, code, tools=tmp_path)

    assert result.stdout.split()[-2:] == ["ok", "ok"], result.stderr
    assert set(result.stdout.split()[:-2]) <= {"EROFS", "EACCES", "ENOENT"}


def test_the_command_is_nobody_in_the_eyes_of_the_kernel(bubblewrap: Sandbox, run: Run) -> None:
    code = attempt("import os; os.open('/proc/sys/kernel/core_pattern', os.O_WRONLY)") + (
        "import getpass; print(os.getuid(), os.getgid(), getpass.getuser())"
    )
    assert run(bubblewrap, code).stdout == "EACCES\n65534 65534 nobody\n"


def test_the_kernels_settings_are_mounted_read_only(bubblewrap: Sandbox, run: Run) -> None:
    code = "import os; print(os.statvfs('/proc/sys').f_flag & os.ST_RDONLY)"

    assert run(bubblewrap, code).stdout == "1\n"


def test_room_on_disk_is_limited(bubblewrap: Sandbox, run: Run) -> None:
    code = "".join(
        attempt(
            f"""
            import os
            for name in "ab":
                os.posix_fallocate(os.open(f"{place}/{{name}}", os.O_CREAT | os.O_RDWR), 0, {size})
            """
        )
        for place, size in (("/work", 200 << 20), ("/tmp", 200 << 20), ("/dev/shm", 12 << 20))
    )
    assert run(bubblewrap, code).stdout == "ENOSPC\n" * 3


def test_a_fork_bomb_ends_at_the_limit(bubblewrap: Sandbox, run: Run) -> None:
    code = """
import os, signal
count = 0
try:
    while count < 200:
        if not os.fork():
            signal.pause()
        count += 1
except BlockingIOError:
    pass
print(count)
"""
    result = run(bubblewrap, code, processes=32)

    assert 20 < int(result.stdout) < 32


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("import socket; socket.socket(40, socket.SOCK_STREAM)", "EAFNOSUPPORT"),
        ("import socket; socket.socketpair(30, socket.SOCK_STREAM)", "EAFNOSUPPORT"),
        ("raw('unshare', 0x10000000)", "EPERM"),
        ("raw('clone', 0x10000000 | 17, 0, 0, 0, 0)", "EPERM"),
        ("raw('clone3', 0, 0)", "ENOSYS"),
        ("raw('keyctl', 0, -3, 0)", "EPERM"),
        ("raw('io_uring_setup', 1, 0)", "EPERM"),
        ("raw('bpf', 0, 0, 0)", "EPERM"),
        ("raw('ptrace', 0, 0, 0, 0)", "EPERM"),
        ("raw('open_tree', 0, 0, 0)", "EPERM"),
        ("raw('shmget', 1, 4096, 0o1600)", "EPERM"),
        ("raw('memfd_create', id(b'x'), 0)", "EPERM"),
        ("open('/proc/1/mem', 'r+b')", "EACCES"),
        ("open('/proc/1/task/1/mem', 'r+b')", "EACCES"),
        ("import fcntl; fcntl.ioctl(0, 0x5412, b'x')", "EPERM"),
    ],
)
def test_system_calls_that_nobody_needs_are_refused(
    bubblewrap: Sandbox, run: Run, body: str, error: str
) -> None:
    table = {
        "x86_64": {
            **{"unshare": 272, "clone": 56, "keyctl": 250, "bpf": 321, "ptrace": 101},
            **{"shmget": 29, "memfd_create": 319},
        },
        "aarch64": {
            **{"unshare": 97, "clone": 220, "keyctl": 219, "bpf": 280, "ptrace": 117},
            **{"shmget": 194, "memfd_create": 279},
        },
    }[os.uname().machine] | {"clone3": 435, "io_uring_setup": 425, "open_tree": 428}
    raw = f"""
import ctypes
def raw(name, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall({table}[name], *map(ctypes.c_long, arguments)) < 0:
        raise OSError(ctypes.get_errno(), name)
"""
    assert run(bubblewrap, raw + attempt(body)).stdout == f"{error}\n"


def test_what_honest_programs_use_works(bubblewrap: Sandbox, run: Run) -> None:
    code = """
import asyncio, multiprocessing, os, pty, sqlite3, subprocess, tempfile, threading
def double(number): return number * 2
async def child():
    process = await asyncio.create_subprocess_exec("echo", "child", stdout=subprocess.PIPE)
    return (await process.communicate())[0]
if __name__ == "__main__":
    with multiprocessing.Pool(2) as pool:
        print(pool.map(double, [1, 2]))
    print(asyncio.run(child()))
    threading.Thread(target=print, args=("thread",)).start()
    os.close(pty.openpty()[0])
    with tempfile.NamedTemporaryFile() as file:
        sqlite3.connect(file.name).execute("create table t (a)")
    print(open("/dev/stdin").read(), file=open("/dev/stderr", "w"))
"""
    tree = Tree({"main.py": code.encode()})

    result = run(bubblewrap, "", argv=("{env}/bin/python", "main.py"), tree=tree, stdin=b"in")

    assert (result.returncode, result.stderr) == (0, "in\n"), result
    assert result.stdout == "[2, 4]\nb'child\\n'\nthread\n"


def test_the_sandbox_dies_with_us(line: Line, cache: Path, environment: Path) -> None:
    ours, theirs = line
    inside = f"import os, time; os.fork() or os.setsid(); os.write({theirs.fileno()}, b'u')"
    program = f"""
import asyncio
from pathlib import Path
from orchestrator.artifacts.tree import Tree
from orchestrator.sandbox import Command
from orchestrator.sandbox.bubblewrap import Bubblewrap
asyncio.run(Bubblewrap(Path("{cache}")).exec(Command(
    argv=("{{env}}/bin/python", "-c", "{inside}; time.sleep(600)"), tree=Tree(), tools=None,
    environment=Path("{environment}"), pass_fds=({theirs.fileno()},), seconds=600,
    memory_mib=512, processes=64, output_kib=64,
)))
"""
    us = subprocess.Popen([sys.executable, "-c", program], pass_fds=[theirs.fileno()])
    theirs.close()
    try:
        assert ours.recv(1) + ours.recv(1) == b"uu"
    finally:
        us.send_signal(signal.SIGKILL)
        us.wait()

    assert ours.recv(1) == b""


def test_a_command_cannot_pretend_that_the_sandbox_broke(bubblewrap: Sandbox, run: Run) -> None:
    code = "import sys; sys.stderr.write('bwrap: broken\\n'); sys.exit(1)"

    result = run(bubblewrap, code)

    assert (result.returncode, result.stderr) == (1, "bwrap: broken\n")


def test_a_python_is_found_through_other_names(
    bubblewrap: Sandbox, run: Run, environment: Path, cache: Path
) -> None:
    real = (environment / "bin/python").resolve()
    alias, copy = cache / "alias", cache / "by-alias"
    alias.symlink_to(real.parent.parent)
    (copy / "bin").mkdir(parents=True)
    (copy / "bin/python").symlink_to(alias / "bin" / real.name)
    (copy / "pyvenv.cfg").write_text(f"home = {alias}/bin\nversion_info = 3\n")

    result = run(bubblewrap, "import sys, json; print(sys.prefix)", environment=copy)

    assert result.stdout == f"{copy}\n", result.stderr


def test_an_environment_without_python_is_missing(
    bubblewrap: Sandbox, run: Run, tmp_path: Path
) -> None:
    with pytest.raises(Missing, match="no bin/python"):
        run(bubblewrap, "", environment=tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's rights are dropped")
def test_an_environment_that_nobody_else_can_reach_is_missing(
    bubblewrap: Sandbox, run: Run, tmp_path: Path, environment: Path
) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "env/bin").mkdir(parents=True)
    (tmp_path / "env/bin/python").symlink_to((environment / "bin/python").resolve())

    with pytest.raises(Missing, match="cannot reach") as raised:
        run(bubblewrap, "", environment=tmp_path / "env")

    assert "0755" in raised.value.remedy


def test_a_command_without_an_environment_runs(cache: Path, run: Run) -> None:
    result = run(Bubblewrap(cache), "", argv=("pwd",), environment=None)

    assert result.stdout == "/work\n"
