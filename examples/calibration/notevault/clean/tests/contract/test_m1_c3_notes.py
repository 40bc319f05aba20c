"""M1-C3"""

import pytest

from tests.desk import Desk


def test_m1_c3_a_note_is_made_read_changed_and_deleted(desk: Desk) -> None:
    token = desk.user("anna")
    note = desk.note(token, "Milk")
    target = f"/notes/{note}"
    assert desk.ask("GET", target, token) == (200, {"id": note, "title": "Milk", "text": "Text"})
    changed = {"title": "Bread", "text": ""}
    assert desk.ask("PUT", target, token, changed) == (200, {"id": note, **changed})
    assert desk.ask("GET", target, token)[1] == {"id": note, **changed}
    assert desk.ask("DELETE", target, token) == (204, None)
    assert desk.ask("GET", target, token)[0] == 404
    assert desk.ask("DELETE", target, token)[0] == 404


def test_m1_c3_notes_are_listed_50_at_a_time(desk: Desk) -> None:
    token = desk.user("anna")
    made = [desk.note(token, f"{number}") for number in range(60)]
    first = desk.ask("GET", "/notes", token)[1]["notes"]
    rest = desk.ask("GET", f"/notes?after={first[-1]['id']}", token)[1]["notes"]
    assert [note["id"] for note in first + rest] == made
    assert (len(first), first[0]["title"]) == (50, "0")


@pytest.mark.parametrize(("method", "part"), [("GET", ""), ("DELETE", ""), ("POST", "/share")])
def test_m1_c3_notes_of_others_do_not_exist(method: str, part: str, desk: Desk) -> None:
    anna, bert = desk.user("anna"), desk.user("bert")
    note = desk.note(anna)
    assert desk.ask(method, f"/notes/{note}{part}", bert)[0] == 404
    assert desk.ask("GET", "/notes", bert)[1] == {"notes": []}
    assert desk.ask("GET", f"/notes/{note}", anna)[0] == 200


def test_m1_c3_a_note_of_another_is_not_changed(desk: Desk) -> None:
    anna, bert = desk.user("anna"), desk.user("bert")
    note = desk.note(anna)
    desk.ask("PUT", f"/notes/{note}", bert, {"title": "Mine", "text": ""})
    assert desk.ask("GET", f"/notes/{note}", anna)[1]["title"] == "Title"
