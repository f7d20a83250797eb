"""A SAML 2.0 identity provider as a process of its own, made of pysaml2's server side: it signs in whoever /be?uid=… named last.

`python idp.py FOLDER` takes key.pem and cert.pem from the folder and prints its port. The service provider's metadata is
posted to /sp. Programs are told its answers as JSON: where a form would be sent, and with what. Browsers (they accept HTML) are
asked who they are, and get forms that send themselves.
"""

from __future__ import annotations

import base64
import html
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from saml2 import BINDING_HTTP_REDIRECT
from saml2.config import IdPConfig
from saml2.metadata import entity_descriptor
from saml2.saml import NAMEID_FORMAT_PERSISTENT, NameID
from saml2.server import Server
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA1, SIG_RSA_SHA256

FOLDER = Path(sys.argv[1])
STATE: dict[str, Any] = {"uid": "ann", "sign": "assertion", "digest": "sha256", "idp": None}


def config(at: str) -> IdPConfig:
    endpoints = {
        "single_sign_on_service": [(f"{at}/sso", BINDING_HTTP_REDIRECT)],
        "single_logout_service": [(f"{at}/slo", BINDING_HTTP_REDIRECT)],
    }
    told = {
        "entityid": f"{at}/idp",
        "service": {"idp": {"endpoints": endpoints, "want_authn_requests_signed": True, "policy": {"default": {}}}},
        "key_file": str(FOLDER / "key.pem"),
        "cert_file": str(FOLDER / "cert.pem"),
        "organization": {"display_name": [("Acme", "en")], "name": [("Acme", "en")], "url": [("https://acme.example.org", "en")]},
    }
    if (FOLDER / "sp.xml").exists():
        told["metadata"] = {"local": [str(FOLDER / "sp.xml")]}
    return IdPConfig().load(told)


class Provider(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/metadata":
            self._send(str(entity_descriptor(config(self._at()))).encode(), "text/xml")
        elif parts.path == "/be":
            STATE.update(asked)
            self._send(b"{}")
        elif parts.path == "/sso" and self._browses():
            self._show('<form method="post"><label>Who are you? <input name="uid"></label><button>Go on</button></form>')
        elif parts.path == "/sso":
            self._send(json.dumps(self._signed_in(asked)).encode())
        elif parts.path == "/slo" and self._browses():
            self._sent_on(asked)
        elif parts.path == "/slo":
            request = self._leaving(asked)
            index = request.session_index[0].text if request.session_index else ""
            self._send(json.dumps({"name": request.name_id.text, "session": index}).encode())
        elif parts.path == "/leave":
            self._send(json.dumps(self._leave(asked)).encode())
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        body, parts = self.rfile.read(int(self.headers["content-length"])), urlsplit(self.path)
        if parts.path == "/sso":
            STATE["uid"] = parse_qs(body.decode())["uid"][0]
            told = self._signed_in({name: values[0] for name, values in parse_qs(parts.query).items()})
            packed = base64.b64encode(told["answer"].encode()).decode()
            form = f'<form method="post" action="{html.escape(told["to"])}"><input name="SAMLResponse" value="{packed}"></form>'
            self._show(form + "<script>document.forms[0].submit()</script>")
            return
        (FOLDER / "sp.xml").write_bytes(body)
        STATE["idp"] = Server(config=config(self._at()))
        self._send(b"{}")

    def _browses(self) -> bool:
        return "text/html" in self.headers.get("accept", "")

    def _at(self) -> str:
        """Where it was asked: browsers take 127.0.0.1 and localhost for two sites."""
        return f"http://{self.headers['host']}"

    def _signed_in(self, asked: dict[str, str]) -> dict[str, str]:
        idp = STATE["idp"]
        signed = {"relay_state": asked.get("RelayState"), "sigalg": asked["SigAlg"], "signature": asked["Signature"]}
        request = idp.parse_authn_request(asked["SAMLRequest"], BINDING_HTTP_REDIRECT, **signed).message
        context = request.requested_authn_context
        told = idp.create_authn_response(
            identity={"uid": [STATE["uid"]]},
            in_response_to=request.id,
            destination=request.assertion_consumer_service_url,
            sp_entity_id=request.issuer.text,
            name_id=NameID(format=NAMEID_FORMAT_PERSISTENT, text=f"persistent-{STATE['uid']}"),
            authn={"class_ref": context.authn_context_class_ref[0].text if context else "", "authn_auth": self._at()},
            sign_assertion=STATE["sign"] == "assertion",
            sign_response=STATE["sign"] == "response",
            session_not_on_or_after=None,
            sign_alg=SIG_RSA_SHA1 if STATE["digest"] == "sha1" else SIG_RSA_SHA256,
            digest_alg=DIGEST_SHA256,
        )
        return {"to": request.assertion_consumer_service_url, "answer": str(told), "force": request.force_authn or ""}

    def _leaving(self, asked: dict[str, str]) -> Any:
        """The service provider's request to sign somebody out."""
        signed = {"relay_state": asked.get("RelayState"), "sigalg": asked["SigAlg"], "signature": asked["Signature"]}
        return STATE["idp"].parse_logout_request(asked["SAMLRequest"], BINDING_HTTP_REDIRECT, **signed).message

    def _sent_on(self, asked: dict[str, str]) -> None:
        """Send the browser back with the answer to such a request."""
        idp, request = STATE["idp"], self._leaving(asked)
        at = idp.metadata.single_logout_service(request.issuer.text, BINDING_HTTP_REDIRECT, "spsso")[0]["location"]
        answer = idp.create_logout_response(request, [BINDING_HTTP_REDIRECT])
        sent = idp.apply_binding(BINDING_HTTP_REDIRECT, str(answer), at, "", response=True)
        self.send_response(302)
        self.send_header("location", dict(sent["headers"])["Location"])
        self.end_headers()

    def _show(self, page: str) -> None:
        self._send(f"<!doctype html><title>Acme</title><link rel=icon href=data:,><h1>Acme</h1>{page}".encode(), "text/html")

    def _leave(self, asked: dict[str, str]) -> dict[str, str]:
        """A user signs out here: what its browser is sent with to the service provider."""
        idp, at = STATE["idp"], asked["to"]
        name = NameID(format=NAMEID_FORMAT_PERSISTENT, text=f"persistent-{asked['uid']}")
        id, request = idp.create_logout_request(at, issuer_entity_id=asked["sp"], name_id=name, sign=False)
        sent = idp.apply_binding(BINDING_HTTP_REDIRECT, str(request), at, "where I was", sign=True, sigalg=SIG_RSA_SHA256)
        return {"id": id, "to": dict(sent["headers"])["Location"]}

    def _send(self, body: bytes, kind: str = "application/json") -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    print(server.server_address[1], flush=True)
    server.serve_forever()
