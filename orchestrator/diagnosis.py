"""What this machine can do, and what the settings are: `orchestrate doctor`."""

import asyncio
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from orchestrator import machine, settings
from orchestrator.artifacts.values import Value
from orchestrator.errors import Missing
from orchestrator.models import claude_code
from orchestrator.models.remembered import Remembered, host
from orchestrator.run.beginning import VERSION


class Check(Value):
    name: str
    ok: bool
    detail: str
    remedy: str


class Diagnosis(Value):
    """`settings` are (name, value, origin); no value is a secret."""

    checks: tuple[Check, ...]
    settings: tuple[tuple[str, str, str], ...]


def examine(folder: Path, env: Mapping[str, str]) -> Diagnosis:
    """Tries everything a run needs. Raises Misuse or Missing when the settings cannot be read."""
    loaded = settings.load(folder, env, {})
    origins = dict(loaded.origins)
    shown = loaded.settings.model_dump(mode="json", exclude={"roles", "limits"})
    shown["base_url"] = redacted(loaded.settings.base_url)
    return Diagnosis(
        checks=(
            _python(),
            _git(env),
            _sandbox(loaded.settings, env),
            _model(loaded.settings, env),
            _client(loaded.settings, env),
            *_learned(loaded.settings, env),
        ),
        settings=(
            *((name, str(value), origins.get(name, "default")) for name, value in shown.items()),
            *(
                (
                    f"roles.{name}",
                    f"{role['model']} {role['effort']}",
                    origins.get("roles", "default"),
                )
                for name, role in loaded.settings.roles.model_dump().items()
            ),
            *(
                (f"limits.{name}", str(value), origins.get("limits", "default"))
                for name, value in loaded.settings.limits.model_dump().items()
            ),
        ),
    )


def redacted(url: str) -> str:
    """`url` without the user and password that it may hold, and without its query."""
    scheme, slashes, rest = url.partition("?")[0].rpartition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{slashes}{host.rpartition('@')[2]}{slash}{path}"


def _python() -> Check:
    return Check(name="python", ok=True, detail=sys.version.split()[0], remedy="")


def _git(env: Mapping[str, str]) -> Check:
    found = shutil.which("git", path=env.get("PATH"))
    remedy = "" if found else "install it, for example: apt-get install git"
    return Check(name="git", ok=bool(found), detail=found or "not installed", remedy=remedy)


def _sandbox(chosen: settings.Settings, env: Mapping[str, str]) -> Check:
    try:
        asyncio.run(machine.probed(chosen, env))
    except Missing as stop:
        return Check(name="sandbox", ok=False, detail=stop.message, remedy=stop.remedy)
    holds = "self-test passed" if chosen.sandbox == "bubblewrap" else "runs, but is no boundary"
    return Check(name="sandbox", ok=True, detail=f"{chosen.sandbox}: {holds}", remedy="")


def _client(chosen: settings.Settings, env: Mapping[str, str]) -> Check:
    """The person's own client, which nobody needs who does not choose it."""
    try:
        found = f"{claude_code.version(env)}, {claude_code.program(env)}"
    except Missing as stop:
        needed = chosen.backend == "claude-code"
        detail = stop.message if needed else f"{stop.message}; only --model claude-code needs it"
        return Check(name="claude", ok=not needed, detail=detail, remedy=stop.remedy)
    return Check(name="claude", ok=True, detail=found, remedy="")


def _learned(chosen: settings.Settings, env: Mapping[str, str]) -> tuple[Check, ...]:
    """What the models at the endpoint were found to accept."""
    place = host(chosen.base_url or env.get("ANTHROPIC_BASE_URL", ""))
    every = Remembered(machine.endpoints(env), version=VERSION).every()
    return tuple(
        Check(name="learned", ok=True, detail=one.told, remedy="")
        for one in every
        if one.host == place
    )


def _model(chosen: settings.Settings, env: Mapping[str, str]) -> Check:
    if chosen.backend == "claude-code":
        said = f"claude-code, {chosen.model or 'the model that it chooses'}; its login is not tried"
        return Check(name="model", ok=True, detail=said, remedy="")
    key = bool(env.get("ANTHROPIC_API_KEY") or env.get("ANTHROPIC_AUTH_TOKEN"))
    url = chosen.base_url or env.get("ANTHROPIC_BASE_URL", "")
    if key or url:
        place = redacted(url) or "api.anthropic.com"
        detail = f"{'a key' if key else 'no key'}, endpoint {place}"
        return Check(name="model", ok=True, detail=detail, remedy="")
    return Check(
        name="model",
        ok=False,
        detail="no ANTHROPIC_API_KEY and no endpoint",
        remedy="set one, or --model claude-code, or orchestrate start in an agent, or the demo",
    )
