"""Writes objects to a controller that may be killed at any moment, and checks that it forgets nothing.

usage: write.py CONTROLLER AUTHORITY PASSWORD SEED

GSLB services and health monitors are created, replaced, patched and deleted until the input ends. What an answer
acknowledged has to be there afterwards; a call that got no answer may or may not have been carried out, as a whole.
"""

import collections
import http.client
import json
import random
import sys
import threading
import time

import avi
import dns

NUMBERS = 40
# Time from one write to the next, in seconds.
SPACING = 0.02
# Pause before a controller that is away is tried again, in seconds; and how often.
PAUSE, TRIES = 0.05, 600


class Writer:
    def __init__(self, session, dice):
        self.session, self.dice = session, dice
        # What was acknowledged, by type and number: the version, `None` after a deletion, and the uuid.
        self.acknowledged = {}
        self.counts = collections.Counter()
        self.lost = []

    def call(self, method, path, body=None):
        """One call to a controller that may be away for a while; `None` when it may or may not have been done."""
        for _ in range(TRIES):
            try:
                if self.session.connection is None:
                    self.session.connect()
            except (OSError, http.client.HTTPException):
                time.sleep(PAUSE)
                continue
            try:
                return self.session.call(method, path, body)
            except (OSError, http.client.HTTPException):
                return None
        raise TimeoutError("the controller did not come back")

    def read(self, kind, number):
        """Uuid and version of an object, both `None` when it is not there."""
        while (answer := self.call("GET", f"/api/{kind}?name={object_name(kind, number)}")) is None:
            pass
        status, body = answer
        if status != 200:
            raise ValueError(f"reading {kind} {number}: {status} {body}")
        found = body["results"]
        if not found:
            return None, None
        version = version_of(kind, found[0])
        whole = body_of(kind, number, version)
        if any(found[0].get(key) != whole[key] for key in whole if key not in ("groups", "http_monitor")):
            self.lost.append(f"{kind} {number} is a mixture: {found[0]}")
        return found[0]["uuid"], version

    def write(self, kind, number, may_delete):
        uuid, before = self.acknowledged.get((kind, number), (None, None))
        if may_delete and before is not None and self.dice.random() < 0.15:
            method, after = "DELETE", None
        else:
            method, after = ("POST", 0) if before is None else ("PUT", (before + 1) % dns.GENERATIONS)
        path = f"/api/{kind}" + (f"/{uuid}" if uuid else "")
        body = None if after is None else body_of(kind, number, after)
        answer = self.call(method, path, body)
        if answer is None:
            self.counts["uncertain"] += 1
            uuid, found = self.read(kind, number)
            if found not in (before, after):
                self.lost.append(f"{kind} {number}: {found} after {method} of {after}, where {before} was acknowledged")
            self.acknowledged[kind, number] = (uuid, found)
        elif 200 <= answer[0] < 300:
            self.counts["acknowledged"] += 1
            uuid = answer[1]["uuid"] if method == "POST" else uuid
            self.acknowledged[kind, number] = (None, None) if after is None else (uuid, after)
        else:
            self.lost.append(f"{method} {path}: {answer}")

    def check(self):
        """Compares all that was acknowledged with what is there."""
        for (kind, number), expected in self.acknowledged.items():
            found = self.read(kind, number)
            if found != expected:
                self.lost.append(f"{kind} {number}: {found} instead of {expected}")


def object_name(kind, number):
    return f"g{number}" if kind == "gslbservice" else f"own-{number}"


def body_of(kind, number, version):
    if kind == "gslbservice":
        return dns.service(number, version)
    return {
        "name": object_name(kind, number), "type": "HEALTH_MONITOR_TCP", "monitor_port": 1000 + version,
        "description": f"generation {version}", "is_federated": True,
    }


def version_of(kind, body):
    return int(body["description"].removeprefix("generation "))


def main():
    controller, authority, password, seed = sys.argv[1:]
    writer = Writer(avi.Session(controller, authority, password), random.Random(int(seed)))
    # The name that is asked for all the time.
    writer.write("gslbservice", 0, may_delete=False)
    print("ready", flush=True)
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    while not ended.is_set():
        kind = writer.dice.choice(["gslbservice", "healthmonitor"])
        number = writer.dice.choice([0, writer.dice.randrange(NUMBERS)])
        writer.write(kind, number, may_delete=number != 0)
        time.sleep(SPACING)
    writer.check()
    print(json.dumps(dict(writer.counts) | {"objects": len(writer.acknowledged), "lost": writer.lost[:20]}))


main()
