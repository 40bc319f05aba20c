from pathlib import Path

import pytest

from notevault.passwords import hashed, matches
from notevault.share import Signer
from tests.desk import Desk


def test_a_password_matches_its_own_hash_only() -> None:
    kept = hashed("correct horse battery")
    assert matches("correct horse battery", kept)
    assert not matches("correct horse batterz", kept)
    assert hashed("correct horse battery") != kept


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32 characters"):
        Signer("x" * 31)


def test_neither_passwords_nor_tokens_are_kept(desk: Desk, tmp_path: Path) -> None:
    token = desk.user("anna")
    kept = (tmp_path / "notes.db").read_bytes()
    assert b"anna" in kept
    assert b"a password of anna" not in kept
    assert token.encode() not in kept
