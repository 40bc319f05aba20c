"""The lock file: what an index has for some requirements, with hashes, or why it has nothing."""

import re

from orchestrator.artifacts.values import Value
from orchestrator.errors import Missing
from orchestrator.verify.environment.uv import SECONDS, Ran, Uv, run

OUR_TOOLS = ("pytest==9.2.0", "coverage==7.17.3")
OLDEST_PYTHON = "3.11"
NO_NETWORK = re.compile(
    r"could not be queried|network (was|connectivity is) disabled|not found in the cache"
    r"|Failed to fetch|error sending request|dns error|timed out"
)
_CHECK = "check the network, the proxy and UV_DEFAULT_INDEX, then resume"


class Locked(Value):
    """A lock file with hashes, for every supported Python, or one line: why there is none."""

    text: str
    error: str


async def lock(requirements: tuple[str, ...], uv: Uv) -> Locked:
    """`requirements` and our test tools, resolved; `error` when the index lacks one of them, in
    that version or as a wheel.

    Raises Missing when the index cannot be asked.
    """
    options = (
        "--generate-hashes --only-binary :all: --no-sources --no-annotate --no-header "
        f"--universal --python-version {OLDEST_PYTHON} --python {uv.base}"
    )
    ran = await run(
        uv, "pip", "compile", "-", *options.split(" "), stdin="\n".join((*requirements, *OUR_TOOLS))
    )
    if ran.code == 0 and not ran.killed_by:
        return Locked(text=ran.out, error="")
    return Locked(text="", error=failure(ran))


def failure(ran: Ran) -> str:
    """One line that says what cannot be resolved or installed. Raises Missing when it is not the
    requirements' fault.
    """
    if ran.killed_by == "time":
        raise Missing(f"uv did not end within {SECONDS:.0f} s", _CHECK)
    if ran.killed_by:
        return f"the requirements cannot be installed: too much for its limits ({ran.killed_by})"
    because = re.search(r"Because\s(.*?)(\n\s*\n|\Z)", ran.err, re.DOTALL)
    broken = re.search(r"Failed to install: (.*)", ran.err, re.DOTALL)
    if broken and "os error" not in broken[1]:
        return "a package cannot be installed: " + " ".join(broken[1].split())[:500]
    if ran.code != 1 or NO_NETWORK.search(ran.err) or not because:
        said = " ".join(ran.err.partition("hint:")[0].split()).removeprefix("error: ")
        raise Missing(f"uv failed ({ran.code}): {said[:300] or 'it said nothing'}", _CHECK)
    said = " ".join(because[1].split())
    return "the requirements cannot be resolved: " + said.split(", we can conclude")[0][:500]
