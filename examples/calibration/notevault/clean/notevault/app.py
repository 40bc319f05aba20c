"""What a request gets. Knows nothing of sockets."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import cast
from urllib.parse import parse_qs

from notevault.share import Signer
from notevault.vault import Note, Taken, Vault

SHARE_SECONDS = 7 * 24 * 3600
MAX_TITLE = 200
MAX_TEXT = 20_000
MIN_PASSWORD = 12
MAX_PASSWORD = 200
_NAME = re.compile(r"[A-Za-z0-9]{3,30}")
_NUMBER = re.compile(r"[0-9]{1,15}")


class Refused(Exception):
    """A request that is answered with an error; `text` is shown to whoever asked."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True)
class Request:
    """A request as it came: `target` with its query, `token` is "" for none."""

    method: str
    target: str
    token: str = ""
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """A status and a JSON value, None for no body."""

    status: HTTPStatus
    value: Mapping[str, object] | None = None


class App:
    """Answers requests out of one vault."""

    def __init__(self, vault: Vault, signer: Signer) -> None:
        self._vault = vault
        self._signer = signer

    def answer(self, request: Request) -> Answer:
        """Never raises for what a client can send."""
        try:
            return self._answer(request)
        except Refused as refused:
            return Answer(refused.status, {"error": refused.text})

    def _answer(self, request: Request) -> Answer:
        path, _, asked = request.target.partition("?")
        query = {name: values[-1] for name, values in parse_qs(asked).items()}
        match request.method, path.split("/")[1:]:
            case "POST", ["users"]:
                answer = self._register(request)
            case "POST", ["sessions"]:
                answer = self._log_in(request)
            case "DELETE", ["sessions"]:
                answer = self._log_out(request)
            case "POST", ["notes"]:
                answer = self._add(request)
            case "GET", ["notes"]:
                answer = self._list(request, _number(query.get("after", "0")))
            case "GET" | "PUT" | "DELETE", ["notes", note]:
                answer = self._one(request, _number(note))
            case "POST", ["notes", note, "share"]:
                answer = self._share(request, _number(note))
            case "GET", ["shared", note]:
                answer = self._shared(_number(note), query)
            case _:
                raise _not_found()
        return answer

    def _register(self, request: Request) -> Answer:
        name, password = _texts(request.body, "name", "password")
        if not _NAME.fullmatch(name):
            raise _unusable("a name is 3 to 30 letters and digits")
        if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
            raise _unusable(f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters")
        try:
            self._vault.register(name, password)
        except Taken:
            raise Refused(HTTPStatus.CONFLICT, "that name is taken") from None
        return Answer(HTTPStatus.CREATED, {"name": name})

    def _log_in(self, request: Request) -> Answer:
        name, password = _texts(request.body, "name", "password")
        token = self._vault.log_in(name, password[: MAX_PASSWORD + 1])
        if token is None:
            raise Refused(HTTPStatus.UNAUTHORIZED, "wrong name or password")
        return Answer(HTTPStatus.CREATED, {"token": token})

    def _log_out(self, request: Request) -> Answer:
        self._user(request)
        self._vault.log_out(request.token)
        return Answer(HTTPStatus.NO_CONTENT)

    def _add(self, request: Request) -> Answer:
        user = self._user(request)
        title, text = _note_texts(request.body)
        return Answer(HTTPStatus.CREATED, asdict(self._vault.add(user, title, text)))

    def _list(self, request: Request, after: int) -> Answer:
        titles = self._vault.titles(self._user(request), after)
        return Answer(
            HTTPStatus.OK, {"notes": [{"id": note, "title": title} for note, title in titles]}
        )

    def _one(self, request: Request, note: int) -> Answer:
        user = self._user(request)
        match request.method:
            case "DELETE":
                if not self._vault.delete(user, note):
                    raise _not_found()
                return Answer(HTTPStatus.NO_CONTENT)
            case "PUT":
                return _shown(self._vault.change(user, Note(note, *_note_texts(request.body))))
            case _:
                return _shown(self._vault.note(user, note))

    def _share(self, request: Request, note: int) -> Answer:
        if self._vault.note(self._user(request), note) is None:
            raise _not_found()
        expires = int(self._vault.now) + SHARE_SECONDS
        return Answer(HTTPStatus.CREATED, {"path": self._signer.path(note, expires)})

    def _shared(self, note: int, query: Mapping[str, str]) -> Answer:
        expires = _number(query.get("expires", ""))
        if not self._signer.is_good(note, expires, query.get("signature", "")):
            raise _not_found()
        if expires <= self._vault.now:
            raise _not_found()
        return _shown(self._vault.shared(note))

    def _user(self, request: Request) -> int:
        user = self._vault.user_of(request.token)
        if user is None:
            raise Refused(HTTPStatus.UNAUTHORIZED, "log in first")
        return user


def _texts(body: bytes, *keys: str) -> list[str]:
    """The texts of a JSON object with exactly these keys. Raises Refused."""
    try:
        value: object = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(HTTPStatus.BAD_REQUEST, "the body is not JSON") from None
    found = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    if found.keys() != set(keys):
        raise Refused(HTTPStatus.BAD_REQUEST, f"the body is an object of {', '.join(keys)}")
    return [_text(found[key]) for key in keys]


def _text(value: object) -> str:
    # JSON can hold half of a surrogate pair, which no database takes.
    if not isinstance(value, str) or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise Refused(HTTPStatus.BAD_REQUEST, "all values are texts")
    return value


def _note_texts(body: bytes) -> tuple[str, str]:
    """Title and text of a note. Raises Refused."""
    title, text = _texts(body, "title", "text")
    if not 1 <= len(title) <= MAX_TITLE:
        raise _unusable(f"a title has 1 to {MAX_TITLE} characters")
    if len(text) > MAX_TEXT:
        raise _unusable(f"a text has at most {MAX_TEXT} characters")
    return title, text


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise _not_found()
    return int(text)


def _shown(note: Note | None) -> Answer:
    if note is None:
        raise _not_found()
    return Answer(HTTPStatus.OK, asdict(note))


def _not_found() -> Refused:
    return Refused(HTTPStatus.NOT_FOUND, "not found")


def _unusable(text: str) -> Refused:
    return Refused(HTTPStatus.UNPROCESSABLE_ENTITY, text)
