"""What to do about a sandbox that does not start, by what bubblewrap says."""

WEAKER = (
    "or choose --sandbox process knowingly: generated code then runs with your own rights, "
    "files and network"
)
_TOLD = (
    (
        "No permissions to create new namespace",
        "allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1); in Docker "
        "add --security-opt seccomp=unconfined --security-opt systempaths=unconfined",
    ),
    (
        "nesting depth or /proc/sys/user/max_",
        "raise the limit: sysctl user.max_user_namespaces=15000",
    ),
    (
        "Can't mount proc",
        "in Docker add --security-opt systempaths=unconfined",
    ),
    (
        "setting up uid map: Operation not permitted",
        "run as an ordinary user, or give the container CAP_SETFCAP",
    ),
    (
        "setting up uid map: Permission denied",
        "let AppArmor allow it: apt-get install apparmor-profiles, then load bwrap-userns-restrict",
    ),
    (
        "loopback: Failed RTM_NEWADDR",
        "let AppArmor allow it (apt-get install apparmor-profiles, then load "
        "bwrap-userns-restrict); gVisor cannot do it",
    ),
    (
        "Unknown option",
        "install a newer bubblewrap, 0.8.0 or later",
    ),
    (
        "execvp prlimit",
        "apt-get install util-linux",
    ),
    (
        "execvp sh",
        "a shell and tar are needed in /usr/bin or /bin",
    ),
    (
        "Can't find source path",
        "move the cache below folders with mode 0755, or do not run as root",
    ),
)


def remedy(message: str) -> str:
    """One line for a person; it ends with how to go on without the sandbox."""
    fitting = [fix for part, fix in _TOLD if part in message]
    first = (
        fitting[0] if fitting else "run bubblewrap by hand to see more: bwrap --ro-bind / / true"
    )
    return f"{first}; {WEAKER}"
