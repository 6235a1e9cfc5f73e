"""HTTP over a unix socket, one request a connection: tailscaled's LocalAPI."""
import http.client
import json
import socket


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, seconds):
        super().__init__("local-tailscaled.sock", timeout=seconds)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def request(path, method, target, body=None, seconds=10):
    """(status, bytes)"""
    connection = UnixConnection(path, seconds)
    try:
        connection.request(method, target, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
