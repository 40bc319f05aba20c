"""The report: the same facts for the same answers, written whatever happens, and only text."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from orchestrator import machine, report
from orchestrator.artifacts.assessment import Assessment
from orchestrator.artifacts.exchange import Answer, Request
from orchestrator.artifacts.report import Report, lasting
from orchestrator.errors import GaveUp
from orchestrator.events import Warned
from orchestrator.render import Renderer
from tests.world import (
    ASSESSMENT,
    ONE,
    Played,
    answer,
    begin,
    evaluation,
    good,
    play,
    turns,
)

MVP = "milestone-1-mvp"
HOSTILE = "<script>alert(1)</script> | `rm` **x** [y](z) \x1b[31m\x00 \\<img src=q>\n# More"


def measured() -> set[str]:
    fields = Report.model_fields.items()
    return {name for name, one in fields if one.json_schema_extra == {"measured": True}}


@pytest.mark.full
def test_two_runs_over_the_same_answers_differ_in_what_is_measured_alone(
    home: Path, env: dict[str, str], tmp_path: Path
) -> None:
    """The second costs more, is answered by somebody else, and is stopped once on its way."""
    script = {f"{MVP}/eval/1/1": evaluation("1", "greet", 3)}
    script[f"{MVP}/impl/2/1"] = "=== FILE greeter/extra.py ===\nX = 1\n=== END ===\n"
    first = play(home, env, script)
    asked = 0

    def dearer(request: Request) -> Answer:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise GaveUp("the line broke", "try again", billed=True)
        text = ONE if request.agent == "planner" else script.get(request.id) or good(request)
        return answer(text, price="0.5", duration_ms=77, by="somebody", request_id=f"{asked}")

    other = tmp_path / "other"
    other.mkdir()
    agents = ("planner", "spec", "arch", "impl", "test", "eval", "reporter")
    overrides = dict.fromkeys((*agents, f"{MVP}/eval/1/1", f"{MVP}/impl/2/1"), dearer)
    second = begin(other, env, overrides, parallel=1)
    with pytest.raises(GaveUp):
        second.run()
    began_together(first, second)
    second.run()

    one, two = first.done, second.done
    assert one.passed
    assert two.passed
    assert lasting(one) == lasting(two)
    assert set(lasting(one)) == {"facts", "assessment"}
    given, again = one.model_dump(), two.model_dump()
    differing = {name for name in given if given[name] != again[name]}
    assert differing == measured() - {"version"}
    assert (one.possibly_billed_twice, two.possibly_billed_twice) == (0, 1)
    assert "1 calls may have been billed twice" in (second.folder / "report.md").read_text()
    assert two.total_price == "4.5"
    assert two.total_duration_ms == 693
    same = [(one.id, one.digest) for one in first.model.requests]
    assert [(one.id, one.digest) for one in second.model.requests][1:] == same
    assert first.git("rev-parse", "main") == second.git("rev-parse", "main")


def began_together(first: Played, second: Played) -> None:
    """When a run was begun is an input: it dates the first commit."""
    path = second.folder / "start.json"
    begun = json.loads((first.folder / "start.json").read_text())["created"]
    path.write_text(json.dumps({**json.loads(path.read_text()), "created": begun}))


class Tags(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


def raw(markdown: str) -> list[str]:
    """HTML, links and images that a Markdown reader would obey."""
    outside = re.sub(r"`[^`\n]*`", "", markdown)
    outside = re.sub(r"\\.", "", outside)
    return re.findall(r"<[a-z/!][^\n]*|!?\[[^\]\n]*\]\([^\n]*", outside)


def test_without_an_assessment_the_report_is_written_and_hostile_text_is_only_text(
    home: Path, env: dict[str, str]
) -> None:
    plan = json.loads(ONE)
    plan["milestones"][0]["title"] = HOSTILE
    plan["product_name"] = "greeter"
    finding = {
        "dimension": "security",
        "severity": "low",
        "path": "greeter/greet.py",
        "line": 1,
        "problem": HOSTILE,
        "remedy": HOSTILE,
        "edits": [],
    }
    unmet = [{"criterion": "M1-C1", "met": False, "evidence": HOSTILE}]
    judged = evaluation("1", "greet", findings=[finding], criteria=unmet)
    played = play(
        home,
        env,
        {
            "planner": json.dumps(plan),
            f"{MVP}/eval/1/1": judged,
            f"{MVP}/impl/2/1": "=== FILE greeter/extra.py ===\nX = 1\n=== END ===\n",
            f"{MVP}/eval/2/1": evaluation("1", "greet", findings=[finding]),
            **turns("run/reporter/1", "Fine!", '{"summary": 1}', answer("x", stop="refused")),
        },
    )
    assert played.done.passed
    assert played.done.assessment is None
    assert played.ids[-3:] == [f"run/reporter/1/{turn}" for turn in (1, 2, 3)]
    (warned,) = [one for one in played.events if isinstance(one, Warned)]
    assert warned.message.startswith("the report has no assessment: reporter: the answer was a ")
    subject = played.git("log", "-1", "--format=%s", "main")
    assert subject.startswith(f"{MVP}: <script>")
    assert subject.endswith("# More (4.00)")
    assert played.git("log", "-1", "--format=%b", "main") == ""
    assert "\x1b" not in subject

    markdown = (played.folder / "report.md").read_text()
    assert "The Reporter gave no valid answer; what follows are the facts alone." in markdown
    assert raw(markdown) == []
    only_text(played.folder)
    title = next(line for line in markdown.splitlines() if line.startswith(f"| {MVP}: "))
    assert len(re.findall(r"(?<!\\)\|", title)) == 8
    assert json.loads((played.folder / "report.json").read_text())["assessment"] is None
    everything_hostile(played.done, home / "hostile")


def only_text(folder: Path) -> None:
    """Neither page drives a terminal or a browser."""
    for name in ("report.md", "report.html"):
        text = (folder / name).read_text("utf-8")
        assert all(char.isprintable() or char == "\n" for char in text), name
    page = Tags((folder / "report.html").read_text("utf-8"))
    assert not page.names & {"script", "img", "a b"}
    assert "<script>alert(1)</script>" in page.text


def everything_hostile(plain: Report, folder: Path) -> None:
    """The same report with hostile text wherever an agent's words stand."""
    hostile = json.loads(json.dumps(ASSESSMENT).replace("Any.", "ANY"))
    hostile["summary"] = HOSTILE
    for rows in (hostile["risks"], hostile["tech_debt"], hostile["roadmap"]):
        rows[0] |= {key: HOSTILE for key in rows[0] if key not in ("severity", "priority")}
    launch = plain.facts.launch
    assert launch is not None
    facts = plain.facts.model_copy(
        update={
            "product": HOSTILE,
            "idea": HOSTILE,
            "files": ("a`<b>`.py", "b|.py"),
            "launch": launch.model_copy(update={"command": ("python", "`<script>`", "a\n\n# b")}),
        }
    )
    made = plain.model_copy(
        update={"facts": facts, "assessment": Assessment.model_validate(hostile)}
    )
    folder.mkdir()
    report.write(made, folder, Renderer(*machine.data("templates")))
    markdown = (folder / "report.md").read_text()
    assert raw(markdown) == []
    assert not re.search(r"^# (?!\\<script)", markdown, re.MULTILINE)
    only_text(folder)
