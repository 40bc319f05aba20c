"""Options of the sandbox, taken away one by one."""

import os

from orchestrator.sandbox import bubblewrap, seccomp
from tests.hostile.ablation import attacks, parting
from tests.hostile.ablation.attacks import known
from tests.hostile.ablation.row import Case
from tests.hostile.ablation.weakened import Away, proof
from tests.hostile.project import Project

_SEGMENT = """
import ctypes
ctypes.CDLL(None).shmget(0x4F524348, 4096, 0o1666)
"""
_OWN_TERMINAL = """
import fcntl, pty
ours, theirs = pty.openpty()
fcntl.ioctl(theirs, 0x540E, 0)
os.set_inheritable(ours, True)
"""


def _case(
    protection: str,
    away: str,
    project: Project,
    taken: Away,
    *,
    behind: Away | None = None,
    layer: str = "",
    always: Away | None = None,
    **more: object,
) -> Case:
    """One option: by default whatever the project reaches is a sign."""
    return Case(
        part="sandbox",
        protection=protection,
        away=away,
        project=project.name,
        measure=proof(project, taken, behind, always=always),
        layer=layer,
        **more,  # type: ignore[arg-type]
    )


def edited(*edits: tuple[str, str]) -> Away:
    return Away(edits=edits)


NO_SECCOMP = edited(("--seccomp *", ""))
RW_ROOT = edited(("--remount-ro / --chdir", "--chdir"))
BARE = Away(values=((bubblewrap, "_BARE_ENV", os.environ),))
NEW_SESSION = edited(("--new-session", ""))
_MEMFD = {
    machine: {name: number for name, number in calls.items() if name != "memfd_create"}
    for machine, calls in seccomp._DENIED.items()
}
_DENIED = {name: {} for name in seccomp._DENIED}

