"""Programs that try to leave the sandbox: by links, processes, mounts, devices, rights."""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path

from tests.hostile.probing import INNER, adder_with, probe
from tests.hostile.project import Project

_probe = partial(probe, family="escape")
_tested = partial(adder_with, family="escape")


def _links(project: Path) -> None:
    """Links to the host's files where something of ours, or a test, might read them."""
    base = project.parent
    for name, target in {
        "app/secret.py": base / "home/.netrc",
        "tests/test_secret.py": base / "home/.env",
        "tests/home": base / "home",
        "conftest.py": base / "home/.pypirc",
        "pytest.ini": base / "home/.gitconfig",
        "README.md": Path("../home/.netrc"),
        "drop": base / "drop",
    }.items():
        (project / name).symlink_to(target)


def _hard_link(project: Path) -> None:
    os.link(project.parent / "precious", project / "data.txt")


def _git_elsewhere(project: Path) -> None:
    """Repositories within the project: a file that names another folder, and one with hooks."""
    (project / "app/.git").write_text(f"gitdir: {project / '.git'}\n")
    inner = project / "vendor/lib/.git"
    inner.mkdir(parents=True)
    (inner / "HEAD").write_text("ref: refs/heads/main\n")
    (inner / "config").write_text((project / ".git/config").read_text())
    (project / "vendor/lib/code.py").write_text('"""Vendored."""\n')


_IS_FREE = """
def test_reads_no_secret():
    assert not attempt("netrc", lambda: content("%%HOME%%/.netrc"))


def test_writes_nothing():
    assert not attempt("drop", lambda: write("%%BASE%%/drop/dropped"))
"""


def _above(project: Project) -> Project:
    """The project in a folder of a repository that brings settings, from which it is run."""
    inner = {f"{INNER}/{path}": given for path, given in project.files.items()}
    return replace(project, files={**inner, "orchestrate.toml": 'sandbox = "process"\n'})


