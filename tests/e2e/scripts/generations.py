"""Asks for names while they change, and tells answers that mix what was and what is.

usage: generations.py SERVER COUNT PER_SECOND

The names get a generation one after the other, see change.py. Each answer has to be of one generation; and a query
that leaves after an answer of name k and generation g sees at least g for the names up to k, and g - 1 for the rest.
Ends with its input.
"""

import json
import random
import select
import socket
import sys
import threading
import time

import dns

# Queries under way at the same time, and how long each may take, in seconds.
OPEN_MAX, TIMEOUT = 64, 5


class Checker:
    def __init__(self, server, count):
        self.client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.client.connect((server, 53))
        self.client.setblocking(False)
        self.count = count
        # By identifier: number of the name, when it was asked for, and what had been seen by then.
        self.open = {}
        # The newest answer seen: generation and number.
        self.newest = (0, count - 1)
        self.answers, self.generations, self.faults = 0, set(), []

    def ask(self, now):
        number = random.randrange(self.count)
        identifier, question = dns.query(dns.name(number))
        if identifier not in self.open:
            self.open[identifier] = (number, now, self.newest)
            self.client.send(question)

    def hear(self):
        identifier, answer = dns.parse(self.client.recv(4096))
        number, _, (generation, up_to) = self.open.pop(identifier)
        self.answers += 1
        try:
            found = dns.generation(number, answer)
        except ValueError as error:
            self.faults.append(str(error))
            return
        expected = generation if number <= up_to else generation - 1
        if found < expected:
            self.faults.append(f"{dns.name(number)} has generation {found} after {expected} was seen")
        self.generations.add(found)
        self.newest = max(self.newest, (found, number))

    def run(self, per_second, ended):
        begin, asked = time.monotonic(), 0
        while not ended.is_set() or self.open:
            now = time.monotonic()
            if not ended.is_set() and len(self.open) < OPEN_MAX and now >= begin + asked / per_second:
                self.ask(now)
                asked += 1
            wait = max(0.0, min(0.1, begin + asked / per_second - now))
            while select.select([self.client], [], [], wait)[0]:
                self.hear()
                wait = 0
            for identifier in [each for each, (_, sent, _) in self.open.items() if now > sent + TIMEOUT]:
                number, _, _ = self.open.pop(identifier)
                self.faults.append(f"{dns.name(number)}: no answer")


def main():
    server, count, per_second = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    checker, ended = Checker(server, count), threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    checker.run(per_second, ended)
    seen = {"answers": checker.answers, "generations": sorted(checker.generations)}
    print(json.dumps(seen | {"faulty": len(checker.faults), "faults": checker.faults[:20]}))


main()
