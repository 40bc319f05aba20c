"""What a command finds around it in every sandbox: its variables and its placeholders."""

from collections.abc import Mapping

from orchestrator.sandbox import Command


def variables(command: Command, home: str) -> dict[str, str]:
    """The whole environment of `command`, whose own values come last and win."""
    path = "/usr/bin:/bin"
    if command.environment:
        path = f"{command.environment}/bin:{path}"
    ours: Mapping[str, str] = {
        "PATH": path,
        "HOME": home,
        "TMPDIR": home,
        "LANG": "C.UTF-8",
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    return {**ours, **command.env}


def arguments(command: Command, tools: str) -> list[str]:
    """`argv` with {env} and {tools} replaced; `tools` is the name of that folder inside."""
    places = {"{tools}": tools}
    if command.environment:
        places["{env}"] = str(command.environment)
    filled = list(command.argv)
    for placeholder, value in places.items():
        filled = [argument.replace(placeholder, value) for argument in filled]
    return filled
