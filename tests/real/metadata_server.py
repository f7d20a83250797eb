"""A metadata and password service for one guest: answers from a JSON file, writes what was asked to a log beside it."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FILE = Path(sys.argv[1])
LOG = Path(sys.argv[2])


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        facts = json.loads(FILE.read_text())
        asked = self.headers.get("DomU_Request", "")
        with LOG.open("a") as log:
            log.write(f"{self.server.server_port} {self.path} {asked}\n")
        if self.server.server_port == 8080:
            body = facts["password"] or "saved_password" if asked == "send_my_password" else "saved_password"
            if asked == "saved_password":
                FILE.write_text(json.dumps({**facts, "password": ""}))
        else:
            body = facts.get(self.path.removeprefix("/latest/"))
        self.send_response(404 if body is None else 200)
        self.end_headers()
        self.wfile.write((body or "").encode())

    def log_message(self, *words):
        pass


threading.Thread(target=ThreadingHTTPServer(("127.0.0.1", 8080), Answer).serve_forever, daemon=True).start()
ThreadingHTTPServer(("127.0.0.1", 80), Answer).serve_forever()
