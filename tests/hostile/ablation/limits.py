"""Limits of the sandbox, taken away one by one."""

from collections.abc import Mapping

from orchestrator.sandbox import streams
from tests.hostile.ablation import attacks
from tests.hostile.ablation.row import Case
from tests.hostile.ablation.weakened import Away, proof
from tests.hostile.project import Project


def _case(
    protection: str,
    away: str,
    project: Project,
    taken: Away,
    *,
    behind: Away | None = None,
    layer: str = "",
    limits: Mapping[str, float] | None = None,
    why_not: str = "",
) -> Case:
    return Case(
        part="limits",
        protection=protection,
        away=away,
        project=project.name,
        measure=proof(project, taken, behind, always=Away(limits=limits or {})),
        sign="REACHED",
        layer=layer,
        why_not=why_not,
    )


def _without(option: str) -> Away:
    return Away(edits=((f"--{option}=*", ""),))


SMALL = {"memory_mib": 128}
SHORT = {"seconds": 1}
NO_WATCHDOG = Away(edits=(("--as=*", f"--as={128 << 20}"),), limits={"memory_mib": 1 << 20})
NO_MEMORY = Away(edits=(("--as=*", ""),))
ENDLESS = {"seconds": 20}

CASES: tuple[Case, ...] = (
    _case(
        "prlimit --as",
        "left out",
        attacks.MEMORY,
        NO_MEMORY,
        behind=Away(limits={"memory_mib": 1 << 20}),
        layer="the watchdog of the tree's memory",
        limits=SMALL,
    ),
    _case(
        "the watchdog of the tree's memory",
        "a limit that is never reached, and --as as before",
        attacks.MEMORY_OF_MANY,
        NO_WATCHDOG,
        limits=SMALL,
    ),
    _case(
        "prlimit --fsize",
        "left out",
        attacks.HUGE_FILE,
        _without("fsize"),
        behind=Away(edits=(("--size * --tmpfs /tmp", "--tmpfs /tmp"),)),
        layer="--size of the folders that can be written",
    ),
    _case("prlimit --nofile", "left out", attacks.DESCRIPTORS, _without("nofile")),
    _case(
        "prlimit --nproc",
        "left out",
        attacks.FORKS,
        _without("nproc"),
        limits={"processes": 32},
    ),
    _case("prlimit --core", "left out", attacks.CORE, _without("core")),
    _case(
        "prlimit --cpu",
        "left out",
        attacks.BUSY,
        _without("cpu"),
        behind=Away(limits=ENDLESS),
        layer="the limit in seconds",
        limits=SHORT,
    ),
    _case(
        "the limit in seconds",
        "20 s for 1 s, and --cpu as before",
        attacks.IDLE,
        Away(edits=(("--cpu=*", "--cpu=2"),), limits=ENDLESS),
        limits=SHORT,
    ),
    _case(
        "the end of a flood",
        "a flood is never ended, only cut",
        attacks.FLOOD,
        Away(values=((streams, "FLOOD", 1 << 30),)),
    ),
)
