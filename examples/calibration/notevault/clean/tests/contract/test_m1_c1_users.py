"""M1-C1"""

from tests.desk import Desk


def test_m1_c1_a_user_registers_once(desk: Desk) -> None:
    desk.user("anna")
    asked = {"name": "anna", "password": "another password"}
    assert desk.ask("POST", "/users", "", asked)[0] == 409


def test_m1_c1_wrong_logins_are_refused_alike(desk: Desk) -> None:
    desk.user("anna")
    wrong = desk.ask("POST", "/sessions", "", {"name": "anna", "password": "wrong"})
    unknown = desk.ask("POST", "/sessions", "", {"name": "nobody", "password": "wrong"})
    assert wrong == unknown == (401, {"error": "wrong name or password"})
