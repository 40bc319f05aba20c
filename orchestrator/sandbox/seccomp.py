"""The system call filter: a BPF program that refuses what no project's test needs."""

import struct
from collections.abc import Mapping

from orchestrator.errors import Missing

_DENIED: Mapping[str, Mapping[str, int]] = {
    "x86_64": {
        "ptrace": 101, "syslog": 103, "modify_ldt": 154, "pivot_root": 155, "acct": 163,
        "mount": 165, "umount2": 166, "swapon": 167, "swapoff": 168, "reboot": 169, "iopl": 172,
        "ioperm": 173, "init_module": 175, "delete_module": 176, "quotactl": 179,
        "lookup_dcookie": 212, "kexec_load": 246, "add_key": 248, "request_key": 249,
        "keyctl": 250, "unshare": 272, "perf_event_open": 298, "fanotify_init": 300,
        "open_by_handle_at": 304, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311,
        "kcmp": 312, "finit_module": 313, "kexec_file_load": 320, "bpf": 321, "userfaultfd": 323,
        "shmget": 29, "semget": 64, "msgget": 68, "memfd_create": 319,
    },
    "aarch64": {
        "lookup_dcookie": 18, "umount2": 39, "mount": 40, "pivot_root": 41, "quotactl": 60,
        "acct": 89, "unshare": 97, "kexec_load": 104, "init_module": 105, "delete_module": 106,
        "syslog": 116, "ptrace": 117, "reboot": 142, "add_key": 217, "request_key": 218,
        "keyctl": 219, "swapon": 224, "swapoff": 225, "perf_event_open": 241,
        "fanotify_init": 262, "open_by_handle_at": 265, "setns": 268, "process_vm_readv": 270,
        "process_vm_writev": 271, "kcmp": 272, "finit_module": 273, "bpf": 280,
        "userfaultfd": 282, "kexec_file_load": 294,
        "msgget": 186, "semget": 190, "shmget": 194, "memfd_create": 279,
    },
}  # fmt: skip
_DENIED_EVERYWHERE: Mapping[str, int] = {
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428,
    "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433,
    "pidfd_getfd": 438, "mount_setattr": 442, "quotactl_fd": 443, "memfd_secret": 447,
    "open_tree_attr": 467,
}  # fmt: skip
_ARGUED: Mapping[str, Mapping[str, int]] = {
    "x86_64": {"audit": 0xC000003E, "ioctl": 16, "socket": 41, "socketpair": 53, "clone": 56},
    "aarch64": {"audit": 0xC00000B7, "ioctl": 29, "socket": 198, "socketpair": 199, "clone": 220},
}
_CLONE3 = 435
_NEW_NAMESPACES = 0x7E020000 | 0x80
_TERMINAL_INPUT = (0x5412, 0x541C)
_FAMILIES = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6, AF_NETLINK. A network namespace does not hold AF_VSOCK."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _ARG0, _ARG1 = 0, 4, 16, 24
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS, _EAFNOSUPPORT = 1, 38, 97


def program(machine: str) -> bytes:
    """The filter for `machine` as `struct sock_filter[]`, what bwrap's --seccomp reads.

    Raises Missing for a machine whose system call table is not known here.
    """
    if machine not in _DENIED:
        raise Missing(
            f"no system call filter for a {machine} machine",
            "use an x86_64 or aarch64 machine, or choose --sandbox process knowingly",
        )
    argued = _ARGUED[machine]
    lines = [(_LOAD, 0, 0, _ARCH), (_EQUAL, 1, 0, argued["audit"]), (_RETURN, 0, 0, _KILL)]
    lines += [(_LOAD, 0, 0, _NUMBER)]
    if machine == "x86_64":
        lines += _refuse((_AT_LEAST, 0x40000000), _ENOSYS)  # the x32 calls
    for number in (*_DENIED[machine].values(), *_DENIED_EVERYWHERE.values()):
        lines += _refuse((_EQUAL, number), _EPERM)
    lines += _refuse((_EQUAL, _CLONE3), _ENOSYS)  # its flags are out of reach; libc uses clone
    lines += _argument(argued["clone"], _ARG0, _refuse((_ANY_BIT, _NEW_NAMESPACES), _EPERM))
    terminal = [line for request in _TERMINAL_INPUT for line in _refuse((_EQUAL, request), _EPERM)]
    lines += _argument(argued["ioctl"], _ARG1, terminal)
    for call in ("socket", "socketpair"):
        families = [line for family in _FAMILIES for line in _accept(family)]
        families += [(_RETURN, 0, 0, _ERRNO | _EAFNOSUPPORT)]
        lines += _argument(argued[call], _ARG0, families)
    lines += [(_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("<HBBI", *line) for line in lines)


_Line = tuple[int, int, int, int]


def _refuse(test: tuple[int, int], errno: int) -> list[_Line]:
    return [(test[0], 0, 1, test[1]), (_RETURN, 0, 0, _ERRNO | errno)]


def _accept(value: int) -> list[_Line]:
    return [(_EQUAL, 0, 1, value), (_RETURN, 0, 0, _ALLOW)]


def _argument(number: int, offset: int, tests: list[_Line]) -> list[_Line]:
    """`tests` on the low half of one argument of the call `number`; allowed when none returns."""
    body = [(_LOAD, 0, 0, offset), *tests, (_RETURN, 0, 0, _ALLOW)]
    return [(_EQUAL, 0, len(body), number), *body]
