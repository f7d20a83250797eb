"""Speaking with providers of OAuth 2 and OpenID Connect: where they are, and whom they vouch for.

Of an OpenID Connect provider only a signed ID token counts, checked against its published keys; GitHub, which has none, is asked
for the user's verified addresses with the access token. Every flow uses PKCE (RFC 7636).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any
from urllib.parse import urlencode, urlsplit

from msgspec import Struct

from cloudwright.core.error import Unavailable
from cloudwright.identity.fetch import fetch
from cloudwright.identity.model import OauthProvider

_SIGNED_BY = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]  # never by our secret
_SKEW = 60  # seconds that clocks may differ
_GITHUB = "https://github.com/login/oauth/"
_KEYCLOAK_TOKEN = "/protocol/openid-connect/token"  # noqa: S105 - a path


class Unproved(Exception):
    """The provider's answer proves nothing: the sentence says why, for the log."""


class Endpoints(Struct, frozen=True):
    """Where a provider is spoken to. Without `issuer` it is plain OAuth 2, and `emails` tells the user's addresses."""

    authorize: str
    token: str
    issuer: str = ""
    jwks: str = ""
    emails: str = ""


class Kept(Struct, frozen=True):
    """What we keep while the user is away."""

    nonce: str
    verifier: str


def new_kept() -> Kept:
    """Fresh ones."""
    return Kept(secrets.token_urlsafe(32), secrets.token_urlsafe(48))


def issuer_of(provider: OauthProvider) -> str:
    """Who signs its ID tokens, "" for plain OAuth 2 or when nobody said."""
    told = provider.details.get("issuer", "")
    if told or provider.provider == "github":
        return told
    if provider.provider == "google":
        return "https://accounts.google.com"
    return provider.token_url.removesuffix(_KEYCLOAK_TOKEN) if provider.token_url.endswith(_KEYCLOAK_TOKEN) else ""


def endpoints(provider: OauthProvider) -> Endpoints:
    """Where to find it; an OpenID Connect provider tells itself, but what was registered wins. Raises Unavailable."""
    issuer = issuer_of(provider)
    if not issuer:
        emails = provider.details.get("emailsurl") or "https://api.github.com/user/emails"
        authorize, token = provider.authorize_url or _GITHUB + "authorize", provider.token_url or _GITHUB + "access_token"
        return Endpoints(authorize, token, emails=emails)
    told = _fetch(issuer.rstrip("/") + "/.well-known/openid-configuration")
    try:
        if told["issuer"] != issuer:
            raise Unavailable(f"Provider {provider.provider} calls itself {str(told['issuer'])[:200]!r}, not {issuer}")
        authorize = provider.authorize_url or told["authorization_endpoint"]
        return Endpoints(authorize, provider.token_url or told["token_endpoint"], issuer, told["jwks_uri"])
    except (KeyError, TypeError) as error:
        raise Unavailable(f"Provider {provider.provider} does not tell its {error} in its configuration") from None


def authorize_url(provider: OauthProvider, at: Endpoints, state: str, kept: Kept) -> str:
    """Where to send the user."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(kept.verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code", "client_id": provider.client_id, "redirect_uri": provider.redirect_uri, "state": state,
        "scope": "openid email" if at.issuer else "user:email", "code_challenge": challenge, "code_challenge_method": "S256",
    } | ({"nonce": kept.nonce} if at.issuer else {})  # fmt: skip
    return f"{at.authorize}{'&' if '?' in at.authorize else '?'}{urlencode(asked)}"


def proved_email(provider: OauthProvider, code: str, kept: Kept) -> str:
    """The verified address of whom the provider vouches for. Raises Unproved, or Unavailable when it does not answer."""
    at = endpoints(provider)
    asked = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": provider.redirect_uri, "client_id": provider.client_id,
        "client_secret": provider.client_secret.reveal(), "code_verifier": kept.verifier,
    }  # fmt: skip
    told = _fetch(at.token, urlencode(asked).encode())
    if not isinstance(told, dict) or "error" in told:
        raise Unproved(f"it does not take the code: {str(told)[:200]}")
    if not at.issuer:
        return _own_address(_fetch(at.emails, bearer=str(told.get("access_token", ""))))
    return _email_of(_claims(str(told.get("id_token", "")), _fetch(at.jwks), provider.client_id, at.issuer), kept.nonce)


def _claims(token: str, keys: Any, client_id: str, issuer: str) -> dict[str, Any]:
    import jwt  # late: the start-up budget

    try:
        kid = jwt.get_unverified_header(token).get("kid")
        known = jwt.PyJWKSet.from_dict(keys).keys
        key = next((key for key in known if key.key_id == kid), known[0] if kid is None and len(known) == 1 else None)
        if key is None:
            raise Unproved(f"its ID token is signed by key {str(kid)[:64]!r}, which it does not publish")
        needed: Any = {"require": ["exp", "iat", "aud", "iss", "sub"]}
        claims = jwt.decode(token, key, algorithms=_SIGNED_BY, audience=client_id, issuer=issuer, leeway=_SKEW, options=needed)
    except (jwt.PyJWTError, TypeError, AttributeError) as error:
        raise Unproved(f"its ID token is not good: {error}") from None
    if not isinstance(claims["aud"], str) and len(claims["aud"]) > 1 and claims.get("azp") != client_id:
        raise Unproved("its ID token was issued to another client")
    return dict(claims)


def _email_of(claims: dict[str, Any], nonce: str) -> str:
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise Unproved("its ID token answers another sign-in")
    if claims.get("email_verified") is not True or not isinstance(claims.get("email"), str):
        raise Unproved("it does not vouch for an e-mail address")
    if not claims["email"].isprintable():
        raise Unproved("the e-mail address it vouches for is no text")
    return str(claims["email"])


def _own_address(told: Any) -> str:
    """The verified primary address of GitHub's list."""
    for one in told if isinstance(told, list) else ():
        if isinstance(one, dict) and one.get("primary") is True and one.get("verified") is True:
            return str(one.get("email", ""))
    raise Unproved("it tells no verified primary address")


def _fetch(url: str, form: bytes | None = None, bearer: str = "") -> Any:
    """The JSON at an address. Raises Unavailable when there is none."""
    headers = {"accept": "application/json", **({"authorization": f"Bearer {bearer}"} if bearer else {})}
    try:
        return json.loads(fetch(url, form, headers))
    except ValueError:
        raise Unavailable(f"Provider {urlsplit(url).hostname} answers what is no JSON") from None
