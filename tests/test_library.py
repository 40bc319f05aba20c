"""The library: `Orchestrator(idea).run()` in somebody's program."""

import asyncio
import os
import shutil
import signal
from pathlib import Path

import pytest

from orchestrator import Orchestrator
from orchestrator.errors import Misuse
from orchestrator.events import Event
from orchestrator.folder import runs
from tests.world import IDEA, ONE, Scripted, evaluation, greeter


def scripted() -> Scripted:
    return Scripted(greeter({"planner": ONE}))


@pytest.mark.full
def test_two_in_one_process_have_a_run_folder_each_and_again_asks_nothing(
    home: Path, env: dict[str, str], tmp_path: Path
) -> None:
    models = scripted(), scripted()
    first = Orchestrator(IDEA, folder=home, env=env, model=models[0])
    second = Orchestrator(IDEA, folder=home, into=tmp_path / "b", env=env, model=models[1])
    one, two = first.run(), second.run()
    assert one.passed
    assert two.passed
    assert first.folder is not None
    assert second.folder is not None
    assert [each.name for each in runs(home)] == [first.folder.name, second.folder.name]
    assert (one.product_folder, two.product_folder) == (str(home / "greeter"), str(tmp_path / "b"))
    assert first.run().facts == one.facts
    shutil.rmtree(home / "greeter")
    assert first.run().facts == one.facts
    assert (home / "greeter" / "greeter" / "greet.py").is_file()
    assert len(models[0].requests) == len(models[1].requests) == 7
    with pytest.raises(Misuse, match=r"product.s folder .* is not empty"):
        Orchestrator(IDEA, folder=home, env=env, model=scripted()).run()
    with pytest.raises(Misuse, match="is not an empty folder"):
        Orchestrator(IDEA, folder=home, into=tmp_path / "b", env=env, model=scripted()).run()


def test_arun_works_in_a_running_loop_and_leaves_its_signals_alone(
    home: Path, env: dict[str, str]
) -> None:
    events: list[Event] = []
    heard: list[int] = []

    async def program() -> bool:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, heard.append, 1)

        def sink(event: Event) -> None:
            events.append(event)
            if event.kind == "planned":
                os.kill(os.getpid(), signal.SIGTERM)

        made = Orchestrator(IDEA, folder=home, env=env, model=scripted(), sinks=(sink,))
        report = await made.arun()
        loop.remove_signal_handler(signal.SIGTERM)
        return report.passed

    assert asyncio.run(program())
    assert heard == [1]
    assert (events[0].kind, events[-1].kind) == ("run_started", "run_ended")


def test_run_gives_the_signals_back(home: Path, env: dict[str, str]) -> None:
    before = signal.getsignal(signal.SIGINT)
    script = greeter({"planner": ONE, "eval": evaluation("1", "greet", 2)})
    model = Scripted(script)
    report = Orchestrator(IDEA, folder=home, env=env, model=model, max_retries=1).run()
    assert signal.getsignal(signal.SIGINT) == before
    assert not report.passed
    (milestone,) = report.facts.milestones
    assert milestone.status == "failed_after_retries"
    assert len(milestone.attempts) == 1
    assert len(model.asked("eval")) == 1


def test_what_is_wrong_is_said_before_anything_is_written(home: Path, env: dict[str, str]) -> None:
    for idea, settings, said in (
        ("  ", {}, "the idea is empty"),
        ("x" * 70_000, {}, "70000 bytes"),
        ("caf\udce9", {}, "not valid UTF-8"),
        (IDEA, {"max_retries": 0}, "'max_retries' from flag"),
        (IDEA, {"retries": 3}, "'retries' from flag: there is no such setting"),
        (IDEA, {"threshold": 7}, "threshold 7 from flag"),
    ):
        with pytest.raises(Misuse) as stop:
            Orchestrator(idea, folder=home, env=env, **settings)
        assert said in stop.value.message
    assert [*home.iterdir()] == []


def test_settings_come_from_the_given_environment_and_folder(
    home: Path, env: dict[str, str]
) -> None:
    (home / "orchestrate.toml").write_text("parallel = 1\nmax_retries = 2\n", "utf-8")
    asked = {**env, "ORCHESTRATE_MAX_RETRIES": "5", "ORCHESTRATE_BACKEND": "replay"}
    made = Orchestrator(IDEA, folder=home, env=asked, max_repairs=0)
    with pytest.raises(Misuse, match="there is no recording"):
        made.run()
    assert made.folder is not None
    text = made.folder.settings_text()
    for line in ("parallel = 1", "max_retries = 5", "max_repairs = 0"):
        assert line in text.splitlines()
