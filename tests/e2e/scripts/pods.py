"""Plays every pod of every cluster: one server at port 8080 of all addresses of the namespace.

A pod answers with the site that its address lies in: `/` with a page, `/headers` with the request's headers, `/slow` with
a body that goes on for ever, and a WebSocket handshake with an echo.
"""

import asyncio
import base64
import hashlib
import sys

SITES = {"34": "SITE1 AZ1", "35": "SITE1 AZ2", "36": "SITE2"}
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


async def serve(reader, writer):
    address = writer.get_extra_info("sockname")[0]
    site = SITES.get(address.split(".")[1], "nowhere")
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ")[1].decode()
            fields = dict(line.split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)
            fields = {name.strip().lower(): value.strip() for name, value in fields.items()}
            if b"sec-websocket-key" in fields:
                await echo(reader, writer, fields[b"sec-websocket-key"])
                return
            if path == "/slow":
                await slow(writer)
                return
            body = head if path == "/headers" else f"MESSAGE: This service resides in {site}\npod {address} path {path}\n".encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def echo(reader, writer, key):
    accept = base64.b64encode(hashlib.sha1(key + MAGIC).digest())
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
    writer.write(b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
    while octets := await reader.read(4096):
        writer.write(octets)
        await writer.drain()


async def slow(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"5\r\ntick\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.1)


async def main():
    server = await asyncio.start_server(serve, "0.0.0.0", int(sys.argv[1]), backlog=1024)
    print("ready", flush=True)
    await server.serve_forever()


asyncio.run(main())
