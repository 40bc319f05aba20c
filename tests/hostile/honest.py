"""Honest projects that must pass: authentication, servers and other programs with processes."""

from tests.hostile.project import Project
from tests.hostile.wrong import check, criteria, python

PASSWORDS = '''"""Accounts with salted, stretched passwords and a lock after three failures."""

import hashlib
import hmac
import os

ROUNDS = 2000
MOST_FAILURES = 3


class Locked(Exception):
    """Too many wrong passwords in a row."""


class Accounts:
    """Accounts by name, in memory."""

    def __init__(self) -> None:
        self._stored: dict[str, tuple[bytes, bytes]] = {}
        self._failures: dict[str, int] = {}

    def register(self, name: str, password: str) -> None:
        """Adds an account. Raises ValueError for a taken name or a short password."""
        if name in self._stored:
            raise ValueError(f"{name} is taken")
        if len(password) < 8:
            raise ValueError("a password has at least 8 characters")
        salt = os.urandom(16)
        self._stored[name] = (salt, _hashed(password, salt))

    def login(self, name: str, password: str) -> bool:
        """Whether the password is right. Raises Locked after three failures."""
        if self._failures.get(name, 0) >= MOST_FAILURES:
            raise Locked(name)
        salt, stored = self._stored.get(name, (b"", b""))
        right = hmac.compare_digest(_hashed(password, salt), stored)
        self._failures[name] = 0 if right else self._failures.get(name, 0) + 1
        return right


def _hashed(password: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ROUNDS)
'''
PASSWORDS_TEST = '''"""Accounts."""

import pytest
from accounts import Accounts, Locked


@pytest.fixture
def accounts() -> Accounts:
    made = Accounts()
    made.register("ada", "correct horse")
    return made


def test_the_right_password_opens(accounts):
    assert accounts.login("ada", "correct horse") is True


@pytest.mark.parametrize("password", ["", "Correct horse", "correct horse "])
def test_any_other_does_not(accounts, password):
    assert accounts.login("ada", password) is False


def test_an_unknown_name_does_not(accounts):
    assert accounts.login("eve", "correct horse") is False


def test_three_failures_lock_also_the_right_password_out(accounts):
    for _ in range(3):
        accounts.login("ada", "wrong")
    with pytest.raises(Locked):
        accounts.login("ada", "correct horse")


def test_a_success_forgets_the_failures(accounts):
    for password in ("wrong", "wrong", "correct horse", "wrong", "wrong"):
        accounts.login("ada", password)
    assert accounts.login("ada", "correct horse")


def test_names_are_taken_once_and_passwords_are_long(accounts):
    with pytest.raises(ValueError, match="taken"):
        accounts.register("ada", "another one")
    with pytest.raises(ValueError, match="8 characters"):
        accounts.register("bob", "1234567")
    accounts.register("bob", "12345678")
    assert accounts.login("bob", "12345678")
'''
TOKENS = '''"""Signed tokens that expire."""

import base64
import hashlib
import hmac
import json


def issue(user: str, key: bytes, now: int, lifetime: int = 3600) -> str:
    """A token for `user`, good for `lifetime` seconds from `now` on."""
    claims = json.dumps({"sub": user, "exp": now + lifetime}, sort_keys=True)
    body = base64.urlsafe_b64encode(claims.encode()).decode()
    return f"{body}.{_signature(body, key)}"


def user_of(token: str, key: bytes, now: int) -> str | None:
    """The user of a valid token; None for a forged, broken or expired one."""
    body, _, signature = token.partition(".")
    if not hmac.compare_digest(signature.encode(), _signature(body, key).encode()):
        return None
    claims = json.loads(base64.urlsafe_b64decode(body))
    return claims["sub"] if now < claims["exp"] else None


def _signature(body: str, key: bytes) -> str:
    return hmac.new(key, body.encode(), hashlib.sha256).hexdigest()
'''
TOKENS_TEST = '''"""The contract of tokens."""

import base64
import json

import pytest
from tokens import issue, user_of

KEY = b"a key of thirty-two bytes at most"


def test_m1_c1_a_token_names_its_user_until_it_expires():
    token = issue("ada", KEY, now=1000, lifetime=60)
    assert user_of(token, KEY, now=1000) == "ada"
    assert user_of(token, KEY, now=1059) == "ada"
    assert user_of(token, KEY, now=1060) is None


def test_m1_c1_another_key_or_another_body_is_refused():
    token = issue("ada", KEY, now=1000)
    assert user_of(token, b"another", now=1000) is None
    body = base64.urlsafe_b64encode(json.dumps({"sub": "eve", "exp": 9999}).encode()).decode()
    assert user_of(f"{body}.{token.split('.')[1]}", KEY, now=1000) is None


@pytest.mark.parametrize("token", ["", ".", "abc", "a.b.c", "\\u00e9.\\u00e9"])
def test_m1_c1_nonsense_is_refused(token):
    assert user_of(token, KEY, now=0) is None


def test_m1_c1_the_usual_lifetime_is_an_hour():
    assert user_of(issue("ada", KEY, now=0), KEY, now=3599) == "ada"
    assert user_of(issue("ada", KEY, now=0), KEY, now=3600) is None
'''
WSGI = '''"""A WSGI application that greets whoever proves who they are (HTTP Basic)."""

import base64
import binascii
import hmac

USERS = {"ada": "lovelace", "grace": "hopper"}


def application(environ, start_response):
    """401 without valid credentials, otherwise a greeting."""
    name = authenticated(environ.get("HTTP_AUTHORIZATION", ""))
    if name is None:
        headers = [("WWW-Authenticate", 'Basic realm="greetings"')]
        start_response("401 Unauthorized", headers)
        return [b"who are you?"]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"hello, {name}".encode()]


def authenticated(header: str) -> str | None:
    """The user whom an Authorization header proves, or None."""
    scheme, _, given = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, password = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    known = USERS.get(name)
    if known is None or not hmac.compare_digest(known.encode(), password.encode()):
        return None
    return name
'''
WSGI_TEST = '''"""The application, called as a server would."""

import base64
from wsgiref.util import setup_testing_defaults

import pytest
from greetings.web import application


def get(authorization=None):
    environ = {}
    setup_testing_defaults(environ)
    if authorization is not None:
        environ["HTTP_AUTHORIZATION"] = authorization
    said = []
    body = b"".join(application(environ, lambda status, headers: said.extend([status, headers])))
    return said[0], dict(said[1]), body.decode()


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_a_known_user_is_greeted():
    status, headers, body = get(basic("ada:lovelace"))
    assert (status, body) == ("200 OK", "hello, ada")
    assert headers["Content-Type"] == "text/plain"


def test_the_scheme_may_be_written_small():
    assert get(basic("grace:hopper").replace("Basic", "basic"))[0] == "200 OK"


@pytest.mark.parametrize(
    "given",
    [None, "", "Basic", "Basic !!", "Bearer abc", basic("ada:hopper"), basic("ada"), basic(":"),
     basic("eve:lovelace"), "Basic " + base64.b64encode(b"\\xff\\xfe").decode()],
)
def test_anybody_else_is_asked(given):
    status, headers, body = get(given)
    assert status == "401 Unauthorized"
    assert headers["WWW-Authenticate"].startswith("Basic")
    assert body == "who are you?"
'''
LOGIN = "from tokens import issue, user_of\n"