PROJECTS: tuple[Project, ...] = (
    _probe(
        "dot-dot",
        "climbs out of its folder by '..' and by every other name of the outside",
        """
up = "/".join([".."] * 20)
for start in ("", "/tmp/", "/proc/self/cwd/", "/dev/shm/", "/usr/lib/../"):
    attempt(start or "here", lambda: content(f"{start}{up}%%HOME%%/.netrc"))
attempt("link", lambda: (os.symlink("%%HOME%%/.netrc", "/work/l"), content("/work/l")))
attempt("precious", lambda: write(f"{up}%%BASE%%/precious"))
attempt("drop", lambda: write("%%BASE%%/drop/dropped"))
attempt("project", lambda: write("%%BASE%%/project/main.py"))
""",
    ),
    _tested(
        "links-in-the-tree",
        "links to the host's files stand for a module, a test, the configuration, the README",
        """
HOPED = ("README.md", "app/secret.py", "tests/home/.netrc", "drop", "pytest.ini", "conftest.py")


def test_reads_none():
    assert [name for name in HOPED if os.path.exists(name)] == []
""",
        expect=("pass", "fail", "inconclusive", "stopped"),
        plant=_links,
    ),
    _tested(
        "hard-link-in-the-tree",
        "a file of the tree is a hard link to a precious file; the suite writes to it",
        """
def test_writes():
    write("data.txt")
    os.chmod("data.txt", 0o777)
    assert content("data.txt").endswith(b"hostile")
""",
        plant=_hard_link,
    ),
    _probe(
        "roots-of-processes",
        "reaches the host's files through /proc: roots, folders and files of processes",
        """
for pid in ["self", "thread-self", *range(1, 200), %%PID%%]:
    for name in ("root", "cwd"):
        for path in (f"/proc/{pid}/{name}%%HOME%%/.netrc", f"/proc/{pid}/{name}/../../etc/shadow"):
            if os.path.exists(os.path.dirname(os.path.dirname(path))):
                attempt(path, lambda: content(path))
attempt("host's processes", lambda: content("/proc/%%PID%%/cmdline"))
attempt("more than ours", lambda: 1 / (len(glob.glob("/proc/[0-9]*")) > 20))
""",
    ),
    _probe(
        "tracing",
        "takes over the process above it with ptrace and process_vm_writev",
        """
for pid in {1, os.getppid(), %%PID%%}:
    if pid:
        attempt(f"attach {pid}", lambda: raw("ptrace", 16, pid, 0, 0))
        attempt(f"seize {pid}", lambda: raw("ptrace", 0x4206, pid, 0, 0))
        attempt(f"memory of {pid}", lambda: open(f"/proc/{pid}/mem", "r+b", 0).write(b"x"))
        attempt(f"read {pid}", lambda: raw("process_vm_readv", pid, 0, 0, 0, 0, 0))
attempt("be traced", lambda: raw("ptrace", 0, 0, 0, 0))
""",
    ),
    _probe(
        "mounts",
        "mounts, unmounts and changes its root",
        """
attempt("tmpfs", lambda: raw("mount", b"none\\0", b"/tmp\\0", b"tmpfs\\0", 0, 0))
attempt("rw", lambda: raw("mount", b"none\\0", b"/usr\\0", b"none\\0", 0x20 | 0x1000, 0))
attempt("bind", lambda: raw("mount", b"/\\0", b"/tmp\\0", b"none\\0", 0x1000, 0))
for place in (b"/proc/sys\\0", b"/usr\\0", b"/work\\0", b"/etc/hosts\\0"):
    attempt(f"umount {place}", lambda: raw("umount2", place, 2))
attempt("pivot_root", lambda: raw("pivot_root", b".\\0", b".\\0"))
attempt("chroot", lambda: os.chroot("/tmp"))
attempt("open_tree", lambda: raw("open_tree", -100, b"/\\0", 1))
attempt("fsopen", lambda: raw("fsopen", b"tmpfs\\0", 0))
attempt("mount_setattr", lambda: raw("mount_setattr", -100, b"/\\0", 0, b"\\0" * 32, 32))
for tool in ("mount -t tmpfs none /tmp", "umount /proc/sys", "fusermount -u /tmp"):
    show(tool, lambda: os.system(tool + " 2>&1"))
""",
    ),
    _probe(
        "namespaces",
        "makes namespaces of its own, in which it would be root",
        """
for flag in (0x10000000, 0x20000, 0x40000000, 0x20000000, 0x8000000, 0x4000000, 0x2000000):
    attempt(f"unshare {flag:x}", lambda: raw("unshare", flag))
    def cloned():
        pid = raw("clone", flag | 17, 0, 0, 0, 0)
        if pid == 0:
            os._exit(0)
        return pid
    attempt(f"clone {flag:x}", cloned)
attempt("clone3", lambda: raw("clone3", b"\\0" * 88, 88))
for name in ("user", "net", "mnt", "pid", "ipc", "uts", "cgroup"):
    attempt(f"setns {name}", lambda: raw("setns", os.open(f"/proc/1/ns/{name}", 0), 0))
attempt("uid_map", lambda: os.write(os.open("/proc/self/uid_map", os.O_WRONLY), b"0 0 1"))
attempt("bwrap", lambda: 1 / (os.system("unshare -Ur id 2>&1 || bwrap --ro-bind / / id 2>&1") == 0))
""",
    ),
    _probe(
        "rights",
        "wants to be root: set-user-id programs, capabilities, sudo",
        """
import stat, subprocess
for folder in ("/usr/bin", "/usr/sbin", "/usr/lib/openssh", "/usr/lib/dbus-1.0"):
    for path in glob.glob(f"{folder}/*"):
        if os.path.isfile(path) and os.stat(path).st_mode & stat.S_ISUID:
            show(path, lambda: subprocess.run([path, "-c", "id"], input=b"", timeout=5,
                                              capture_output=True).stdout)
for uid in (0, 1, 1000):
    attempt(f"setuid {uid}", lambda: os.setresuid(uid, uid, uid))
    attempt(f"setgid {uid}", lambda: os.setresgid(uid, uid, uid))
attempt("groups", lambda: os.setgroups([0, 42]))
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
for name in ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd"):
    attempt(f"capabilities {name}", lambda: 1 / int(status[name], 16))
attempt("new rights", lambda: 1 / (1 - int(status["NoNewPrivs"])))
attempt("no filter", lambda: 1 / (2 - int(status["Seccomp"])))
attempt("root", lambda: 1 / (os.getuid() == 0))
""",
    ),
    _probe(
        "system-folders",
        "writes into /usr, /etc, /dev, /sys and the root",
        """
folders = ["/", "/usr", "/usr/bin", "/usr/lib", "/usr/local/bin", "/etc", "/dev", "/lib", "/opt",
           "/root", "/home", "/var", "/var/tmp", "/run", "/proc", "/sys", "/sys/fs/cgroup", "/boot",
           "/ro", "/usr/local/lib/python3.11/dist-packages"]
for folder in folders:
    attempt(folder, lambda: write(f"{folder}/planted-%%MARK%%"))
    attempt(f"mkdir {folder}", lambda: os.mkdir(f"{folder}/folder-%%MARK%%"))
for path in ("/etc/passwd", "/etc/hosts", "/etc/ld.so.cache", "/usr/bin/env", "/src.tar"):
    attempt(path, lambda: opened(path))
    attempt(f"chmod {path}", lambda: os.chmod(path, 0o777))
    attempt(f"replace {path}", lambda: os.replace("attempts.py", path))
""",
    ),
    _probe(
        "kernel-settings",
        "opens the kernel's settings for writing, and writes nothing",
        """
paths = ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sysrq-trigger",
         "/proc/sys/vm/overcommit_memory", "/proc/sys/fs/binfmt_misc/register",
         "/proc/sys/net/ipv4/ip_forward", "/proc/sys/kernel/hostname",
         "/proc/sys/fs/protected_symlinks",
         "/sys/kernel/uevent_helper", "/sys/power/state", "/proc/irq/default_smp_affinity",
         "/proc/acpi/wakeup", "/proc/mtrr", "/proc/scsi/scsi",
         "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/memory/release_agent",
         "/sys/module/kernel/parameters/panic", "/proc/sys/kernel/ns_last_pid",
         "/proc/sys/user/max_user_namespaces"]
for path in paths + glob.glob("/sys/fs/cgroup/*/release_agent") + glob.glob("/proc/sys/*/*")[:400]:
    if os.path.exists(path):
        attempt(path, lambda: opened(path))
""",
    ),
    _probe(
        "the-environment",
        "plants code in the environment and in the interpreter, for whoever runs them next",
        """
import site, sysconfig
places = [*site.getsitepackages(), sysconfig.get_path("stdlib"), f"{sys.prefix}/bin", sys.prefix,
          f"{sys.base_prefix}/lib", f"{sys.base_prefix}/bin", os.path.dirname(os.__file__)]
for place in places:
    attempt(place, lambda: write(f"{place}/planted-%%MARK%%.pth"))
    for path in glob.glob(f"{place}/*")[:20]:
        if os.path.isfile(path):
            attempt(path, lambda: opened(path))
            attempt(f"chmod {path}", lambda: os.chmod(path, 0o777))
attempt("python", lambda: os.replace("attempts.py", sys.executable))
attempt("pyvenv.cfg", lambda: os.unlink(f"{sys.prefix}/pyvenv.cfg"))
""",
    ),
    _probe(
        "terminal-input",
        "types into the terminal of whoever started it",
        """
import fcntl
def typed(descriptor):
    for character in b"id\\n":
        fcntl.ioctl(descriptor, 0x5412, bytes([character]))
for number in range(10):
    attempt(f"TIOCSTI {number}", lambda: typed(number))
    attempt(f"TIOCLINUX {number}", lambda: fcntl.ioctl(number, 0x541C, b"\\3"))
for path in ["/dev/tty", "/dev/console", "/dev/tty0", "/dev/tty1", *glob.glob("/dev/pts/[0-9]*")]:
    attempt(path, lambda: opened(path))
    attempt(f"TIOCSTI {path}", lambda: typed(os.open(path, os.O_RDWR)))
attempt("own terminal", lambda: typed(os.openpty()[1]))
attempt("a session", lambda: 1 / (os.tcgetpgrp(0) >= 0))
""",
    ),
    _probe(
        "keyrings",
        "reads and fills the kernel's keyrings, which no namespace holds",
        """
for ring in (-1, -2, -3, -4, -5, -8):
    attempt(f"ring {ring}", lambda: raw("keyctl", 0, ring, 1))
    attempt(f"join {ring}", lambda: raw("keyctl", 11, ring, b"x" * 9, 9))
attempt("add", lambda: raw("add_key", b"user\\0", b"planted-%%MARK%%\\0", b"x", 1, -3))
attempt("request", lambda: raw("request_key", b"user\\0", b"token\\0", 0, -3))
""",
    ),
    _probe(
        "signals",
        "kills whatever it can name outside: one process, a group, everybody",
        """
import signal
for name in ("SIGTERM", "SIGHUP", "SIGINT"):
    signal.signal(getattr(signal, name), signal.SIG_IGN)
attempt("victim", lambda: os.kill(%%PID%%, signal.SIGKILL))
attempt("its group", lambda: os.killpg(%%PID%%, signal.SIGKILL))
for pid in range(2, 5000):
    if pid not in (os.getpid(), os.getpgrp()):
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
show("group", lambda: os.killpg(0, signal.SIGTERM))
show("first", lambda: os.kill(1, signal.SIGKILL))
show("everybody", lambda: os.kill(-1, signal.SIGTERM))
""",
    ),
    _probe(
        "git-hooks",
        "plants hooks and settings for the next git command of its user",
        """
import subprocess
for folder in (".git", "%%BASE%%/project/.git"):
    def planted():
        os.makedirs(f"{folder}/hooks", exist_ok=True)
        with open(f"{folder}/hooks/post-checkout", "w") as file:
            file.write("#!/bin/sh\\ntouch %%BASE%%/drop/hook\\n")
        os.chmod(f"{folder}/hooks/post-checkout", 0o755)
        with open(f"{folder}/config", "a") as file:
            file.write("[core]\\n\\tfsmonitor = touch %%BASE%%/drop/monitor\\n")
    show(folder, planted)
show("init", lambda: subprocess.run(["git", "init", "."], capture_output=True, timeout=20))
show("global", lambda: subprocess.run(["git", "config", "--global", "core.hooksPath", "."],
                                      capture_output=True, timeout=20))
attempt("user's", lambda: write("%%HOME%%/.gitconfig"))
attempt("system's", lambda: write("/etc/gitconfig"))
""",
    ),
    _tested(
        "repositories-inside",
        "repositories with hooks and a foreign git folder lie within the tree",
        "",
        files={".gitattributes": "* filter=own diff=own\n"},
        plant=_git_elsewhere,
        expect=("pass", "fail", "inconclusive"),
    ),
    _probe(
        "devices",
        "makes device nodes and opens the machine's",
        """
attempt("mknod", lambda: os.mknod("disk", 0o60666, os.makedev(254, 0)))
attempt("mknod null", lambda: os.mknod("/tmp/mem", 0o20666, os.makedev(1, 1)))
for path in ("mem", "kmem", "port", "kvm", "fuse", "loop-control", "loop0", "vda", "sda", "vsock",
             "net/tun", "mapper/control", "vhost-vsock", "vhost-net", "kmsg", "uinput", "rtc0",
             "nvram", "cpu/0/msr", "snapshot", "hwrng", "userfaultfd", "hpet"):
    attempt(path, lambda: os.close(os.open(f"/dev/{path}", os.O_RDONLY)))
show("devices", lambda: sorted(os.listdir("/dev")))
""",
    ),
    _probe(
        "what-others-own",
        "changes the mode, the times, the name and the content of files outside",
        """
for path in ("%%BASE%%/precious", "%%OUTSIDE%%", "%%BASE%%/drop", "%%HOME%%/.netrc"):
    attempt(f"chmod {path}", lambda: os.chmod(path, 0o777))
    attempt(f"utime {path}", lambda: os.utime(path))
    attempt(f"truncate {path}", lambda: os.truncate(path, 0))
    attempt(f"rename {path}", lambda: os.rename(path, path + "2"))
    attempt(f"link {path}", lambda: os.link(path, "/work/linked"))
    attempt(f"unlink {path}", lambda: os.unlink(path))
    attempt(f"xattr {path}", lambda: os.setxattr(path, "user.hostile", b"x"))
    attempt(f"stat {path}", lambda: os.stat(path))
for path in ("/tmp", "/var/tmp", "/dev/shm", "/work"):
    show(path, lambda: write(f"{path}/planted-%%MARK%%"))
""",
    ),
    _probe(
        "kernel-doors",
        "system calls with a history: io_uring, bpf, perf, userfaultfd, handles, fanotify",
        """
attempt("io_uring", lambda: raw("io_uring_setup", 8, b"\\0" * 120))
for command in range(0, 6):
    attempt(f"bpf {command}", lambda: raw("bpf", command, b"\\0" * 120, 120))
attempt("perf", lambda: raw("perf_event_open", b"\\0" * 120, 0, -1, -1, 0))
attempt("userfaultfd", lambda: raw("userfaultfd", 0))
attempt("userfaultfd 1", lambda: raw("userfaultfd", 1))
handle = (8).to_bytes(4, "little") + (1).to_bytes(4, "little") + (2).to_bytes(8, "little")
attempt("handle", lambda: raw("open_by_handle_at", os.open("/usr", 0), handle, 0))
attempt("fanotify", lambda: raw("fanotify_init", 0, 0))
""",
    ),
    _probe(
        "other-tables",
        "the same calls by other numbers: those of x32, and of 32-bit programs",
        """
import mmap
if os.uname().machine == "x86_64":
    libc = ctypes.CDLL(None, use_errno=True)
    def x32():
        got = libc.syscall(0x40000000 | 272, ctypes.c_long(0x10000000))
        return 1 / (got >= 0)
    attempt("unshare of x32", x32)
    code = bytes.fromhex("53" "b836010000" "bb00000010" "cd80" "5b" "c3")
    page = mmap.mmap(-1, 4096, prot=7)
    page.write(code)
    where = ctypes.addressof(ctypes.c_char.from_buffer(page))
    call = ctypes.CFUNCTYPE(ctypes.c_int)(where)
    pid = os.fork()
    if pid == 0:
        os._exit(0 if call() == 0 else 1)
    attempt("unshare of 32 bits", lambda: 1 / (os.waitpid(pid, 0)[1] == 0))
""",
    ),
    _tested(
        "its-own-settings",
        "the project's orchestrate.toml chooses to be run without a sandbox",
        _IS_FREE,
        files={"orchestrate.toml": 'sandbox = "process"\n'},
        expect=("pass", "stopped"),
    ),
    _above(
        _tested(
            "settings-above",
            "the orchestrate.toml beside it chooses to be run without a sandbox",
            _IS_FREE,
            expect=("pass", "stopped"),
        )
    ),
    _tested(
        "settings-of-the-linter",
        "the configuration of ruff names files of the host, which an error message would quote",
        "",
        files={
            "ruff.toml": 'extend = "%%HOME%%/.netrc"\ncache-dir = "%%BASE%%/drop/cache"\n',
            "app/ruff.toml": 'extend = "../../home/.env"\n',
            ".ruff.toml": 'extend = "%%OUTSIDE%%"\n',
        },
    ),
    _tested(
        "from-a-test",
        "a suite tries the short list while it passes",
        """
UP = "/".join([".."] * 20)
ATTEMPTS = {
    "netrc": lambda: content("%%HOME%%/.netrc"),
    "up": lambda: content(f"{UP}%%OUTSIDE%%"),
    "precious": lambda: write("%%BASE%%/precious"),
    "kernel": lambda: opened("/proc/sys/kernel/core_pattern"),
    "namespace": lambda: raw("unshare", 0x10000000),
    "mount": lambda: raw("mount", b"none\\0", b"/tmp\\0", b"tmpfs\\0", 0, 0),
    "usr": lambda: write("/usr/planted-%%MARK%%"),
    "tools": lambda: write("/ro/planted-%%MARK%%"),
    "packages": lambda: write(f"{os.path.dirname(os.__file__)}/planted-%%MARK%%.py"),
}


def test_nothing_works():
    assert [name for name, act in ATTEMPTS.items() if attempt(name, act)] == []
""",
    ),
)
