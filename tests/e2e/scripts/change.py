"""Makes GSLB services, then gives one after the other its next generation, at a steady pace.

usage: change.py CONTROLLER AUTHORITY PASSWORD COUNT PER_SECOND

Prints `ready` when all are there; begins to change them at the first line of its input, and ends with its input.
A change is a PUT of a whole object, sent after the answer to the one before: name number 0 is always the first to
have a generation.
"""

import json
import sys
import threading
import time

import avi
import dns


def main():
    controller, authority, password, count, per_second = sys.argv[1:]
    count, per_second = int(count), float(per_second)
    session, uuids = avi.Session(controller, authority, password), []
    for number in range(count):
        status, answer = session.call("POST", "/api/gslbservice", dns.service(number, 0))
        if status != 201:
            raise ValueError(f"{status} {answer}")
        uuids.append(answer["uuid"])
    print("ready", flush=True)
    sys.stdin.readline()
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    begin, changes, longest = time.monotonic(), 0, 0.0
    while not ended.wait(max(0.0, begin + changes / per_second - time.monotonic())):
        number, generation = changes % count, changes // count + 1
        sent = time.monotonic()
        status, answer = session.call("PUT", f"/api/gslbservice/{uuids[number]}", dns.service(number, generation))
        if status != 200:
            raise ValueError(f"{status} {answer}")
        longest = max(longest, time.monotonic() - sent)
        changes += 1
    seconds = time.monotonic() - begin
    print(json.dumps({"changes": changes, "seconds": round(seconds, 2), "longest_ms": round(1000 * longest)}))


main()
