"""Holds WebSockets and downloads open through one address until its input ends; then prints, as JSON, what was lost.

usage: hold.py ADDRESS HOST COUNT
"""

import asyncio
import json
import os
import sys

FAULTS = []
SEEN = {"echoes": 0, "octets": 0}


async def web_socket(number, address, host, ended):
    try:
        reader, writer = await asyncio.open_connection(address, 80)
        key = "dGhlIHNhbXBsZSBub25jZQ=="
        writer.write(
            f"GET /ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        if not head.startswith(b"HTTP/1.1 101 "):
            FAULTS.append(f"WebSocket {number}: {head!r}")
            return
        while not ended.is_set():
            octets = os.urandom(16)
            writer.write(octets)
            back = await asyncio.wait_for(reader.readexactly(16), 10)
            if back != octets:
                FAULTS.append(f"WebSocket {number}: other octets came back")
                return
            SEEN["echoes"] += 1
            await asyncio.sleep(0.05)
    except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
        FAULTS.append(f"WebSocket {number}: {error!r}")


async def download(number, address, host, ended):
    try:
        reader, writer = await asyncio.open_connection(address, 80)
        writer.write(f"GET /slow HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        if not head.startswith(b"HTTP/1.1 200 "):
            FAULTS.append(f"download {number}: {head!r}")
            return
        while not ended.is_set():
            octets = await asyncio.wait_for(reader.read(4096), 10)
            if not octets:
                FAULTS.append(f"download {number}: ended")
                return
            SEEN["octets"] += len(octets)
    except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
        FAULTS.append(f"download {number}: {error!r}")


async def main():
    address, host, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    ended = asyncio.Event()
    tasks = [asyncio.create_task(web_socket(n, address, host, ended)) for n in range(count)]
    tasks += [asyncio.create_task(download(n, address, host, ended)) for n in range(count)]
    while not FAULTS and (SEEN["echoes"] < count or SEEN["octets"] < count):
        await asyncio.sleep(0.05)
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    ended.set()
    await asyncio.gather(*tasks)
    print(json.dumps({"faults": FAULTS, **SEEN}))


asyncio.run(main())
