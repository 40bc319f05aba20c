"""What a person's project must do: how it is run, its criteria and its checks, from a file."""

from collections import Counter
from pathlib import Path

from pydantic import ValidationError

from orchestrator.artifacts import architecture, specification
from orchestrator.artifacts.architecture import Architecture, Launch
from orchestrator.artifacts.checks import Check
from orchestrator.artifacts.plan import CRITERION_ID, Criterion, Milestone
from orchestrator.artifacts.specification import Specification
from orchestrator.artifacts.values import Value
from orchestrator.errors import Misuse

MOST_BYTES = 4 * 1024 * 1024
MOST_NAMED = 5
REMEDY = "mend the file; orchestrate verify --help shows an example"


class Contract(Value):
    """`launch` is None where the product is not started; then there are no checks."""

    launch: Launch | None = None
    criteria: tuple[Criterion, ...] = ()
    checks: tuple[Check, ...] = ()


NOTHING = Contract()


def read(path: Path) -> Contract:
    """Raises Misuse, which names the field, when `path` does not hold a contract."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise Misuse(f"cannot read {path}: {why}", "name a criteria file") from error
    if len(content) > MOST_BYTES:
        raise Misuse(f"{path} has more than {MOST_BYTES} bytes", "name a criteria file")
    try:
        contract = Contract.model_validate_json(content)
    except ValidationError as error:
        told = [
            f"{'.'.join(map(str, one['loc'])) or 'the file'}: {one['msg']}"
            for one in error.errors(include_url=False, include_input=False)
        ]
        raise _wrong(path, told) from error
    if found := problems(contract):
        raise _wrong(path, found)
    return contract


def problems(contract: Contract) -> list[str]:
    """What no verdict could say of `contract`. A criterion without checks is not among it: its
    verdict is that it is not proven.
    """
    names = [one.id for one in contract.criteria]
    found = [f"criterion {name!r} is listed {count} times" for name, count in _repeated(names)]
    found += [
        f"criterion {name!r} is not of the form 'M1-C1', so no test could name it"
        for name in names
        if not CRITERION_ID.fullmatch(name)
    ]
    found += [
        f"check id {name!r} is used {count} times"
        for name, count in _repeated([one.id for one in contract.checks])
    ]
    if contract.checks and contract.launch is None:
        found.append("launch: is null, so no check can be run")
    return [*found, *_unrunnable(contract), *_undecidable(contract)]


def _repeated(names: list[str]) -> list[tuple[str, int]]:
    return [(name, count) for name, count in Counter(names).items() if count > 1]


def _unrunnable(contract: Contract) -> tuple[str, ...]:
    if contract.launch is None:
        return ()
    return architecture.problems(
        Architecture(
            overview="",
            folders=(),
            schemas=(),
            service_boundaries=(),
            internal_dependencies=(),
            external_dependencies=(),
            technology_choices=(),
            public_interface="",
            launch=contract.launch,
        )
    )


def _undecidable(contract: Contract) -> list[str]:
    """Of what a Specification may not have, what is about one check; ids are the person's own."""
    found = specification.problems(
        Specification(
            prd="",
            user_stories=(),
            api_contracts=(),
            data_model=(),
            non_functional_requirements=(),
            checks=contract.checks,
            corrections=(),
            supersedes=(),
        ),
        Milestone(
            id="",
            title="",
            release="mvp",
            description="",
            acceptance_criteria=contract.criteria,
            dependencies=(),
        ),
    )
    return [one for one in found if not one.startswith(("check id ", "criterion "))]


def _wrong(path: Path, problems: list[str]) -> Misuse:
    more = f"; and {len(problems) - MOST_NAMED} more" if len(problems) > MOST_NAMED else ""
    return Misuse(f"{path}: {'; '.join(problems[:MOST_NAMED])}{more}", REMEDY)
