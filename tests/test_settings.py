"""Settings: file, then environment, then flags; a wrong value is named with where it is from."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import settings
from orchestrator.artifacts.exchange import Effort
from orchestrator.artifacts.values import AGENTS
from orchestrator.cli import main
from orchestrator.diagnosis import redacted
from orchestrator.errors import Missing, Misuse
from orchestrator.models.prices import dearest
from orchestrator.settings import PRESETS, Preset, Role, Settings
from tests.command import KEY


def loaded(
    home: Path, text: str = "", env: Mapping[str, str] | None = None, **flags: object
) -> settings.Loaded:
    (home / "orchestrate.toml").write_text(text, "utf-8")
    return settings.load(home, env or {}, flags)


def test_flags_win_over_the_environment_and_that_over_the_file(home: Path) -> None:
    text = "max_retries = 4\nthreshold = 4.5\nparallel = 3\n"
    env = {"ORCHESTRATE_THRESHOLD": "4", "ORCHESTRATE_PARALLEL": "5", "ORCHESTRATE_MODEL": ""}
    found = loaded(home, text, env, parallel=7, model=None)
    chosen = found.settings
    assert (chosen.max_retries, chosen.threshold, chosen.parallel) == (4, 400, 7)
    assert (chosen.floor, chosen.model) == (2, "")
    assert dict(found.origins) == {
        "max_retries": "orchestrate.toml",
        "threshold": "ORCHESTRATE_THRESHOLD",
        "parallel": "flag",
    }


def test_the_defaults_are_the_agreed_ones() -> None:
    chosen = Settings()
    assert (chosen.max_retries, chosen.threshold, chosen.floor) == (3, 350, 2)
    assert (chosen.sandbox, chosen.backend) == ("bubblewrap", "anthropic")
    assert chosen.roles.impl.model != chosen.roles.eval.model


def test_a_role_in_the_file_says_only_what_it_changes_and_a_model_is_for_all(home: Path) -> None:
    text = '[roles.impl]\nmodel = "my-model"\n\n[limits]\ntest_seconds = 7\n'
    chosen = loaded(home, text).settings
    assert chosen.role("impl").model == "my-model"
    assert chosen.role("impl").effort == Settings().roles.impl.effort
    assert chosen.role("spec") == Settings().roles.spec
    assert (chosen.limits.test_seconds, chosen.limits.processes) == (7, 128)
    every = loaded(home, text, model="one").settings
    assert {every.role(name).model for name in ("planner", "impl", "eval")} == {"one"}


@pytest.mark.parametrize(
    ("text", "env", "said"),
    [
        ("max_retries = 0", {}, "'max_retries' from orchestrate.toml: Input should be greater"),
        ("", {"ORCHESTRATE_PARALLEL": "many"}, "'parallel' from ORCHESTRATE_PARALLEL"),
        ("", {"ORCHESTRATE_THRESHOLD": "3.555"}, "threshold '3.555' from environment is not a"),
        ("threshold = true", {}, "threshold True from orchestrate.toml is not a score"),
        ("threshold = nan", {}, "threshold nan from orchestrate.toml is not a score"),
        ('sandbox = "process"', {}, "asks for sandbox 'process', which is no boundary"),
        ('base_url = "https://a:b@evil.example/"', {}, "your code to 'evil.example'"),
        ('base_url = "http://[:"', {}, "your code to 'nowhere'"),
        ('sandbox = "none"', {}, "'sandbox' from orchestrate.toml: Input should be 'bubblewrap'"),
        ('[roles.impl]\neffort = "huge"', {}, "'roles.impl.effort' from orchestrate.toml"),
        ("[roles]\nimpl = 3", {}, "'roles.impl' from orchestrate.toml"),
        ("roles = 3", {}, "'roles' from orchestrate.toml"),
        ("", {"ORCHESTRATE_MODEL": "\udcff"}, "'model' from environment is not valid UTF-8"),
        ("max_retry = 3", {}, "'max_retry' from orchestrate.toml: there is no such setting"),
    ],
)
def test_a_wrong_value_is_named_with_its_origin(
    home: Path, text: str, env: dict[str, str], said: str
) -> None:
    with pytest.raises(Misuse) as stop:
        loaded(home, text, env)
    assert said in stop.value.message
    assert "\n" not in stop.value.message


def test_a_file_that_is_no_toml_is_missing_and_a_key_in_it_is_not_repeated(home: Path) -> None:
    with pytest.raises(Missing, match=r"cannot read .*orchestrate\.toml"):
        loaded(home, "max_retries = ")
    with pytest.raises(Misuse) as stop:
        loaded(home, f'api_key = "{KEY}"')
    assert KEY not in str(stop.value)


plain = st.text(st.characters(exclude_categories=("Cs",)))


@given(
    model=plain,
    url=plain,
    numbers=st.tuples(st.integers(1, 20), st.integers(100, 500), st.integers(1, 64)),
    sandbox=st.sampled_from(["bubblewrap", "process"]),
)
def test_what_is_dumped_is_parsed_back(
    model: str, url: str, numbers: tuple[int, int, int], sandbox: str
) -> None:
    retries, threshold, parallel = numbers
    chosen = Settings.model_validate(
        {
            "model": model,
            "base_url": url,
            "max_retries": retries,
            "threshold": threshold,
            "parallel": parallel,
            "sandbox": sandbox,
        }
    )
    assert settings.parse(settings.dump(chosen), "settings.toml") == chosen


def test_a_damaged_settings_file_of_a_run_is_missing_in_one_line() -> None:
    for text in ("parallel = 0", "parallel = ", "colour = 3", "[roles.impl]\nmodel = 3"):
        with pytest.raises(Missing) as stop:
            settings.parse(text, "settings.toml")
        assert "\n" not in stop.value.message


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", ""),
        ("http://localhost:11434", "http://localhost:11434"),
        ("https://ann:secret@host.example/v1?token=secret", "https://host.example/v1"),
        ("ann:secret@host.example", "host.example"),
    ],
)
def test_an_endpoint_is_shown_without_what_is_secret_in_it(url: str, shown: str) -> None:
    assert redacted(url) == shown


def test_doctor_shows_values_and_origins_and_never_the_key(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(home)
    (home / "orchestrate.toml").write_text("max_retries = 5\n", "utf-8")
    monkeypatch.setenv("ORCHESTRATE_BASE_URL", f"https://ann:{KEY}@host.example/")
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("ORCHESTRATE_THRESHOLD", "4.25")
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "max_retries        5              orchestrate.toml" in said
    assert "threshold          425            ORCHESTRATE_THRESHOLD" in said
    assert "limits.processes   128            default" in said
    assert "a key, endpoint https://host.example/" in said
    assert main(["doctor", "--json"]) == 0
    found = capsys.readouterr().out
    assert ["max_retries", "5", "orchestrate.toml"] in json.loads(found)["settings"]
    assert KEY not in said + found
    monkeypatch.setenv("ANTHROPIC_API_KEY", "")
    monkeypatch.delenv("ORCHESTRATE_BASE_URL")
    (home / "orchestrate.toml").unlink()
    assert main(["doctor"]) == 3
    assert "NO  model        no ANTHROPIC_API_KEY and no endpoint" in capsys.readouterr().out


def test_a_preset_is_the_roles_unless_the_file_says_otherwise(home: Path) -> None:
    text = 'preset = "cheap"\n\n[roles.impl]\neffort = "high"\n'
    chosen = loaded(home, text).settings
    assert chosen.role("impl").model == PRESETS["cheap"].impl.model
    assert chosen.role("impl").effort == "high"
    assert chosen.role("spec") == PRESETS["cheap"].spec
    assert Settings(preset="best").roles == PRESETS["best"]
    assert settings.parse(settings.dump(chosen), "x") == chosen


@pytest.mark.parametrize("preset", ["balanced", "cheap", "best"])
def test_no_preset_lets_a_model_judge_its_own_work_nor_has_an_unknown_price(preset: Preset) -> None:
    roles = PRESETS[preset]
    assert roles.impl.model != roles.eval.model
    assert roles.script.model != roles.judge.model
    assert all(dearest(roles.of(name).model, 1, 1) for name in AGENTS)


@pytest.mark.parametrize(
    ("model", "effort", "rungs", "comes_to"),
    [
        ("claude-opus-5-5", "high", 0, ("claude-opus-5-5", "high")),
        ("claude-opus-5-5", "high", 1, ("claude-opus-5-5", "xhigh")),
        ("claude-opus-5-5", "high", 2, ("claude-fable-5-2", "high")),
        ("claude-opus-5-5", "high", 9, ("claude-fable-5-2", "high")),
        ("claude-opus-5-5", "high", -1, ("claude-opus-5-5", "medium")),
        ("claude-sonnet-5-5", "max", 1, ("claude-opus-5-5", "medium")),
        ("claude-haiku-5-5", "low", -3, ("claude-haiku-5-5", "medium")),
        ("a-local-model", "medium", 1, ("a-local-model", "high")),
        ("a-local-model", "medium", 9, ("a-local-model", "max")),
        ("a-local-model", "medium", -9, ("a-local-model", "low")),
    ],
)
def test_a_role_moves_on_the_ladder_and_another_model_in_effort(
    model: str, effort: Effort, rungs: int, comes_to: tuple[str, str]
) -> None:
    moved = Role(model=model, effort=effort, max_tokens=5).moved(rungs)
    assert (moved.model, moved.effort, moved.max_tokens) == (*comes_to, 5)
