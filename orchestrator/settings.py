"""What a person can choose, and where each value came from: file, then environment, then flags."""

import json
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

from packaging.utils import InvalidName, canonicalize_name
from pydantic import Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

from orchestrator.artifacts.exchange import Effort
from orchestrator.artifacts.values import AgentName, Value
from orchestrator.errors import Missing, Misuse

Backend = Literal["anthropic", "host", "replay"]
SandboxName = Literal["bubblewrap", "process"]


class Role(Value):
    """Which model an agent speaks to, how hard it thinks, and the most it may write."""

    model: str
    effort: Effort
    max_tokens: int = Field(gt=0)


class Roles(Value):
    """Eval is on another line than Impl, so that no model judges its own work."""

    planner: Role = Role(model="claude-opus-5-5", effort="high", max_tokens=32_000)
    spec: Role = Role(model="claude-opus-5-5", effort="high", max_tokens=64_000)
    arch: Role = Role(model="claude-opus-5-5", effort="high", max_tokens=32_000)
    impl: Role = Role(model="claude-opus-5-5", effort="high", max_tokens=64_000)
    test: Role = Role(model="claude-sonnet-5-5", effort="high", max_tokens=64_000)
    eval: Role = Role(model="claude-sonnet-5-5", effort="high", max_tokens=32_000)
    reporter: Role = Role(model="claude-sonnet-5-5", effort="medium", max_tokens=32_000)

    def of(self, agent: AgentName) -> Role:
        return getattr(self, agent)


class Limits(Value):
    """What generated code may use: seconds, MiB, processes, KiB of output."""

    test_seconds: int = Field(default=120, gt=0)
    mutants: int = Field(default=8, ge=0, le=200)
    """Single-operator mutants of the product that each suite is tried on."""
    step_seconds: int = Field(default=10, gt=0)
    memory_mib: int = Field(default=1024, gt=0)
    processes: int = Field(default=128, gt=0)
    output_kib: int = Field(default=1024, gt=0)


class Settings(Value):
    """The effective settings of a run. `threshold` is in hundredths: 350 is 3.50."""

    backend: Backend = "anthropic"
    model: str = ""
    """One model for every role, "" for each role's own."""
    base_url: str = ""
    max_retries: int = Field(default=3, ge=1, le=20)
    """Attempts in all."""
    max_repairs: int = Field(default=2, ge=0, le=10)
    """Within an attempt, from red verification straight back, before an Eval is paid for."""
    max_reasks: int = Field(default=2, ge=0, le=10)
    """After an answer that is not valid."""
    max_conflicts: int = Field(default=2, ge=0, le=10)
    threshold: int = Field(default=350, ge=100, le=500)
    floor: int = Field(default=2, ge=1, le=5)
    """No dimension may score below it."""
    parallel: int = Field(default=2, ge=1, le=64)
    sandbox: SandboxName = "bubblewrap"
    allow_packages: tuple[str, ...] = ()
    """Packages beside the well-known ones that a product may ask for, by canonical name."""
    deadline_seconds: int = Field(default=1800, gt=0)
    """For one model call, over all of its retries."""
    context_tokens: int = Field(default=60_000, gt=1000)
    """For the code and memory in one request, by the local counter."""
    limits: Limits = Limits()
    roles: Roles = Roles()

    @field_validator("allow_packages", mode="before")
    @classmethod
    def _packages(cls, given: object) -> object:
        """A text, as in an environment variable, separates them by commas."""
        names = given.split(",") if isinstance(given, str) else given
        if not isinstance(names, list | tuple):
            return names
        every = [one for one in cast("list[object] | tuple[object, ...]", names) if one != ""]
        return tuple(dict.fromkeys(_canonical(one) for one in every))

    def role(self, agent: AgentName) -> Role:
        role = self.roles.of(agent)
        return role.model_copy(update={"model": self.model}) if self.model else role


def _canonical(name: object) -> object:
    try:
        return canonicalize_name(name.strip(), validate=True) if isinstance(name, str) else name
    except InvalidName as error:
        raise ValueError(f"{name!r} is not the name of a package") from error


FILE = "orchestrate.toml"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
PREFIX = "ORCHESTRATE_"


class Loaded(Value):
    """Settings and, for each one that is not the default, where it came from."""

    settings: Settings
    origins: tuple[tuple[str, str], ...]


def _trusted(values: Mapping[str, object]) -> Mapping[str, object]:
    """The file's values; it may have come with a project, so it opens no door. Raises Misuse."""
    if values.get("sandbox") == "process":
        raise Misuse(
            f"{FILE} asks for sandbox 'process', which is no boundary",
            f"a person says that by name: --sandbox process, or {PREFIX}SANDBOX=process",
        )
    url = values.get("base_url")
    if isinstance(url, str) and url and (host := _host(url)) not in LOOPBACK:
        raise Misuse(
            f"{FILE} would send your key and your code to {host!r}",
            f"a person says that by name: {PREFIX}BASE_URL=...",
        )
    return values


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "nowhere"
    except ValueError:
        return "nowhere"


