"""Signing in through a SAML identity provider that is a process of its own (pysaml2), over the real HTTP server; and answers that
prove nothing, made from good ones."""

from __future__ import annotations

import base64
import copy
import datetime
import http.client
import json
import pathlib
import subprocess
import sys
import tempfile
import urllib.request
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from signxml import XMLSigner, methods

from cloudwright.cloud import Cloud
from cloudwright.core.error import ParamError, Unavailable
from cloudwright.core.setting import Setting
from cloudwright.drivers.world import MemoryWorld
from cloudwright.identity.caller import caller_of, root_caller
from cloudwright.identity.gate import Gatekeeper
from cloudwright.identity.model import Attempt, LoginSession, User
from cloudwright.identity.saml import party, xml
from cloudwright.web.door import face
from cloudwright.web.server import Options, Server
from tests import databases
from tests.conftest import KEY, call
from tests.identity.conftest import account
from tests.identity.test_http import Browser, free_port

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


@pytest.fixture(scope="module")
def house():
    program = str(pathlib.Path(__file__).with_name("idp.py"))
    with tempfile.TemporaryDirectory(dir=databases.roomy()) as name:
        folder = pathlib.Path(name)
        new_key(folder)
        process = subprocess.Popen([sys.executable, program, name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        cloud = Cloud(f"sqlite:///{name}/cloud.db", key=KEY, world=MemoryWorld())
        server = None
        try:
            idp = f"http://127.0.0.1:{int(process.stdout.readline())}"
            cloud.install()
            port = free_port()
            server = Server(face(cloud), Options(port=port))
            server.start()
            yield House(cloud, port, folder, idp)
        finally:
            process.kill()
            process.communicate()
            if server is not None:
                server.stop()
            cloud.stop()


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


@pytest.fixture(autouse=True)
def as_it_was(house):
    house.idp_is(uid="ann", sign="assertion", digest="sha256")
    yield
    house.cloud.db.write(lambda tx: tx.execute(LoginSession.t.delete()))


@pytest.mark.parametrize("signed", ["assertion", "response"])
def test_in_and_out(house, signed):
    house.idp_is(uid="ann", sign=signed)
    visitor = Visitor(house.port)
    visitor.enters(visitor.asked(idpid=f"{house.idp}/idp")["answer"])
    assert visitor.cookies["username"] == "ann"
    assert visitor.ask("listUsers", method="GET")[1]["user"][0]["usersource"] == "saml2"
    status, url, _ = visitor.go("GET", "command=samlSlo&response=json")
    assert (status, url.startswith(f"{house.idp}/slo?")) == (303, True)
    with urllib.request.urlopen(url) as told:
        assert json.loads(told.read())["name"] == "persistent-ann"
    assert sessions(house, "ann") == []
    assert visitor.go("GET", "command=samlSlo&SAMLResponse=whatever")[:2] == (303, HOME)


def test_who_signs_out_there_is_out_here(house):
    visitor, other = Visitor(house.port), Visitor(house.port)
    visitor.enters(visitor.asked()["answer"])
    house.idp_is(uid="eva")
    other.enters(other.asked()["answer"])
    asked = urlencode({"uid": "ann", "to": house.sso.replace("Sso", "Slo"), "sp": "our-cloud"})
    with urllib.request.urlopen(f"{house.idp}/leave?{asked}") as told:
        query = urlsplit(json.loads(told.read())["to"]).query
    said = {name: values[0] for name, values in parse_qs(query).items()}
    for spoilt in ({"Signature": base64.b64encode(b"x" * 256).decode()}, {"RelayState": "another"}, {"Signature": ""}):
        assert Visitor(house.port).go("GET", urlencode(said | spoilt | {"response": "json"}))[0] == 531
    assert len(sessions(house, "ann")) == 1
    status, url, _ = Visitor(house.port).go("GET", query)
    assert (status, url.startswith(f"{house.idp}/slo?SAMLResponse=")) == (303, True)
    assert "RelayState=where%20I%20was&" in url
    assert (sessions(house, "ann"), len(sessions(house, "eva"))) == ([], 1)


def test_one_answer_one_session_in_one_browser(house):
    visitor, thief = Visitor(house.port), Visitor(house.port)
    answer = visitor.asked()["answer"]
    status, url = visitor.shows(answer)
    assert status == 303
    assert visitor.shows(answer)[0] == 531  # shown before
    assert thief.fetches(url)[0] == 531
    thief.asked()  # now it has a cookie, of another sign-in
    assert thief.fetches(url)[0] == 531
    assert visitor.fetches(url)[0] == 303
    assert visitor.fetches(url)[0] == 531  # used
    assert len(sessions(house, "ann")) == 1


def test_an_assertion_is_good_for_one_request(house):
    """What was seen is remembered even when the request it answers is asked again under the same id."""
    visitor = Visitor(house.port)
    answer = visitor.asked()["answer"]
    assert visitor.shows(answer)[0] == 303
    row = house.cloud.db.read().all(Attempt)[-1]
    house.cloud.db.write(lambda tx: tx.update(row, proved=""))
    assert visitor.shows(answer)[0] == 531


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


def change(path, **attributes):
    def spoil(root):
        for element in root.iter(path):
            for name, value in attributes.items():
                element.set(name, value)

    return spoil


def say(path, text):
    def spoil(root):
        for element in root.iter(path):
            element.text = text

    return spoil


def drop(path):
    def spoil(root):
        element = next(root.iter(path))
        element.getparent().remove(element)

    return spoil


LONG_AGO, FAR = "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"
SPOILT = {  # by the identity provider itself: all well signed
    "another audience": (say(f"{A}Audience", "another-cloud"), "audience"),
    "no audience": (drop(f"{A}AudienceRestriction"), "audience"),
    "another destination": (change(f"{P}Response", Destination="https://elsewhere.example.org"), "it is for"),
    "another recipient": (change(f"{A}SubjectConfirmationData", Recipient="https://elsewhere.example.org"), "recipient"),
    "another request": (change(f"{A}SubjectConfirmationData", InResponseTo="cafe"), "request"),
    "expired conditions": (change(f"{A}Conditions", NotBefore=LONG_AGO, NotOnOrAfter=LONG_AGO), "held until"),
    "not yet": (change(f"{A}Conditions", NotBefore=FAR), "holds from"),
    "expired confirmation": (change(f"{A}SubjectConfirmationData", NotOnOrAfter=LONG_AGO), "held until"),
    "no holder": (change(f"{A}SubjectConfirmation", Method="urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"), "bearer"),
    "no conditions": (drop(f"{A}Conditions"), "no conditions"),
    "no sign-in": (drop(f"{A}AuthnStatement"), "no sign-in"),
    "another issuer": (say(f"{A}Issuer", "https://elsewhere.example.org"), "issuer"),
    "failed": (change(f"{P}StatusCode", Value="urn:oasis:names:tc:SAML:2.0:status:Responder"), "status"),
    "nobody": (say(f"{A}AttributeValue", "nobody"), "no user who may"),
    "unasked": (change(f"{P}Response", InResponseTo=""), "no request"),
    "no moment": (change(f"{A}Conditions", NotOnOrAfter="soon"), "no moment"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_answers_that_prove_nothing(house, caplog, how):
    spoil, why = SPOILT[how]
    visitor = Visitor(house.port)
    root = xml.parse(visitor.asked()["answer"].encode())
    spoil(root)
    assert visitor.shows(resigned(house, root))[0] == 531
    assert why in caplog.text
    assert sessions(house, "ann") == []


def test_what_is_signed_anew_is_good_otherwise(house):
    """The hand that spoils makes good answers, too."""
    for what in ("assertion", "response"):
        visitor = Visitor(house.port)
        visitor.enters(resigned(house, xml.parse(visitor.asked()["answer"].encode()), what))


def forged(root):
    """Eva's assertion, made of Ann's, with another id and no signature."""
    evil = copy.deepcopy(root.find(f"{A}Assertion"))
    evil.set("ID", "evil")
    evil.remove(evil.find(f"{DS}Signature"))
    for value in evil.iter(f"{A}AttributeValue"):
        value.text = "eva"
    return evil


def wrap_before(root):
    root.insert(list(root).index(root.find(f"{A}Assertion")), forged(root))


def wrap_after(root):
    root.append(forged(root))


def wrap_in_signature(root):
    """The signed assertion moves into an object of the signature, which moves into the forged one."""
    good = root.find(f"{A}Assertion")
    evil, signature = forged(root), good.find(f"{DS}Signature")
    good.remove(signature)
    etree.SubElement(signature, f"{DS}Object").append(copy.deepcopy(good))
    evil.insert(1, signature)
    root.replace(good, evil)


def wrap_in_extensions(root):
    good = root.find(f"{A}Assertion")
    evil, signature = forged(root), copy.deepcopy(good.find(f"{DS}Signature"))
    root.replace(good, evil)
    etree.SubElement(root, f"{P}Extensions").append(good)
    evil.insert(1, signature)


def same_id_twice(root):
    evil = forged(root)
    evil.set("ID", root.find(f"{A}Assertion").get("ID"))
    root.insert(1, evil)


def altered(root):
    for value in root.iter(f"{A}AttributeValue"):
        value.text = "eva"


def unsigned(root):
    assertion = root.find(f"{A}Assertion")
    assertion.remove(assertion.find(f"{DS}Signature"))


MOVES = [wrap_before, wrap_after, wrap_in_signature, wrap_in_extensions, same_id_twice, altered, unsigned]


@pytest.mark.parametrize("wrap", MOVES, ids=lambda fn: fn.__name__)
def test_nobody_enters_as_another_by_moving_xml(house, wrap):
    visitor = Visitor(house.port)
    root = xml.parse(visitor.asked()["answer"].encode())
    wrap(root)
    assert visitor.shows(etree.tostring(root))[0] == 531
    assert sessions(house, "eva") == []


def test_a_name_is_read_whole(house):
    """A comment within a name, which signatures do not cover, cuts nothing off."""
    house.idp_is(uid="ann.evil")
    visitor = Visitor(house.port)
    answer = visitor.asked()["answer"].replace(">ann.evil<", ">ann<!---->.evil<")
    assert "<!---->" in answer
    assert visitor.shows(answer)[0] == 531
    assert sessions(house, "ann") == []


@pytest.mark.parametrize("how", ["another key", "sha1", "by its own certificate"])
def test_signatures_that_are_none(house, tmp_path, how):
    new_key(tmp_path)
    theirs = (tmp_path / "key.pem").read_bytes(), (tmp_path / "cert.pem").read_bytes()
    house.idp_is(digest="sha1" if how == "sha1" else "sha256")
    visitor = Visitor(house.port)
    answer = visitor.asked()["answer"].encode()
    if how != "sha1":
        key = theirs if how == "by its own certificate" else (theirs[0], house.key()[1])
        answer = resigned(house, xml.parse(answer), key=key)
    assert visitor.shows(answer)[0] == 531


@pytest.mark.parametrize(
    "text",
    [
        b"no xml", b"<a/>", b"<p:Response xmlns:p='urn:oasis:names:tc:SAML:2.0:protocol' InResponseTo='x'/>",
        b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
        b"<!DOCTYPE a SYSTEM 'http://127.0.0.1:1/x.dtd'><a/>",
        b"<!DOCTYPE a [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><a>&b;</a>",
        b"\xff\xfe\x00", b"<a>" * 5000,
    ],
    ids=range(8),
)  # fmt: skip
def test_what_is_no_answer(house, text):
    assert Visitor(house.port).shows(text)[0] == 531


def test_entities_are_not_looked_into():
    with pytest.raises(xml.BadXml, match="document type"):
        xml.parse(b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>")
    with pytest.raises(xml.BadXml, match="document type"):
        xml.parse(b"<!DOCTYPE a><a/>")


def test_failures_are_sent_to_the_page_that_is_set(house):
    house.put("saml2.failed.login.redirect.url", "http://localhost/sorry")
    try:
        assert Visitor(house.port).shows(b"no xml") == (303, "http://localhost/sorry")
        assert Visitor(house.port).go("GET", "command=samlSso&idpid=unheard-of")[:2] == (303, "http://localhost/sorry")
    finally:
        house.put("saml2.failed.login.redirect.url", "")
    assert Visitor(house.port).go("GET", "command=samlSso&idpid=unheard-of")[0] == 531


def test_who_may_and_who_may_no_more(house):
    cloud, root = house.cloud, house.root
    gate = Gatekeeper(cloud.db)
    password = "correct horse battery"
    sign_in = lambda: gate.sign_in("eva", password, "/eng/", None)  # noqa: E731
    told = call(cloud, root, "listSamlAuthorization", userid=house.user("eva").uuid)["samlauthorization"]
    assert told == [{"userid": house.user("eva").uuid, "status": True, "idpid": f"{house.idp}/idp"}]
    assert sign_in() is None  # by SAML only
    house.authorize("eva", "false")
    assert call(cloud, root, "listSamlAuthorization", userid=house.user("eva").uuid)["samlauthorization"][0]["status"] is False
    assert sign_in() is None
    house.put("enable.login.with.disabled.saml", "true")
    assert sign_in() is not None
    house.idp_is(uid="eva")
    visitor = Visitor(house.port)
    assert visitor.shows(visitor.asked()["answer"])[0] == 531
    house.authorize("eva", entityid="https://another.example.org")
    assert visitor.shows(visitor.asked()["answer"])[0] == 531
    house.authorize("eva", entityid=f"{house.idp}/idp")
    visitor.enters(visitor.asked()["answer"])
    listed = call(cloud, root, "listSamlAuthorization")
    assert listed["count"] == 2
    row = house.user("eva")
    with pytest.raises(ParamError):
        call(cloud, caller_of(cloud.db.read(), house.user("ann")), "authorizeSamlSso", userid=row.uuid, enable="true")
    cloud.db.write(lambda tx: tx.update(row, source="ldap"))
    with pytest.raises(ParamError, match="ldap"):
        house.authorize("eva")
    cloud.db.write(lambda tx: tx.update(row, source="saml2"))


def test_one_person_with_users_in_two_domains_switches(house):
    about = {"email": "e@x.org", "firstname": "n", "lastname": "l", "password": "p", "accounttype": 0}
    call(house.cloud, house.root, "createAccount", username="ann", account="ann2", domainid=house.other, **about)
    house.authorize("ann", domain="ops")
    visitor = Visitor(house.port)
    visitor.enters(visitor.asked()["answer"])
    rows = visitor.ask("listAndSwitchSamlAccount", method="GET")[1]["samluseraccount"]
    assert [(row["accountName"], row["domainPath"]) for row in rows] == [("ann", "ROOT/eng"), ("ann2", "ROOT/ops")]
    eva = house.user("eva")
    assert visitor.ask("listAndSwitchSamlAccount", userid=eva.uuid, domainid=house.domain)[0] == 431
    status, _, _ = visitor.go(
        "POST", urlencode({"command": "listAndSwitchSamlAccount", "userid": rows[1]["userId"], "domainid": rows[1]["domainId"],
                           "sessionkey": visitor.key})
    )  # fmt: skip
    assert status == 303
    visitor.key = visitor.cookies["sessionkey"]
    assert visitor.ask("listAccounts", method="GET")[1]["account"][0]["name"] == "ann2"
    assert visitor.ask("listAndSwitchSamlAccount", method="GET")[0] == 200
    assert Browser(house.port).ask("listAndSwitchSamlAccount", method="GET")[0] == 401
    plain = Browser(house.port)
    account(house.cloud, house.root, "pat", 0, house.domain)
    assert plain.sign_in("pat", "/eng")[0] == 200
    assert plain.ask("listAndSwitchSamlAccount", method="GET")[0] == 531


def test_what_is_told_before_login(house):
    told = Browser(house.port).ask("listIdps", method="GET")[1]["idp"]
    assert told == [{"id": f"{house.idp}/idp", "orgName": "Acme", "orgUrl": "https://acme.example.org"}]
    metadata = xml.parse(Browser(house.port).ask("getSPMetadata", method="GET")[1]["metadata"].encode())
    assert metadata.get("entityID") == "our-cloud"
    assert metadata.find(".//md:AssertionConsumerService", xml.NAMES).get("Location") == house.sso
    assert xml.text_of(metadata.find(".//ds:X509Certificate", xml.NAMES)) == party.own_key(house.cloud.db).certificate
    house.put("saml2.enabled", "false")
    try:
        for command in ("listIdps", "getSPMetadata", "samlSso", "samlSlo", "listAndSwitchSamlAccount"):
            assert Browser(house.port).ask(command, method="GET")[0] == 432
    finally:
        house.put("saml2.enabled", "true")


def test_how_users_are_asked(house):
    for name, value in (("saml2.force.authn", "true"), ("saml2.require.password", "false"), ("saml2.sigalg", "SHA512")):
        house.put(name, value)
    try:
        assert Visitor(house.port).asked()["force"] == "true"
    finally:
        for name, value in (("saml2.force.authn", "false"), ("saml2.require.password", "true"), ("saml2.sigalg", "SHA256")):
            house.put(name, value)
    with pytest.raises(ParamError, match="one of true"):
        house.put("saml2.check.signature", "false")


def test_metadata_that_is_none(house, tmp_path):
    reader = house.cloud.db.read()
    good = (tmp_path / "idp.xml", urllib.request.urlopen(f"{house.idp}/metadata").read())
    good[0].write_bytes(good[1])
    try:
        house.put("saml2.idp.metadata.url", str(good[0]))
        assert list(party.idps(reader)) == [f"{house.idp}/idp"]
        past = tmp_path / "past.xml"
        past.write_bytes(good[1].replace(b" entityID=", b' validUntil="2020-01-01T00:00:00Z" entityID='))
        for url in (str(past), str(tmp_path / "none.xml"), "http://idp.example.org/", "ftp://127.0.0.1/", f"{house.idp}/none"):
            house.put("saml2.idp.metadata.url", url)
            with pytest.raises(Unavailable):
                party.idps(reader)
    finally:
        house.put("saml2.idp.metadata.url", f"{house.idp}/metadata")
