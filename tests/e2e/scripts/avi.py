"""A session with the controller's REST API over one connection that is kept."""

import http.client
import json
import pathlib
import ssl


class Session:
    """Logs in when it has to. A connection that breaks is told as an OSError or an HTTPException."""

    def __init__(self, controller, authority, password):
        host, port = controller.rsplit(":", 1)
        self.address, self.authority, self.password = (host, int(port)), authority, password
        self.connection = None

    def call(self, method, path, body=None):
        """Status and body of one call; never tried twice."""
        if self.connection is None:
            self.connect()
        try:
            return self.send(method, path, body)
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def connect(self):
        context = ssl.create_default_context(cafile=self.authority)
        self.connection = http.client.HTTPSConnection(*self.address, timeout=20, context=context)
        self.headers = {"Content-Type": "application/json"}
        try:
            password = pathlib.Path(self.password).read_text().strip()
            status, answer = self.send("POST", "/login", {"username": "admin", "password": password})
            if status != 200:
                raise http.client.HTTPException(f"login: {status} {answer}")
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        host, port = self.address
        cookies = "; ".join(f"{key}={value}" for key, value in self.cookies.items())
        self.headers |= {
            "Cookie": cookies, "X-CSRFToken": self.cookies["csrftoken"], "Referer": f"https://{host}:{port}",
            "X-Avi-Version": "30.2.1",
        }

    def send(self, method, path, body):
        text = None if body is None else json.dumps(body)
        self.connection.request(method, path, text, self.headers)
        response = self.connection.getresponse()
        headers = response.headers.get_all("Set-Cookie") or []
        self.cookies = dict(header.split(";")[0].split("=", 1) for header in headers)
        answer = response.read()
        return response.status, json.loads(answer) if answer[:1] in (b"{", b"[") else answer.decode()
