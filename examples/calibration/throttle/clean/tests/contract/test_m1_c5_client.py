"""M1-C5"""

from ipaddress import ip_network

import pytest

from throttle import client_address

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("::1/128")]


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        ("192.0.2.7", None, "192.0.2.7"),
        ("192.0.2.7", "198.51.100.1", "192.0.2.7"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("::1", "198.51.100.1, 10.0.0.1", "198.51.100.1"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "nobody", "10.0.0.1"),
    ],
)
def test_m1_c5_the_address_of_a_client(peer: str, forwarded_for: str | None, address: str) -> None:
    assert client_address(peer, forwarded_for, TRUSTED) == address


def test_m1_c5_a_peer_has_an_address() -> None:
    with pytest.raises(ValueError, match="nobody"):
        client_address("nobody", None, TRUSTED)
