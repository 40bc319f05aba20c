"""Programs that aim at one protection each, where no hostile project does; small, for a sandbox
with 512 MiB, 64 processes and 64 KiB of output.
"""

from functools import partial

from tests.hostile import escape, leaks, network, resources
from tests.hostile.probing import probe
from tests.hostile.project import Project

_probe = partial(probe, family="escape", says="")


def known(name: str) -> Project:
    """The hostile project of that name among those that `orchestrate sandbox` is given."""
    every = (*escape.PROJECTS, *leaks.PROJECTS, *network.PROJECTS, *resources.PROJECTS)
    return next(one for one in every if one.name == name and one.interface == "sandbox")


SEGMENTS = _probe(
    "shared-segments",
    "looks for shared memory of others",
    """
def seen():
    lines = open("/proc/sysvipc/shm").read().splitlines()[1:]
    return 1 / sum(line.split()[0] == "%%SEGMENT%%" for line in lines)
attempt("segment", seen)
""".replace("%%SEGMENT%%", str(0x4F524348)),
)
VICTIM = _probe(
    "kills-a-process",
    "kills a process of the same user",
    'attempt("victim", lambda: os.kill(%%PID%%, 9))',
)
HOSTNAME = _probe(
    "asks-for-its-name",
    "asks what its machine is called",
    'attempt("name", lambda: 1 / (os.uname().nodename != "sandbox") and "told")',
)
CGROUPS = _probe(
    "asks-for-its-cgroup",
    "asks where in the host's tree of control groups it is",
    """
lines = open("/proc/self/cgroup").read().split()
attempt("paths", lambda: 1 / sum(not line.endswith(":/") for line in lines))
""",
)
RIGHTS = _probe(
    "is-root",
    "is somebody with rights",
    """
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
attempt("root", lambda: 1 / (os.getuid() == 0))
attempt("capabilities", lambda: 1 / int(status["CapEff"], 16))
""",
)
CAPABILITIES = _probe(
    "has-capabilities",
    "has a capability",
    """
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
for name in ("CapEff", "CapPrm"):
    attempt(name, lambda: 1 / int(status[name], 16))
""",
)
SETTINGS = _probe(
    "opens-kernel-settings",
    "opens settings of its network and of the kernel for writing, and writes nothing",
    """
for path in ("/proc/sys/net/ipv4/ip_forward", "/proc/sys/kernel/core_pattern",
             "/proc/sys/kernel/hostname", "/proc/sys/user/max_user_namespaces"):
    if os.path.exists(path):
        attempt(path, lambda: opened(path))
""",
)
SYSTEM = _probe(
    "opens-the-system",
    "opens files of the system for writing, and writes nothing",
    """
for path in ("/usr/share/dict/words", "/usr/lib/os-release", *glob.glob("/usr/lib/python3/*")[:3],
             *glob.glob("/usr/share/doc/*/copyright")[:3]):
    if os.path.isfile(path):
        attempt(path, lambda: opened(path))
""",
)
OTHER_PROC = _probe(
    "opens-what-is-root's",
    "opens what only the host's root may write below /proc, and writes nothing",
    """
paths = ["/proc/sysrq-trigger", "/proc/irq/default_smp_affinity", "/proc/mtrr",
         "/proc/timer_list", "/proc/sys/kernel/core_pattern"]
for path in paths + glob.glob("/proc/irq/*/smp_affinity")[:3]:
    if os.path.exists(path):
        attempt(path, lambda: opened(path))
""",
)
CORE_PATTERN = _probe(
    "opens-core-pattern",
    "opens the kernel's core_pattern for writing, and writes nothing",
    'attempt("core_pattern", lambda: opened("/proc/sys/kernel/core_pattern"))',
)
TOOLS = _probe(
    "writes-to-our-files",
    "appends to what we put beside it",
    """
attempt("src.tar", lambda: write("/src.tar"))
attempt("hosts", lambda: write("/etc/hosts"))
""",
)
ETC = _probe(
    "reads-the-machine's-etc",
    "reads what /etc says of the machine and its people",
    """
for path in ("/etc/machine-id", "/etc/resolv.conf", "/etc/fstab", "/etc/hostname", "/etc/shells",
             "/etc/issue", "/etc/debian_version"):
    attempt(path, lambda: content(path) and "read")
""",
)
ENVIRONMENT = _probe(
    "poisons-the-environment",
    "plants a .pth file for whoever uses the environment next",
    """
import site
for place in site.getsitepackages():
    attempt(place, lambda: (os.chmod(place, 0o755), write(f"{place}/planted.pth")))
    attempt("clean up", lambda: os.unlink(f"{place}/planted.pth"))
""",
)
PROJECT = _probe(
    "writes-to-the-person's-project",
    "plants a hook where its user's git will run it",
    'attempt("hook", lambda: write("/work/.git/hooks/post-checkout"))',
)
SPACE = """
def filling(folder):
    held = []
    try:
        for number in range(6):
            held.append(f"{folder}/filled-{number}")
            with open(held[-1], "wb") as file:
                os.posix_fallocate(file.fileno(), 0, 64 << 20)
    finally:
        for path in held:
            os.path.exists(path) and os.unlink(path)
"""


def filling(folder: str) -> Project:
    """384 MiB in `folder`."""
    name = "fills" + folder.replace("/", "-")
    body = f'{SPACE}attempt("{folder}", lambda: filling("{folder}"))'
    return _probe(name, f"puts 384 MiB into {folder}", body)


