"""Asks DNS servers for a name and opens its page, all the time, until its input ends; then prints what it saw, as JSON.

usage: watch.py NAME SERVER...

Prints `ready` before the first query. Each line of the input is a mark; it is printed when it counts. The page is
fetched by `curl`, with the resolver that the machine has. In the output all times are seconds since the start:
`marks` by name, `answers` by server as [time, addresses], `pages` as [begin, end, what came].
"""

import concurrent.futures
import json
import subprocess
import sys
import threading
import time

import dns

# Time from one query or page to the next, in seconds.
QUERY_EVERY, PAGE_EVERY = 0.1, 0.2
# Longest wait for an answer, in seconds: a busy machine may need long, a query that was lost is never answered.
QUERY_TIMEOUT = 3
# A user's patience for a connection and for a page, in seconds.
CONNECT_MAX, PAGE_MAX = 2, 4
PAGES_AT_ONCE = 64

BEGIN = time.monotonic()


def now():
    return round(time.monotonic() - BEGIN, 3)


def watch_answers(server, name, seen, ended):
    while not ended.wait(QUERY_EVERY):
        sent = now()
        try:
            rcode, records = dns.ask(server, name, QUERY_TIMEOUT)
            seen.append([sent, sorted(ip for ip, _ in records) if rcode == 0 else [f"rcode {rcode}"]])
        except (OSError, ValueError):
            seen.append([sent, []])


def fetch(name, seen):
    sent = now()
    curl = ["curl", "-s", "-f", "--connect-timeout", str(CONNECT_MAX), "--max-time", str(PAGE_MAX), f"http://{name}/"]
    done = subprocess.run(curl, capture_output=True, check=False)
    seen.append([sent, now(), done.stdout.decode().strip() if done.returncode == 0 else f"curl {done.returncode}"])


def main():
    name, servers = sys.argv[1], sys.argv[2:]
    ended, marks, pages = threading.Event(), {}, []
    answers = {server: [] for server in servers}
    watchers = [threading.Thread(target=watch_answers, args=(server, name, answers[server], ended)) for server in servers]
    for watcher in watchers:
        watcher.start()

    def read():
        for line in sys.stdin:
            marks[line.strip()] = now()
            print(line.strip(), flush=True)
        ended.set()

    threading.Thread(target=read, daemon=True).start()
    print("ready", flush=True)
    with concurrent.futures.ThreadPoolExecutor(PAGES_AT_ONCE) as pool:
        while not ended.wait(PAGE_EVERY):
            pool.submit(fetch, name, pages)
    for watcher in watchers:
        watcher.join()
    print(json.dumps({"marks": marks, "answers": answers, "pages": sorted(pages)}))


main()
