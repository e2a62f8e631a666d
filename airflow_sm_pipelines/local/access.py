"""Who may ask: where the endpoint listens, and which Host and Origin its requests may have.

The endpoint takes any credentials, so whoever reaches it may do everything. A web page that its user's browser shows
reaches it too: by a name that the page's owner lets point to 127.0.0.1 (DNS rebinding), or by a request from the page's
own origin. Both show in the headers Host, Origin and Sec-Fetch-Site, which a page cannot set.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")
HOST = re.compile(r"(?:\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?P<port>:[0-9]{1,5})?")
MAX_SHOWN = 100


class AccessError(ValueError):
    """An address to listen on, or names to allow, that do not go together."""


@dataclass(frozen=True)
class Access:
    """The address to listen on, and the names by which clients may ask: each also with a bucket before it."""

    address: str
    names: tuple[str, ...]

    @classmethod
    def make(cls, host: str, *, allow_remote: bool = False, allowed_hosts: tuple[str, ...] = ()) -> Self:
        """Access by loopback names, by ``allowed_hosts`` and by the address of ``host`` itself.

        Raises :class:`AccessError` where other machines could reach ``host`` and ``allow_remote`` is not given, or no
        name by which they may ask; ``OSError`` for a host that has no address.
        """
        address = _address(host)
        given = tuple(_plain(name) for name in allowed_hosts)
        if not address.is_loopback:
            if not allow_remote:
                raise AccessError(
                    f"{host or 'an empty host'} is reachable from other machines, and whoever reaches the local AWS "
                    "endpoint may do everything with it: listen on 127.0.0.1, or say --allow-remote"
                )
            if not given:
                raise AccessError(
                    f"{host or 'an empty host'} is reachable from other machines: say by which names they may ask, "
                    "for example --allowed-host local-aws"
                )
        own = () if address.is_unspecified else (str(address),)
        return cls(str(address), tuple(dict.fromkeys((*own, *LOOPBACK_NAMES, *given))))

    @property
    def reachable(self) -> str:
        """The address by which this machine reaches the endpoint, as it stands in a URL."""
        address = ipaddress.ip_address(self.address)
        if address.is_unspecified:
            return "127.0.0.1" if address.version == 4 else "[::1]"
        return self.address if address.version == 4 else f"[{self.address}]"

    def split(self, host: str) -> tuple[str, str] | None:
        """What stands before the allowed name in a Host header (a bucket, or ""), and its port (":5000" or "").

        ``None`` for a Host that is not allowed.
        """
        found = HOST.fullmatch(host)
        if found is None:
            return None
        asked, port = _normal(found["address"] or found["name"]), found["port"] or ""
        if asked in self.names:
            return "", port
        # The longest name first: with "aws" and "eu.aws" allowed, "b.eu.aws" is the bucket "b".
        for name in sorted(self.names, key=len, reverse=True):
            if not _is_address(name) and asked.endswith(f".{name}"):
                return asked.removesuffix(f".{name}"), port
        return None

    def refusal(self, method: str, headers: Mapping[str, str]) -> str | None:
        """Why a request is refused, ``None`` if it is not; names of headers in any case."""
        host, origin = headers.get("Host", ""), headers.get("Origin")
        if self.split(host) is None:
            return (
                f"the Host header {_short(host)} is none of the endpoint's names ({', '.join(self.names)}); "
                "allow more with --allowed-host NAME"
            )
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return f"it comes from a web page of another origin, {_short(origin)}"
        site = headers.get("Sec-Fetch-Site", "none")
        followed = method in ("GET", "HEAD") and headers.get("Sec-Fetch-Mode") == "navigate"
        if site not in ("none", "same-origin") and not followed:
            return f"it comes from a web page of another origin (Sec-Fetch-Site: {_short(site)})"
        return None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address that a host name or address stands for; nothing stands for all addresses, as in Python's sockets."""
    found = socket.getaddrinfo(host or "0.0.0.0", 0, type=socket.SOCK_STREAM)  # noqa: S104 # judged by the caller
    addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
    return next((address for address in addresses if address.version == 4), addresses[0])


def _plain(name: str) -> str:
    found = HOST.fullmatch(name if ":" not in name or name.startswith("[") else f"[{name}]")
    if found is None or found["port"]:
        raise AccessError(f"an allowed host is a name or address without port, like local-aws; got {_short(name)}")
    return _normal(found["address"] or found["name"])


def _normal(name: str) -> str:
    """A name in lower case without a final dot, an address in its usual form."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name.lower().rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _short(text: str) -> str:
    return repr(text[:MAX_SHOWN])
