"""M1-C4"""

from tests.desk import Desk


def test_m1_c4_anybody_reads_a_shared_note_for_7_days(desk: Desk) -> None:
    token = desk.user("anna")
    note = desk.note(token)
    status, shared = desk.ask("POST", f"/notes/{note}/share", token)
    assert status == 201
    desk.now += 7 * 24 * 3600 - 1
    assert desk.ask("GET", shared["path"]) == (200, {"id": note, "title": "Title", "text": "Text"})
    desk.now += 1
    assert desk.ask("GET", shared["path"])[0] == 404


def test_m1_c4_an_altered_path_shows_nothing(desk: Desk) -> None:
    token = desk.user("anna")
    note, other = desk.note(token), desk.note(token)
    path = desk.ask("POST", f"/notes/{note}/share", token)[1]["path"]
    assert desk.ask("GET", path.replace(f"/{note}?", f"/{other}?"))[0] == 404
    assert desk.ask("GET", path.replace("expires=", "expires=9"))[0] == 404
    assert desk.ask("GET", path + "0")[0] == 404
    assert desk.ask("GET", f"/shared/{note}")[0] == 404


def test_m1_c4_a_deleted_note_is_not_shown(desk: Desk) -> None:
    token = desk.user("anna")
    note = desk.note(token)
    path = desk.ask("POST", f"/notes/{note}/share", token)[1]["path"]
    desk.ask("DELETE", f"/notes/{note}", token)
    assert desk.ask("GET", path)[0] == 404
