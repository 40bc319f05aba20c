"""Signed paths by which anybody can read one note for a while."""

import hashlib
import hmac
from urllib.parse import urlencode

MIN_SECRET = 32


class Signer:
    """Signs paths of notes and checks them."""

    def __init__(self, secret: str) -> None:
        """Raises ValueError when the secret is too short."""
        if len(secret) < MIN_SECRET:
            raise ValueError(f"a secret has at least {MIN_SECRET} characters")
        self._key = secret.encode()

    def path(self, note: int, expires: int) -> str:
        """The path that shows `note` until `expires`, in seconds since 1970."""
        query = urlencode({"expires": expires, "signature": self._signature(note, expires)})
        return f"/shared/{note}?{query}"

    def is_good(self, note: int, expires: int, signature: str) -> bool:
        """Whether `path` made this signature for that note and time."""
        return hmac.compare_digest(self._signature(note, expires).encode(), signature.encode())

    def _signature(self, note: int, expires: int) -> str:
        message = f"{note}:{expires}".encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()
