"""A small DNS client, and names whose answers tell their generation.

Name number i of generation g answers with four addresses and a time to live that no other generation of it has:
10.(128 + g).(i / 64).(i % 64 * 4 + member) for members 0 to 3, and 100 + g seconds.
"""

import random
import socket
import struct

MEMBERS = 4
GENERATIONS = 100


def name(number):
    return f"g{number}.avi.iberia.local"


def addresses(number, generation):
    first = number % 64 * MEMBERS
    return {f"10.{128 + generation}.{number // 64}.{first + member}" for member in range(MEMBERS)}


def service(number, generation):
    """The GSLB service of a name, as an administrator writes it."""
    members = [{"ip": {"addr": ip, "type": "V4"}, "ratio": 1} for ip in sorted(addresses(number, generation))]
    return {
        "name": f"g{number}", "domain_names": [name(number)], "ttl": 100 + generation, "num_dns_ip": 0,
        "controller_health_status_enabled": False, "description": f"generation {generation}",
        "groups": [{"name": "pool", "priority": 10, "algorithm": "GSLB_ALGORITHM_ROUND_ROBIN", "members": members}],
    }


def generation(number, answer):
    """The one generation that an answer is of; an error in words where it is of none, or of several."""
    rcode, records = answer
    if rcode != 0 or not records:
        raise ValueError(f"{name(number)}: rcode {rcode} and {len(records)} addresses")
    found = records[0][1] - 100
    expected = sorted((ip, 100 + found) for ip in addresses(number, found))
    if sorted(records) != expected:
        raise ValueError(f"{name(number)}: {records} is of no single generation")
    return found


def query(qname):
    """Identifier and octets of a question for an A record."""
    identifier = random.getrandbits(16)
    labels = b"".join(bytes([len(label)]) + label.encode() for label in qname.split("."))
    return identifier, struct.pack("!6H", identifier, 0, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"


def parse(message):
    """Identifier, and the answer: rcode and the A records as (address, time to live)."""
    identifier, flags, questions, answers = struct.unpack_from("!4H", message)
    at = 12
    for _ in range(questions):
        at = skip_name(message, at) + 4
    records = []
    for _ in range(answers):
        at = skip_name(message, at)
        kind, _, ttl, length = struct.unpack_from("!HHIH", message, at)
        at += 10
        if kind == 1:
            records.append((socket.inet_ntoa(message[at:at + length]), ttl))
        at += length
    return identifier, (flags & 15, records)


def skip_name(message, at):
    while True:
        length = message[at]
        if length >= 192:
            return at + 2
        at += length + 1
        if length == 0:
            return at


def ask(server, qname, timeout, tcp=False):
    """The answer to one question; OSError when there is none in time."""
    identifier, question = query(qname)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as client:
        client.settimeout(timeout)
        client.connect((server, 53))
        if tcp:
            client.sendall(struct.pack("!H", len(question)) + question)
            (length,) = struct.unpack("!H", read(client, 2))
            message = read(client, length)
        else:
            client.send(question)
            message = client.recv(4096)
    got, answer = parse(message)
    if got != identifier:
        raise ValueError(f"{qname}: the answer has identifier {got} instead of {identifier}")
    return answer


def read(stream, count):
    """As many octets, of a stream that may come in pieces."""
    octets = b""
    while len(octets) < count:
        piece = stream.recv(count - len(octets))
        if not piece:
            raise ConnectionResetError("the server closed the stream")
        octets += piece
    return octets
