"""Tells clients apart, also behind proxies."""

from collections.abc import Collection
from ipaddress import IPv4Network, IPv6Network, ip_address

Network = IPv4Network | IPv6Network


def client_address(peer: str, forwarded_for: str | None, trusted: Collection[Network]) -> str:
    """The address by which a request came.

    `peer` is the address of the connection and `forwarded_for` the header X-Forwarded-For. Each
    proxy appends the address that it saw, so the header is read from its end, as far as those who
    wrote it are trusted. Raises ValueError when `peer` is no IP address.
    """
    address = str(ip_address(peer))
    for hop in reversed((forwarded_for or "").split(",")):
        if not _is_trusted(address, trusted):
            break
        try:
            address = str(ip_address(hop.strip()))
        except ValueError:
            break
    return address


def _is_trusted(address: str, trusted: Collection[Network]) -> bool:
    parsed = ip_address(address)
    return any(parsed in network for network in trusted)
