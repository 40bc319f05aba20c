"""What matters only to root: harmless probes, as root, in no outer sandbox. Nothing is written."""

from orchestrator.sandbox import namespace
from tests.hostile.ablation import attacks
from tests.hostile.ablation.row import Case
from tests.hostile.ablation.weakened import Away, proof
from tests.hostile.project import Project

STAYS_ROOT = Away(values=((namespace, "NOBODY", 0),))
RW_SYS = Away(edits=(("--ro-bind /proc/sys /proc/sys", ""),))
RW_USR = Away(edits=(("--ro-bind /usr /usr", "--bind /usr /usr"),))
AS_ROOT = Away(edits=(("--uid 65534 --gid 65534", "--uid 0 --gid 0"),))
CAPABLE = Away(edits=(("--cap-drop ALL", ""),))


def _case(
    protection: str,
    away: str,
    project: Project,
    taken: Away,
    *,
    behind: Away | None = None,
    layer: str = "",
    always: Away | None = None,
) -> Case:
    return Case(
        part="root",
        protection=protection,
        away=away,
        project=project.name,
        measure=proof(project, taken, behind, always=always),
        sign="REACHED",
        layer=layer,
    )


CASES: tuple[Case, ...] = (
    _case(
        "real uid dropped: processes are counted",
        "bubblewrap stays root",
        attacks.FORKS,
        STAYS_ROOT,
        always=Away(limits={"processes": 32}),
    ),
    _case(
        "real uid dropped: the kernel's settings",
        "bubblewrap stays root",
        attacks.CORE_PATTERN,
        STAYS_ROOT,
        behind=RW_SYS,
        layer="--ro-bind /proc/sys",
    ),
    _case(
        "--ro-bind /proc/sys",
        "left out",
        attacks.CORE_PATTERN,
        RW_SYS,
        behind=STAYS_ROOT,
        layer="the real uid dropped",
    ),
    _case(
        "read-only /usr",
        "--bind in the place of --ro-bind",
        attacks.SYSTEM,
        RW_USR,
        behind=STAYS_ROOT,
        layer="the real uid dropped",
    ),
    _case(
        "--cap-drop ALL",
        "left out",
        attacks.CAPABILITIES,
        CAPABLE,
        behind=STAYS_ROOT + AS_ROOT,
        layer="the real uid dropped, --uid 65534",
    ),
)
