"""Asks for names that exist throughout until its input ends, and tells what was wrong.

usage: ask.py SERVER

Prints `ready` before the first query. Lines of the input: `down` before the DNS server is killed, `up` when it is back;
each is printed when it counts. A query that overlaps such a time may stay without an answer; an answer is always a
right one.
"""

import json
import sys
import threading
import time

import dns

HELLO = "hello.avi.iberia.local"
VIPS = {"10.10.25.46", "10.10.26.40", "10.10.23.40"}
# Longest wait for an answer, in seconds: a busy machine may need long, a query that was lost is never answered. And the
# wait while there is no server.
TIMEOUT, TIMEOUT_DOWN = 3, 0.1
# Time from one query to the next, in seconds.
SPACING = 0.004
FAULTS_MAX = 20


class Switch:
    """How often the server went down or up; odd while it is down."""

    def __init__(self):
        self.turns = 0
        self.ended = False

    def read(self):
        for line in sys.stdin:
            self.turns += (line.strip() == "down") != (self.turns % 2 == 1)
            print(line.strip(), flush=True)
        self.ended = True


def check(server, number, timeout):
    """Asks once; ValueError for an answer that is wrong, OSError for none."""
    if number % 2:
        dns.generation(0, dns.ask(server, dns.name(0), timeout, tcp=number % 21 == 0))
    else:
        rcode, records = dns.ask(server, HELLO, timeout, tcp=number % 20 == 0)
        if rcode != 0 or not records or not {ip for ip, _ in records} <= VIPS:
            raise ValueError(f"{HELLO}: rcode {rcode} and {records}")


def main():
    server, switch = sys.argv[1], Switch()
    threading.Thread(target=switch.read, daemon=True).start()
    print("ready", flush=True)
    asked, unanswered, faults, begin = 0, 0, [], time.monotonic()
    while not switch.ended:
        before = switch.turns
        asked += 1
        sent = time.monotonic() - begin
        try:
            check(server, asked, TIMEOUT_DOWN if before % 2 else TIMEOUT)
        except ValueError as error:
            faults.append(f"at {sent:.3f} s, turn {before}: {error}")
        except OSError as error:
            if switch.turns == before and before % 2 == 0:
                faults.append(f"at {sent:.3f} s, turn {before}: no answer: {error}")
            else:
                unanswered += 1
        time.sleep(SPACING)
    print(json.dumps({"asked": asked, "unanswered": unanswered, "faulty": len(faults), "faults": faults[:FAULTS_MAX]}))


main()
