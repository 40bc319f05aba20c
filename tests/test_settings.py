"""Settings: file, then environment, then flags; a wrong value is named with where it is from."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import settings
from orchestrator.cli import main
from orchestrator.diagnosis import redacted
from orchestrator.errors import Missing, Misuse
from orchestrator.settings import Settings
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
