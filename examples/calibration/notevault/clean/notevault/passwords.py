"""Passwords are kept as salted scrypt hashes: `SALT$HASH`, both hexadecimal."""

import hashlib
import hmac
import secrets

_SALT_BYTES = 16
_COST = 2**14
_BLOCK_SIZE = 8
_PARALLEL = 1


def hashed(password: str) -> str:
    """A new hash of `password`."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return f"{salt.hex()}${_scrypt(password, salt).hex()}"


def matches(password: str, kept: str) -> bool:
    """Whether `kept` is a hash of `password`."""
    salt, _, expected = kept.partition("$")
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt)), bytes.fromhex(expected))


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(
        password.encode(), salt=salt, n=_COST, r=_BLOCK_SIZE, p=_PARALLEL, dklen=32
    )
