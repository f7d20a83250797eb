"""An OpenID Connect provider as a process of its own: discovery, PKCE, codes for one use, signed ID tokens; and GitHub's way.

`python op.py` prints the port it listens on. Whoever comes to /authorize is signed in as Ann; what it answers next is spoilt as
/spoil?how=… asked.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "cloud", "client secret"
KEY, OTHER = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
CODES: dict[str, dict[str, str]] = {}
SPOILT: dict[str, str] = {"how": ""}


def claims(asked: dict[str, str], issuer: str) -> dict[str, Any]:
    now = int(time.time())
    told = {"iss": issuer, "aud": CLIENT, "sub": "17", "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
    told |= {"email": "Ann@example.org", "email_verified": True}
    spoilt = {
        "issuer": {"iss": "https://elsewhere.example.org"},
        "audience": {"aud": "another client"},
        "several audiences": {"aud": [CLIENT, "another client"]},
        "expired": {"exp": now - 3600},
        "nonce": {"nonce": "of another sign-in"},
        "unverified": {"email_verified": False},
        "verified in words": {"email_verified": "true"},
        "nobody's": {"email": "nobody@example.org"},
    }
    told |= spoilt.get(SPOILT["how"], {})
    if SPOILT["how"] == "no expiry":
        del told["exp"]
    return told


def token(asked: dict[str, str], issuer: str) -> str:
    told, how = claims(asked, issuer), SPOILT["how"]
    if how == "unsigned":
        return jwt.encode(told, None, algorithm="none", headers={"kid": "k1"})
    if how == "signed by our secret":
        return jwt.encode(told, SECRET * 4, algorithm="HS256", headers={"kid": "k1"})
    signed = jwt.encode(
        told, OTHER if how == "another key" else KEY, "RS256", headers={"kid": "k2" if how == "no such key" else "k1"}
    )
    if how == "altered":
        head, _, tail = signed.split(".")
        body = base64.urlsafe_b64encode(json.dumps(told | {"email": "eva@example.org"}).encode()).rstrip(b"=").decode()
        return f"{head}.{body}.{tail}"
    return signed


class Provider(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        issuer = f"http://127.0.0.1:{self.server.server_address[1]}"
        if parts.path == "/.well-known/openid-configuration":
            names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
            self._tell({"issuer": issuer} | {name: f"{issuer}/{path}" for name, path in names.items()})
        elif parts.path == "/keys":
            self._tell({"keys": [json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key())) | {"kid": "k1"}]})
        elif parts.path == "/authorize":
            code = secrets.token_urlsafe(12)
            CODES[code] = asked
            self.send_response(302)
            self.send_header("location", f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")
            self.end_headers()
        elif parts.path == "/emails" and self.headers["authorization"] == "Bearer the token":
            address = {"email": "ann@example.org", "primary": True, "verified": SPOILT["how"] != "unverified"}
            self._tell([{"email": "eva@example.org", "primary": False, "verified": True}, address])
        elif parts.path == "/spoil":
            SPOILT.update(asked)
            self._tell({})
        else:
            self._tell({}, 404)

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["content-length"])).decode()
        given = {name: values[0] for name, values in parse_qs(text).items()}
        asked = CODES.pop(given["code"], None)
        if SPOILT["how"] == "broken":
            self._tell({}, 500)
            return
        hashed = base64.urlsafe_b64encode(hashlib.sha256(given["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        same = asked and asked["code_challenge"] == hashed and asked["redirect_uri"] == given["redirect_uri"]
        if not same or (given["client_id"], given["client_secret"]) != (CLIENT, SECRET):
            self._tell({"error": "invalid_grant"}, 400)
            return
        issuer = f"http://127.0.0.1:{self.server.server_address[1]}"
        plain = {"access_token": "the token", "token_type": "Bearer"}
        self._tell(plain | ({"id_token": token(asked, issuer)} if "nonce" in asked else {}))

    def _tell(self, told: Any, status: int = 200) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    print(server.server_address[1], flush=True)
    sys.stdin.close()
    server.serve_forever()
