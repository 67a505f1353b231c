"""Stands in for a server: `stand_in.py MODE ADDRESS PORT [CERTIFICATE KEY]`. Prints `ready` once it listens.

silent     accepts connections and never says a word
forbidden  an API server that lets nobody do anything
cut        an API server whose history is gone, and whose lists break off in their second page
page       an application behind TLS
echo       an application over UDP
"""

import errno
import http.server
import json
import socket
import ssl
import sys
import time

GONE = {
    "type": "ERROR",
    "object": {"kind": "Status", "status": "Failure", "reason": "Expired", "code": 410, "message": "too old"},
}


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    mode = "page"

    def answer(self, code, text, length=None):
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length or len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):
        if self.mode == "page":
            return self.answer(200, "here\n")
        if self.mode == "forbidden":
            status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403}
            return self.answer(403, json.dumps(status | {"message": "you may not"}))
        if "watch=" in self.path:
            return self.answer(200, json.dumps(GONE) + "\n")
        meta = {"resourceVersion": "999999999"}
        if "continue=" not in self.path:
            if "limit=1&" not in self.path + "&":  # not the one that only looks how far the server is
                meta["continue"] = "second"
            return self.answer(200, json.dumps({"kind": "List", "apiVersion": "v1", "metadata": meta, "items": []}))
        self.answer(200, '{"kind": "List", "metadata": {"resourceVersion": "999999999"}, "items": [{"meta', 4096)
        self.close_connection = True

    do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = do_GET

    def log_message(self, *_):
        pass


def bound(listen):
    """Listens as soon as the server whose place it takes is gone; a busy machine takes a while to end one."""
    for _ in range(600):
        try:
            return listen()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            time.sleep(0.1)
    return listen()


def main():
    mode, address, port, *keys = sys.argv[1:]
    place = (address, int(port))
    if mode == "echo":
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(place)
        print("ready", flush=True)
        while True:
            data, client = server.recvfrom(65535)
            server.sendto(data, client)
    if mode == "silent":
        server = bound(lambda: socket.create_server(place))
        print("ready", flush=True)
        held = []
        while True:
            held.append(server.accept())
    Answers.mode = mode
    http.server.ThreadingHTTPServer.allow_reuse_address = True
    http.server.ThreadingHTTPServer.daemon_threads = True
    server = bound(lambda: http.server.ThreadingHTTPServer(place, Answers))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*keys)
    # Each connection shakes hands in a thread of its own, so that a client that hesitates holds up nobody.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print("ready", flush=True)
    server.serve_forever()


main()