def load(folder: Path, env: Mapping[str, str], flags: Mapping[str, object]) -> Loaded:
    """Settings for a run in `folder`.

    Raises Misuse when a value is wrong, Missing when the settings file cannot be read.
    """
    path = folder / FILE
    merged: dict[str, object] = {}
    origins: dict[str, str] = {}
    for origin, values in (
        (FILE, _trusted(_read(path))),
        ("environment", _from_env(env)),
        ("flag", {name: value for name, value in flags.items() if value is not None}),
    ):
        for name, value in values.items():
            merged[name] = _read_value(name, value, origin)
            origins[name] = f"{PREFIX}{name.upper()}" if origin == "environment" else origin
    return Loaded(settings=_validated(merged, origins), origins=tuple(sorted(origins.items())))


def _validated(merged: Mapping[str, object], origins: Mapping[str, str]) -> Settings:
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        where = origins.get(str(first["loc"][0]), "settings") if first["loc"] else "settings"
        raise Misuse(
            f"setting {name!r} from {where}: {_told(first)}",
            "mend it; orchestrate doctor then shows every setting and its origin",
        ) from error


def _told(error: ErrorDetails) -> str:
    """What is wrong with a value; an unknown setting's may be a secret and is not shown."""
    if error["type"] == "extra_forbidden":
        return f"there is no such setting (there are: {', '.join(Settings.model_fields)})"
    return f"{error['msg']} (got {error['input']!r})"


def _read(path: Path) -> dict[str, object]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Missing(f"cannot read {path}: {error}", "mend the file or remove it") from error


def _from_env(env: Mapping[str, str]) -> dict[str, object]:
    names = {
        f"{PREFIX}{name.upper()}": name
        for name in Settings.model_fields
        if name not in ("limits", "roles")
    }
    return {names[key]: value for key, value in env.items() if key in names and value}


def _read_value(name: str, value: object, origin: str) -> object:
    if name == "threshold":
        return _threshold(value, origin)
    if isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value):
        raise Misuse(f"setting {name!r} from {origin} is not valid UTF-8", "give UTF-8 text")
    if name == "roles" and isinstance(value, dict):
        return _roles(cast(dict[str, object], value))
    return value


def _roles(given: Mapping[str, object]) -> dict[str, object]:
    """A role in the file need not say everything: the rest is its default."""
    default: Mapping[str, dict[str, object]] = Roles().model_dump()
    whole: dict[str, object] = {}
    for name, value in given.items():
        known = default.get(name, {})
        whole[name] = (known | cast(dict[str, object], value)) if isinstance(value, dict) else value
    return whole


def _threshold(value: object, origin: str) -> int:
    """People write 3.5; the gate counts 350."""
    try:
        hundredths = Decimal(str(value)) * 100
    except ArithmeticError:
        hundredths = Decimal(0)
    scores = hundredths.is_finite() and 100 <= hundredths <= 500
    if not scores or hundredths != int(hundredths):
        raise Misuse(
            f"threshold {value!r} from {origin} is not a score",
            "give a number from 1 to 5, such as 3.5",
        )
    return int(hundredths)


def dump(settings: Settings) -> str:
    """`settings` as TOML, which `parse` reads back."""
    tables: list[str] = []
    lines: list[str] = []
    for name, value in settings.model_dump(mode="json").items():
        if name == "limits":
            tables += ["", "[limits]", *_pairs(value)]
        elif name == "roles":
            for role, fields in value.items():
                tables += ["", f"[roles.{role}]", *_pairs(fields)]
        else:
            lines += _pairs({name: value})
    return "\n".join(lines + tables) + "\n"


def _pairs(values: Mapping[str, object]) -> list[str]:
    """A JSON value is a TOML one, but for pairs of surrogates and a bare DEL."""
    written = {name: json.dumps(value, ensure_ascii=False) for name, value in values.items()}
    return [f"{name} = {value}".replace("\x7f", "\\u007f") for name, value in written.items()]


def parse(text: str, origin: str) -> Settings:
    """The settings of a run's own settings.toml. Raises Missing."""
    try:
        return Settings.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise Missing(f"cannot read {origin}: {error}", "restore the file") from error
    except ValidationError as error:
        first = error.errors()[0]
        told = f"{'.'.join(str(part) for part in first['loc'])}: {_told(first)}"
        raise Missing(f"cannot read {origin}: {told}", "restore the file") from error


def over(base: Settings, flags: Mapping[str, object]) -> Settings:
    """`base` with the given flags, None meaning "not given". Raises Misuse."""
    given = {name: value for name, value in flags.items() if value is not None}
    if "threshold" in given:
        given["threshold"] = _threshold(given["threshold"], "flag")
    return _validated(base.model_dump() | given, dict.fromkeys(given, "flag"))