CASES: tuple[Case, ...] = (
    Case(
        part="sandbox",
        protection="--unshare-user",
        away="--unshare-user, and --uid, --gid, --disable-userns, which need it, left out",
        project="makes-a-user-namespace",
        why_not="bubblewrap makes one anyway for whoever is not root",
        measure=proof(
            attacks.USER_NAMESPACE,
            edited(
                ("--unshare-user --uid * --gid *", ""),
                ("--disable-userns", ""),
            ),
        ),
    ),
    _case(
        "--uid 65534 --gid 65534",
        "--uid 0 --gid 0",
        attacks.RIGHTS,
        edited(("--uid 65534 --gid 65534", "--uid 0 --gid 0")),
        sign="REACHED root",
    ),
    _case(
        "--unshare-pid",
        "left out",
        attacks.VICTIM,
        edited(("--unshare-pid", "")),
        sign="a process of the same user was killed",
    ),
    _case(
        "--unshare-pid: the kill of the whole tree",
        "left out",
        known("daemon"),
        edited(("--unshare-pid", "")),
        sign="survived",
    ),
    _case(
        "--unshare-ipc",
        "left out",
        attacks.SEGMENTS,
        edited(("--unshare-ipc", "")),
        always=Away(before=_SEGMENT),
        sign="REACHED segment",
    ),
    _case(
        "--unshare-uts --hostname sandbox",
        "left out",
        attacks.HOSTNAME,
        edited(("--unshare-uts", ""), ("--hostname sandbox", "")),
        sign="REACHED name",
    ),
    _case(
        "--unshare-cgroup-try",
        "left out",
        attacks.CGROUPS,
        edited(("--unshare-cgroup-try", "")),
        sign="REACHED paths",
    ),
    _case(
        "--unshare-net: loopback",
        "left out",
        known("tcp"),
        edited(("--unshare-net", "")),
        sign="TCP on 127.0.0.1 was reached",
        quick=True,
    ),
    _case(
        "--unshare-net: UDP",
        "left out",
        known("udp"),
        edited(("--unshare-net", "")),
        sign="UDP was reached",
    ),
    _case(
        "--unshare-net: abstract sockets",
        "left out",
        known("abstract-sockets"),
        edited(("--unshare-net", "")),
        sign="the abstract socket was reached",
    ),
    Case(
        part="sandbox",
        protection="--die-with-parent",
        away="left out",
        project="a program that sleeps while its starter is killed",
        measure=parting.proof(edited(("--die-with-parent", ""))),
        sign="it lives on",
    ),
    _case(
        "--new-session",
        "left out",
        attacks.TERMINAL,
        NEW_SESSION,
        behind=Away(before=_OWN_TERMINAL),
        layer="a new session for bubblewrap itself (start_new_session)",
        sign="REACHED terminal",
    ),
    _case(
        "a new session for bubblewrap itself",
        "bubblewrap is given a controlling terminal",
        attacks.TERMINAL,
        Away(before=_OWN_TERMINAL),
        behind=NEW_SESSION,
        layer="--new-session",
        sign="REACHED terminal",
    ),
    _case(
        "--disable-userns",
        "left out",
        attacks.USER_NAMESPACE,
        edited(("--disable-userns", "")),
        behind=NO_SECCOMP,
        layer="the system call filter",
        sign="REACHED unshare",
    ),
    _case(
        "filter: new namespaces refused",
        "clone and unshare with any flags let through",
        attacks.USER_NAMESPACE,
        Away(values=((seccomp, "_NEW_NAMESPACES", 0), (seccomp, "_DENIED", _DENIED))),
        behind=edited(("--disable-userns", "")),
        layer="--disable-userns",
        sign="REACHED unshare",
    ),
    _case(
        "filter: refused calls",
        "--seccomp left out",
        attacks.DOORS,
        NO_SECCOMP,
        sign="REACHED keyctl",
    ),
    _case(
        "filter: no files in memory",
        "memfd_create let through",
        attacks.FILES_IN_MEMORY,
        Away(values=((seccomp, "_DENIED", _MEMFD),)),
        sign="REACHED 256 MiB",
    ),
    _case(
        "filter: socket families",
        "every family let through",
        attacks.FAMILIES,
        Away(values=((seccomp, "_FAMILIES", tuple(range(60))),)),
        sign="REACHED family",
    ),
    _case(
        "filter: 32-bit calls killed",
        "another machine's calls let through",
        attacks.OLD_TABLE,
        Away(values=((seccomp, "_KILL", seccomp._ALLOW),)),
        sign="REACHED io_uring",
    ),
    _case(
        "filter: x32 calls refused",
        "--seccomp left out",
        attacks.X32,
        NO_SECCOMP,
        why_not="this kernel has no x32 calls",
    ),
    _case(
        "filter: typing into a terminal refused",
        "TIOCSTI let through",
        attacks.TYPING,
        Away(values=((seccomp, "_TERMINAL_INPUT", ()),)),
        sign="REACHED typed",
    ),
    _case(
        "own /etc",
        "the host's /etc bound in the place of our files",
        attacks.ETC,
        edited(
            ("--perms 0444 --ro-bind-data * /etc/*", ""),
            ("--ro-bind /etc/* /etc/*", ""),
            ("--proc /proc", "--ro-bind /etc /etc --proc /proc"),
        ),
        sign="REACHED /etc/",
    ),
    _case(
        "--ro-bind /proc/sys",
        "left out",
        attacks.SETTINGS,
        edited(("--ro-bind /proc/sys /proc/sys", "")),
        why_not="an ordinary user may not write there anyway; for root see there",
    ),
    _case(
        "--cap-drop ALL",
        "left out, and --uid 0",
        attacks.CAPABILITIES,
        edited(("--cap-drop ALL", ""), ("--uid 65534 --gid 65534", "--uid 0 --gid 0")),
        why_not="bubblewrap gives an ordinary user none anyway; for root see there",
    ),
    _case(
        "--dev /dev",
        "the host's /dev bound in its place",
        known("devices"),
        edited(("--dev /dev", "--dev-bind /dev /dev")),
        behind=edited(("--remount-ro /dev", "")),
        layer="--remount-ro /dev, which forbids devices there",
        sign="REACHED",
    ),
    _case(
        "--remount-ro /dev",
        "left out",
        attacks.filling("/dev"),
        edited(("--remount-ro /dev", "")),
        sign="REACHED /dev",
    ),
    _case(
        "--remount-ro /",
        "left out",
        attacks.filling("/"),
        RW_ROOT,
        sign="REACHED /",
    ),
    *(
        _case(
            f"--size of {folder}",
            "left out",
            attacks.filling(folder),
            edited((f"--size * --tmpfs {folder}", f"--tmpfs {folder}")),
            sign=f"REACHED {folder}",
        )
        for folder in ("/tmp", "/work", "/dev/shm")
    ),
    _case(
        "read-only environment",
        "--bind in the place of --ro-bind",
        attacks.ENVIRONMENT,
        edited(("--ro-bind %ENV% %ENV%", "--bind %ENV% %ENV%")),
        sign="REACHED",
    ),
    _case(
        "read-only /usr",
        "--bind in the place of --ro-bind",
        attacks.SYSTEM,
        edited(("--ro-bind /usr /usr", "--bind /usr /usr")),
        why_not="an ordinary user may not write there anyway; for root see there",
    ),
    _case(
        "a copy of the project",
        "the project's folder itself bound as the working folder",
        attacks.PROJECT,
        edited(("--size * --tmpfs /work", "--bind %REPO% /work")),
        sign="hooks/post-checkout changed",
    ),
    _case(
        "our files read-only (--ro-bind-data)",
        "--file in its place",
        attacks.TOOLS,
        edited(("--perms 0444 --ro-bind-data", "--perms 0666 --file")),
        behind=RW_ROOT,
        layer="--remount-ro /",
        sign="REACHED hosts",
    ),
    _case(
        "--clearenv",
        "left out",
        known("own-variables"),
        edited(("--clearenv", "")),
        behind=BARE,
        layer="bubblewrap's own bare environment",
        sign="a secret was told",
    ),
    _case(
        "bubblewrap's own bare environment",
        "bubblewrap inherits its starter's",
        known("variables-of-all"),
        BARE,
        sign="a secret was told",
        quick=True,
    ),
    _case(
        "no inherited descriptors",
        "a secret left open is passed on",
        known("descriptors"),
        Away(opened=True),
        sign="a secret was told",
    ),
    _case(
        "only what is needed is mounted",
        "the host's root bound first",
        known("home"),
        edited(
            ("--ro-bind /usr /usr", "--ro-bind / /host --ro-bind /usr /usr"),
            ("--remount-ro / --chdir", "--ro-bind %HOME% %HOME% --chdir"),
        ),
        sign="a secret was told",
    ),
)
