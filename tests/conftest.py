"""What every test shares: a home that nobody else uses, and the network of the test run."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("ours", deadline=None)  # a loaded machine is no failure
settings.load_profile("ours")
LONG = [
    "test_examples",
    "test_house",
    "test_faults",
    "test_kill",
    "test_people",
    "test_resume",
    "test_detached",
    "test_converging",
    "test_mainline",
    "test_watch",
    "test_landing",
    "test_library",
    "test_order",
    "test_host",
]
"""Files of few tests that take long."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that no process is left with one of them at the end."""
    items.sort(key=lambda one: one.path.stem not in LONG)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty folder to run in."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def env() -> dict[str, str]:
    """The environment without anything of ours or Anthropic's in it."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ORCHESTRATE_", "ANTHROPIC_"))
    }


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("ORCHESTRATE_", "ANTHROPIC_")):
            monkeypatch.delenv(name)
