"""A cloud behind its HTTP server, the SAML identity provider that it trusts, and browsers that go from one to the other."""

from __future__ import annotations

import base64
import datetime
import http.client
import json
import urllib.request
from urllib.parse import urlencode, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from signxml import XMLSigner, methods

from cloudwright.core.setting import Setting
from cloudwright.identity.caller import root_caller
from cloudwright.identity.model import LoginSession, User
from tests.conftest import call
from tests.identity.conftest import account
from tests.identity.test_http import Browser

HOME = "http://localhost/console"
A, P = (f"{{urn:oasis:names:tc:SAML:2.0:{name}}}" for name in ("assertion", "protocol"))
DS = "{http://www.w3.org/2000/09/xmldsig#}"


def new_key(folder):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "idp")])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=9))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(*form))
    (folder / "cert.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


class House:
    """A cloud behind its HTTP server, and the identity provider that it trusts."""

    def __init__(self, cloud, port, folder, idp):
        self.cloud, self.port, self.folder, self.idp = cloud, port, folder, idp
        self.sso = f"http://127.0.0.1:{port}/client/api?command=samlSso"
        self.root = root_caller(cloud.db.read())
        self.domain = call(cloud, self.root, "createDomain", name="eng")["domain"]["id"]
        self.other = call(cloud, self.root, "createDomain", name="ops")["domain"]["id"]
        settings = {"enabled": "true", "idp.metadata.url": f"{idp}/metadata", "redirect.url": HOME, "default.idpid": f"{idp}/idp"}
        settings |= {"sp.sso.url": self.sso, "sp.slo.url": self.sso.replace("Sso", "Slo"), "sp.id": "our-cloud"}
        for name, value in settings.items():
            self.put(f"saml2.{name}", value)
        for name in ("ann", "eva"):
            account(cloud, self.root, name, 0, self.domain)
            self.authorize(name)
        told = Browser(port).ask("getSPMetadata", method="GET")[1]["metadata"]
        urllib.request.urlopen(f"{idp}/sp", told.encode()).close()

    def put(self, name, value):
        self.cloud.db.write(lambda tx: Setting.by_name[name].set(tx, value))

    def user(self, name, domain=None):
        rows = self.cloud.db.read().all(User, User.c.username == name)
        return rows[-1] if domain else rows[0]

    def authorize(self, name, enable="true", domain=None, **more):
        call(self.cloud, self.root, "authorizeSamlSso", userid=self.user(name, domain).uuid, enable=enable, **more)

    def idp_is(self, **state):
        urllib.request.urlopen(f"{self.idp}/be?{urlencode(state)}").close()

    def key(self):
        return (self.folder / "key.pem").read_bytes(), (self.folder / "cert.pem").read_bytes()


class Visitor(Browser):
    """A browser that goes to the identity provider and back."""

    def go(self, method, query, form=None):
        """(status, where it is sent, body) of a plain request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        if form is not None:  # another site's form: browsers leave our cookies at home
            headers = {"content-type": "application/x-www-form-urlencoded", "origin": "http://idp.example.org"}
        connection.request(method, f"/client/api?{query}", urlencode(form) if form else None, headers)
        answer = connection.getresponse()
        body = answer.read()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.split(";")[0]
        connection.close()
        return answer.status, answer.getheader("location"), body

    def asked(self, **more):
        """Leave for the identity provider; its answer."""
        status, url, body = self.go("GET", urlencode({"command": "samlSso", "response": "json", **more}))
        assert status == 303, body
        with urllib.request.urlopen(url) as told:
            return json.loads(told.read())

    def shows(self, answer):
        """Send the identity provider's form; (status, where it is sent)."""
        packed = base64.b64encode(answer if isinstance(answer, bytes) else answer.encode()).decode()
        status, url, _ = self.go("POST", "command=samlSso&response=json", {"SAMLResponse": packed})
        return status, url

    def fetches(self, url):
        return self.go("GET", urlsplit(url).query)

    def enters(self, answer):
        status, url = self.shows(answer)
        assert status == 303
        status, home, _ = self.fetches(url)
        assert (status, home) == (303, HOME)
        self.key = self.cookies["sessionkey"]


def sessions(house, name):
    return house.cloud.db.read().all(LoginSession, LoginSession.c.user_uuid == house.user(name).uuid)


def resigned(house, root, what="assertion", digest="sha256", key=None):
    """The answer, signed anew by the identity provider's key (or another)."""
    for old in root.iter(f"{DS}Signature"):
        old.getparent().remove(old)
        break
    etree.cleanup_namespaces(root)  # else lxml calls the new signature's elements by the old prefix, which spoils it
    pem, certificate = key or house.key()
    algorithm = getattr(__import__("signxml").SignatureMethod, f"RSA_{digest.upper()}")
    signer = XMLSigner(method=methods.enveloped, signature_algorithm=algorithm, digest_algorithm=digest,
                       c14n_algorithm="http://www.w3.org/2001/10/xml-exc-c14n#")  # fmt: skip
    target = root if what == "response" else root.find(f"{A}Assertion")
    signed = signer.sign(target, key=pem, cert=certificate, reference_uri=target.get("ID"), id_attribute="ID")
    if what == "response":
        return etree.tostring(signed)
    root.replace(target, signed)
    return etree.tostring(root)
