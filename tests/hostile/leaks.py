"""Programs after the secrets of whoever runs them."""

from functools import partial

from tests.hostile.probing import adder_with, probe
from tests.hostile.project import Project

_probe = partial(probe, family="secrets")
_tested = partial(adder_with, family="secrets")

_EVERYTHING = """
def everything():
    found = [str(dict(os.environ))]
    paths = glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline")
    paths += ["%%HOME%%/.netrc", "%%HOME%%/.aws/credentials", "%%OUTSIDE%%", "%%HOME%%/.env"]
    paths += glob.glob(os.path.expanduser("~/.*")) + glob.glob("/tmp/*") + glob.glob("/root/.*")
    for path in paths:
        try:
            found.append(path + repr(content(path)))
        except OSError as error:
            found.append(repr(error))
    return "\\n".join(found)
"""

PROJECTS: tuple[Project, ...] = (
    _probe(
        "variables-of-all",
        "prints the environment and the arguments of every process it sees",
        """
for path in sorted(glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline")):
    show(path, lambda: content(path))
for path in glob.glob("/proc/[0-9]*/task/*/environ"):
    show(path, lambda: content(path))
""",
    ),
    _probe(
        "own-variables",
        "prints its own environment, by every road",
        """
show("os.environ", lambda: dict(os.environ))
show("/proc/self/environ", lambda: content("/proc/self/environ"))
show("env", lambda: os.popen("env; set; export -p").read())
for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "GITHUB_TOKEN", "DATABASE_URL"):
    attempt(name, lambda: os.environ[name])
""",
    ),
    _probe(
        "first-process",
        "looks into its parent and into process 1: arguments, memory, folders, files",
        """
for pid in (1, os.getppid()):
    for name in ("environ", "cmdline", "auxv", "maps", "stack", "mountinfo"):
        show(f"{pid} {name}", lambda: content(f"/proc/{pid}/{name}"))
attempt("memory of 1", lambda: open("/proc/1/mem", "rb", 0).read(1))
attempt("root of 1", lambda: content("/proc/1/root%%HOME%%/.netrc"))
attempt("folder of 1", lambda: content("/proc/1/cwd/%%HOME%%/.netrc"))
""",
    ),
    _probe(
        "home",
        "reads what lies in every home: .netrc, cloud credentials, SSH keys, histories",
        """
names = (".netrc .aws/credentials .ssh/id_ed25519 .git-credentials .env .pypirc .gitconfig "
         ".config/gh/hosts.yml .claude/.credentials.json .docker/config.json .bash_history").split()
for home in ("%%HOME%%", os.path.expanduser("~"), "/root", "/home/user", "/"):
    for name in names:
        attempt(f"{home}/{name}", lambda: content(f"{home}/{name}"))
show("homes", lambda: glob.glob("/home/*/.*") + glob.glob("/root/.*") + glob.glob("%%BASE%%/*"))
""",
    ),
    _probe(
        "temporary-files",
        "reads what others left in the world's folders",
        """
attempt("%%OUTSIDE%%", lambda: content("%%OUTSIDE%%"))
for folder in ("/tmp", "/var/tmp", "/dev/shm", "/run", "/var/run", "/mnt", "/srv", "/opt"):
    for path in glob.glob(f"{folder}/**/*", recursive=True)[:2000]:
        show(path, lambda: content(path))
""",
    ),
    _probe(
        "machine",
        "reads what only the machine should know: shadow, sudoers, host keys, logs, disks",
        """
paths = ["/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/machine-id", "/etc/resolv.conf",
         "/var/log/dpkg.log", "/var/lib/dpkg/status", "/proc/kcore", "/dev/mem", "/dev/kmsg",
         "/proc/kmsg", "/proc/keys", "/var/run/docker.sock", "/proc/sysrq-trigger"]
for path in paths + glob.glob("/etc/ssh/*key*") + glob.glob("/dev/[svn][dbv]*"):
    if path == "/proc/keys":
        show(path, lambda: content(path))
    else:
        attempt(path, lambda: content(path))
attempt("kernel log", lambda: raw("syslog", 3, ctypes.create_string_buffer(99).raw, 99))
attempt("cache", lambda: os.listdir("/var/cache/milestone-orchestrator/uv"))
""",
    ),
    _probe(
        "descriptors",
        "reads every descriptor it was born with, and those of other processes",
        """
for number in range(3, 1024):
    try:
        kind = os.readlink(f"/proc/self/fd/{number}")
    except OSError:
        continue
    attempt(f"{number} {kind}", lambda: os.pread(number, 999, 0))
for path in glob.glob("/proc/[0-9]*/fd/*"):
    show(path, lambda: os.readlink(path))
    if os.path.isfile(path):
        show(path, lambda: content(path))
""",
    ),
    _probe(
        "core-dump",
        "wants a core dump, to read what its ancestors left in memory",
        """
import resource, signal
everything = resource.RLIM_INFINITY
attempt("raised limit", lambda: resource.setrlimit(resource.RLIMIT_CORE, (everything, everything)))
attempt("some core", lambda: resource.setrlimit(resource.RLIMIT_CORE, (4096, 4096)))
if os.fork() == 0:
    os.abort()
status = os.wait()[1]
attempt("a core", lambda: 1 / os.WCOREDUMP(status))
for path in glob.glob("core*") + glob.glob("/tmp/core*") + glob.glob("/var/crash/*"):
    attempt(path, lambda: content(path))
""",
    ),
    _probe(
        "git",
        "asks git for the settings and passwords of its user",
        """
import subprocess
def told(*words, given=b""):
    done = subprocess.run(words, input=given, capture_output=True, timeout=20)
    return done.returncode, done.stdout, done.stderr
show("list", lambda: told("git", "config", "--list", "--show-origin"))
show("global", lambda: told("git", "config", "--file", "%%HOME%%/.gitconfig", "--list"))
question = b"protocol=https\\nhost=example.com\\n\\n"
show("fill", lambda: told("git", "credential", "fill", given=question))
show("helper", lambda: told("git", "-c", "credential.helper=store", "credential", "fill",
                            given=question))
""",
    ),
    _probe(
        "memory-of-others",
        "reads the memory of every process it can name",
        """
for pid in [*range(1, 40), %%PID%%]:
    if pid == os.getpid() or not os.path.exists(f"/proc/{pid}"):
        continue
    attempt(f"memory of {pid}", lambda: open(f"/proc/{pid}/mem", "rb", 0).read(1))
    attempt(f"ptrace of {pid}", lambda: raw("ptrace", 16, pid, 0, 0))
    handle = None
    show(f"handle of {pid}", lambda: raw("pidfd_open", pid, 0))
    for number in range(3):
        attempt(f"file {number} of {pid}", lambda: raw("pidfd_getfd", 3, number, 0))
""",
    ),
    _probe(
        "clouds",
        "asks the cloud's metadata service for the machine's credentials",
        """
for host in ("169.254.169.254", "169.254.170.2", "100.100.100.200", "fd00:ec2::254"):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    attempt(host, lambda: connected((host, 80), family))
for host in ("metadata.google.internal", "instance-data"):
    attempt(host, lambda: socket.getaddrinfo(host, 80))
""",
    ),
    _tested(
        "in-a-failure",
        "a failing test whose message holds all that could be read",
        f"{_EVERYTHING}\n\ndef test_fails():\n    assert everything() == ''\n",
        expect=("fail",),
    ),
    _tested(
        "while-collecting",
        "a test module prints, warns and raises with all that could be read while it is imported",
        f"{_EVERYTHING}\nimport warnings\nprint(everything())\nwarnings.warn(everything())\n"
        "raise SystemError(everything())\n",
        expect=("fail", "inconclusive"),
    ),
)