TERMINAL = _probe(
    "takes-the-terminal",
    "opens and types into the terminal of whoever started it",
    """
import fcntl
attempt("terminal", lambda: opened("/dev/tty"))
attempt("typed", lambda: fcntl.ioctl(os.open("/dev/tty", os.O_RDWR), 0x5412, b"x"))
""",
)
TYPING = _probe(
    "types-into-a-terminal",
    "types into a terminal of its own making",
    """
import fcntl
def typed():
    os.setsid() if os.getpid() != os.getsid(0) else None
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, 0x540E, 0)
    fcntl.ioctl(theirs, 0x5412, b"x")
if os.fork() == 0:
    attempt("typed", typed)
    os._exit(0)
os.wait()
""",
)
USER_NAMESPACE = _probe(
    "makes-a-user-namespace",
    "makes a user namespace, in which it would be root",
    """
attempt("unshare", lambda: raw("unshare", 0x10000000))
def cloned():
    pid = raw("clone", 0x10000000 | 17, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    return pid
attempt("clone", cloned)
""",
)
FAMILIES = _probe(
    "other-sockets",
    "opens sockets that no network namespace holds",
    """
for family in (40, 38):
    attempt(f"family {family}", lambda: socket.socket(family, socket.SOCK_STREAM if family == 40
                                                      else socket.SOCK_SEQPACKET).close())
""",
)
DOORS = _probe(
    "kernel-doors-and-keyrings",
    "uses calls with a history: keyctl, io_uring, userfaultfd, process_vm_readv",
    """
attempt("keyctl", lambda: raw("keyctl", 0, -3, 1) and "a keyring")
attempt("io_uring", lambda: raw("io_uring_setup", 8, b"\\0" * 120))
attempt("process_vm_readv", lambda: raw("process_vm_readv", os.getpid(), 0, 0, 0, 0, 0))
attempt("ptrace", lambda: raw("ptrace", 0, 0, 0, 0))
""",
)
OLD_TABLE = _probe(
    "32-bit-calls",
    "asks for io_uring by the number of a 32-bit program",
    """
import mmap
code = bytes.fromhex("53" "b8a9010000" "bb01000000" "31c9" "cd80" "5b" "c3")
page = mmap.mmap(-1, 4096, prot=7)
page.write(code)
where = ctypes.addressof(ctypes.c_char.from_buffer(page))
call = ctypes.CFUNCTYPE(ctypes.c_int)(where)
if os.uname().machine == "x86_64":
    pid = os.fork()
    if pid == 0:
        os._exit(0 if call() == -14 else 1)
    attempt("io_uring_setup, which faults at its address", lambda: 1 / (os.wait()[1] == 0))
""",
)
X32 = _probe(
    "x32-calls",
    "asks for keyctl by the number of an x32 program",
    """
libc = ctypes.CDLL(None, use_errno=True)
if os.uname().machine == "x86_64":
    attempt("keyctl", lambda: 1 / (libc.syscall(0x40000000 | 250, 0, -3, 1) >= 0))
""",
)
MEMORY = _probe(
    "memory-of-one",
    "takes 512 MiB in one process, of 128",
    'attempt("512 MiB", lambda: len(b"x" * (512 << 20)))',
    expect=("exited", "killed"),
)
MEMORY_OF_MANY = _probe(
    "memory-of-six",
    "takes 600 MiB in six processes, each below the limit of 128",
    """
import time
held = [os.pipe() for _ in range(6)]
for _, told in held:
    if os.fork() == 0:
        kept = b"x" * (90 << 20)
        os.write(told, b"1")
        time.sleep(3)
        os._exit(0)
attempt("540 MiB", lambda: 1 / (b"".join(os.read(one, 1) for one, _ in held) == b"1" * 6))
time.sleep(1)
""",
    expect=("exited", "killed"),
)
HUGE_FILE = _probe(
    "a-huge-file",
    "one file of 320 MiB",
    """
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with open("/tmp/huge", "wb") as file:
    attempt("320 MiB", lambda: os.posix_fallocate(file.fileno(), 0, 320 << 20))
""",
)
FILES_IN_MEMORY = _probe(
    "files-in-memory",
    "256 MiB in files of memory, which belong to no process",
    """
def taking():
    held = [os.memfd_create("held") for _ in range(4)]
    for one in held:
        os.posix_fallocate(one, 0, 64 << 20)
attempt("256 MiB", taking)
""",
)
DESCRIPTORS = _probe(
    "descriptors",
    "opens 2000 pipes",
    'held = []\nattempt("pipes", lambda: [held.append(os.pipe()) for _ in range(2000)] and "held")',
)
FORKS = _probe(
    "forks",
    "forks a few times more than it may",
    """
import signal
count = 0
try:
    while count < 40:
        if os.fork() == 0:
            signal.pause()
        count += 1
except OSError:
    pass
attempt("40 processes, of 32", lambda: 1 / (count == 40))
""",
)
CORE = _probe(
    "dumps-core",
    "dumps its memory",
    """
import resource
attempt("limit", lambda: resource.setrlimit(resource.RLIMIT_CORE, (4096, 4096)))
""",
)
BUSY = _probe(
    "computes",
    "computes for three seconds of its one",
    """
import time
while time.process_time() < 3:
    pass
attempt("three seconds", lambda: time.process_time())
""",
    expect=("exited", "timed out", "killed"),
)
IDLE = _probe(
    "sleeps",
    "sleeps for three seconds of its one",
    """
import time
time.sleep(3)
attempt("three seconds", lambda: 3)
""",
    expect=("exited", "timed out", "killed"),
)
FLOOD = _probe(
    "floods",
    "writes 4 MiB, of 64 KiB",
    """
for _ in range(64):
    os.write(1, b"x" * 65535 + b"\\n")
os.write(1, b"REACHED the end\\n")
os.write(2, b"REA" + b"CHED four megabytes\\n")
""",
    expect=("exited", "too much output"),
)