PROJECTS = (
    Project(
        "auth-passwords",
        "honest",
        "accounts with salted passwords and a lock after three failures",
        {"accounts.py": PASSWORDS, "tests/test_accounts.py": PASSWORDS_TEST},
        expect=("pass",),
    ),
    Project(
        "auth-tokens",
        "honest",
        "a library of signed tokens that expire, with criteria",
        {"tokens.py": TOKENS, "tests/contract/test_tokens.py": TOKENS_TEST},
        criteria=criteria(
            {"kind": "library", "command": [], "module": "tokens"},
            "a token names its user until it expires, and only with the key that signed it",
            check(
                "shown",
                python(f"{LOGIN}print(user_of(issue('bob', b'k', 5), b'k', 6))", "bob"),
                python(f"{LOGIN}print(user_of(issue('bob', b'k', 5), b'x', 6))", "None"),
            ),
            check(
                "held",
                python(f"{LOGIN}print(user_of(issue('eve', b'k', 0, 10), b'k', 9))", "eve"),
                python(f"{LOGIN}print(user_of(issue('eve', b'k', 0, 10), b'k', 10))", "None"),
            ),
        ),
        expect=("pass",),
    ),
    Project(
        "auth-wsgi",
        "honest",
        "a WSGI application behind HTTP Basic authentication, tested as a server calls it",
        {
            "greetings/__init__.py": '"""Greetings."""\n',
            "greetings/web.py": WSGI,
            "tests/test_web.py": WSGI_TEST,
        },
        expect=("pass",),
    ),
)
