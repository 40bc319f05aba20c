"""The skill as a package: its validators, its manifests, what its texts refer to."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from skills_ref.parser import parse_frontmatter
from skills_ref.validator import validate, validate_metadata

ROOT = Path(__file__).resolve().parent.parent
NAME = "milestone-orchestrator"
SKILL = (ROOT / "SKILL.md").read_text("utf-8")


def manifest(name: str) -> dict[str, object]:
    return json.loads((ROOT / ".claude-plugin" / name).read_text("utf-8"))


def test_the_reference_validator_finds_nothing(tmp_path: Path) -> None:
    head, body = parse_frontmatter(SKILL)
    assert validate_metadata(head) == []
    assert "allowed-tools" not in head, "with it, a client asks before it loads the skill"
    assert not set("<>") & set(head["description"])
    folder = tmp_path / NAME
    folder.mkdir()
    (folder / "SKILL.md").write_text(SKILL, "utf-8")
    assert validate(folder) == []
    assert not (ROOT / "skills").exists(), "a client would no longer look at the SKILL.md here"
    assert len(SKILL.splitlines()) <= 90
    assert "${CLAUDE_SKILL_DIR}" in body


def test_one_version_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    head, _ = parse_frontmatter(SKILL)
    assert head["name"] == project["name"] == manifest("plugin.json")["name"] == NAME
    # Clients keep plugins by version: without a new one they stay with the old files.
    assert head["metadata"]["version"] == project["version"] == manifest("plugin.json")["version"]
    assert manifest("plugin.json")["description"] == project["description"]
    (listed,) = manifest("marketplace.json")["plugins"]  # type: ignore[misc]
    assert (listed["name"], listed["source"]) == (NAME, "./")


@pytest.mark.parametrize("page", ["SKILL.md", *sorted(p.name for p in ROOT.glob("references/*"))])
def test_what_a_page_refers_to_is_there(page: str) -> None:
    path = next(one for one in (ROOT / page, ROOT / "references" / page) if one.exists())
    links = re.findall(r"\]\(([^)#:]+)\)", path.read_text("utf-8"))
    assert [one for one in links if not (path.parent / one).is_file()] == []


def test_the_top_of_the_repository_holds_nothing_else() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    if not listed:
        pytest.skip("not a git checkout")
    top = {one.split("/")[0] for one in listed if not one.startswith(".")}
    assert top <= {
        *("SKILL.md", "README.md", "AGENTS.md", "LICENSE", "pyproject.toml", "uv.lock"),
        *("orchestrator", "prompts", "templates", "tests", "examples", "references", "evals"),
    }


def test_evals_are_twenty_queries_half_of_them_near_misses_and_five_tasks() -> None:
    told = json.loads((ROOT / "evals/evals.json").read_text("utf-8"))
    assert told["skill_name"] == NAME
    queries = told["trigger_queries"]
    assert len({one["query"] for one in queries}) == 20
    assert sum(one["should_trigger"] for one in queries) == 10
    assert [one["id"] for one in told["evals"]] == [1, 2, 3, 4, 5]
    for one in told["evals"]:
        assert one["prompt"]
        assert one["expected_output"]
        assert one["assertions"]
