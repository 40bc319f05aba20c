"""Where each value came from: file, then environment, then flags."""

import json
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from orchestrator.artifacts.values import Value
from orchestrator.errors import Missing, Misuse
from orchestrator.settings.roles import PRESETS, Preset, Roles
from orchestrator.settings.values import Settings

FILE = "orchestrate.toml"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
PREFIX = "ORCHESTRATE_"
CLIENT = "claude-code"
"""A backend that is chosen as a model: `claude-code`, or `claude-code:NAME`."""


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
        for name, value in _client(values, origin).items():
            merged[name] = _read_value(name, value, origin)
            said = name if name in values else "model"
            origins[name] = f"{PREFIX}{said.upper()}" if origin == "environment" else origin
    if isinstance(given := merged.get("roles"), dict):
        preset = PRESETS.get(cast(Preset, merged.get("preset", "balanced")), Roles())
        merged["roles"] = _roles(cast(dict[str, object], given), preset)
    return Loaded(settings=_validated(merged, origins), origins=tuple(sorted(origins.items())))


def _client(values: Mapping[str, object], origin: str) -> Mapping[str, object]:
    """`values` with the client as backend where it is named as the model. Raises Misuse."""
    client, _, model = str(values.get("model", "")).partition(":")
    if client != CLIENT:
        return values
    if values.get("backend", CLIENT) != CLIENT:
        raise Misuse(
            f"model {CLIENT!r} from {origin} is a backend, and so is {values['backend']!r}",
            "give one of them",
        )
    return {**values, "backend": CLIENT, "model": model}


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
    return value


def _roles(given: Mapping[str, object], preset: Roles) -> dict[str, object]:
    """A role in the file need not say everything: the rest is the preset's."""
    default: Mapping[str, dict[str, object]] = preset.model_dump()
    whole: dict[str, object] = {**default}
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
    for name, value in settings.model_dump(mode="json", exclude_none=True).items():
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
