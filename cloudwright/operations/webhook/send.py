"""Sending an event to a URL: signed, to no internal address, and never longer than its timeout."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import socket
import ssl
import threading
import time

import msgspec

from cloudwright import __version__
from cloudwright.core.setting import bad_networks, setting
from cloudwright.core.tx import Reader
from cloudwright.drivers.error import DriverFault, Refused
from cloudwright.drivers.images import address
from cloudwright.drivers.images.contract import FetchPolicy
from cloudwright.drivers.images.download import Pinned
from cloudwright.operations.webhook.model import Delivery, Webhook

INTERNAL = setting(
    "webhook.allowed.internal.sites",
    "",
    "CIDRs, by comma, of internal addresses that webhooks may be sent to",
    check=bad_networks,
)
TIMEOUT = setting("webhook.delivery.timeout", 10, "seconds that one try may take", minimum=1, maximum=300, scopes=("domain",))
TRIES = setting("webhook.delivery.tries", 3, "how often an event is tried to be told", minimum=1, maximum=20, scopes=("domain",))
_KEPT = 4096  # characters of an answer


class Message(msgspec.Struct):
    """What is sent, where to and how. Times in seconds."""

    url: str
    payload: str
    headers: dict[str, str]
    verify: bool
    timeout: float
    allow: list[str]


class Outcome(msgspec.Struct):
    """How it went: whether the server said 2xx, and what it said or what hindered it."""

    success: bool
    response: str


def policy(allow: list[str]) -> FetchPolicy:
    """Where webhooks may be sent to."""
    return FetchPolicy(max_bytes=0, max_virtual_bytes=0, allow=allow)


def allowed(reader: Reader) -> list[str]:
    """The internal addresses that the operator opened."""
    return [cidr.strip() for cidr in INTERNAL.get(reader).split(",") if cidr.strip()]


def bad_url(reader: Reader, url: str) -> str | None:
    """What can be said against a URL without looking its host up."""
    try:
        address.parse(url, policy(allowed(reader)))
    except Refused as error:
        return str(error)
    return None


def message(reader: Reader, row: Delivery) -> Message:
    """What a delivery sends."""
    hook = reader.get(Webhook, row.webhook_id) if row.webhook_id else None
    secret = row.secret or (hook.secret if hook else None)
    verify = row.verify if row.verify is not None else hook.verify if hook else True
    headers = {
        "Content-Type": "application/json" if _is_json(row.payload) else "text/plain; charset=utf-8",
        "User-Agent": f"CS-Hookshot/{__version__}",
        "X-CS-Event-ID": row.event_id,
        "X-CS-Event": row.event_type,
    }
    if secret is not None:
        headers["X-CS-Signature"] = hmac.new(secret.reveal().encode(), row.payload.encode(), hashlib.sha256).hexdigest()
    timeout = float(TIMEOUT.get(reader, domain=row.domain_id))
    return Message(row.url or (hook.url if hook else ""), row.payload, headers, verify, timeout, allowed(reader))


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except msgspec.DecodeError:
        return False
    return True


def send(what: Message) -> Outcome:
    """Send it once. Never raises: whatever hinders it is the outcome."""
    until = time.monotonic() + what.timeout
    try:
        to = address.parse(what.url, policy(what.allow))
        ips = address.resolve(to, policy(what.allow))
        return _post(what, to, ips, until)
    except (Refused, DriverFault) as error:
        return Outcome(False, str(error))
    except TimeoutError:
        return Outcome(False, f"no answer within {what.timeout:g} seconds")
    except ssl.SSLCertVerificationError as error:
        return Outcome(False, f"the certificate of the server is not valid: {error.verify_message}")
    except (OSError, http.client.HTTPException) as error:
        late = time.monotonic() >= until
        return Outcome(
            False, f"no answer within {what.timeout:g} seconds" if late else f"it broke off: {error or type(error).__name__}"
        )


def _post(what: Message, to: address.Address, ips: list[str], until: float) -> Outcome:
    tls = _tls(what.verify) if to.scheme == "https" else None
    connection = _connected(to, ips, tls, until)
    try:
        end = threading.Timer(max(0.0, until - time.monotonic()), _cut, [connection.sock])  # also a server that trickles
        end.daemon = True
        end.start()
        try:
            connection.request("POST", to.target, what.payload.encode(), what.headers)
            answer = connection.getresponse()
            text = answer.read(_KEPT).decode("utf-8", "replace")
        finally:
            end.cancel()
    finally:
        connection.close()
    return Outcome(200 <= answer.status < 300, f"{answer.status} {answer.reason}\n{text}".strip())


def _connected(to: address.Address, ips: list[str], tls: ssl.SSLContext | None, until: float) -> Pinned:
    """To the first of the addresses that lets us."""
    for ip in ips:
        connection = Pinned(to, ip, tls, max(0.1, until - time.monotonic()))
        try:
            connection.connect()
        except OSError:
            connection.close()
            if ip == ips[-1] or time.monotonic() >= until:
                raise
        else:
            return connection
    raise DriverFault(f"{to.host} has no address")


def _tls(verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _cut(sock: socket.socket) -> None:
    try:
        socket.socket.shutdown(sock, socket.SHUT_RDWR)  # not TLS's own, which a reader in another thread would stumble over
    except OSError:
        return  # it ended by itself
