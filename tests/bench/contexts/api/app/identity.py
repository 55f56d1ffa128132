"""Who is asking: decided by the token alone (STUF.md, row 8)."""

import json
import os
from dataclasses import dataclass, field
from typing import Annotated

import jwt
import requests
from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

# Insecure defaults as in the real API (row 6).
URL = os.environ.get("KEYCLOAK_URL", "http://localhost:8080")
ISSUER_URL = os.environ.get("KEYCLOAK_ISSUER_URL", "http://localhost:8080")
REALM = os.environ.get("KEYCLOAK_REALM", "stuf")
CLIENT_ID = os.environ.get("KEYCLOAK_CLIENT_ID", "stuf-api")
CLIENT_SECRET = os.environ.get("KEYCLOAK_CLIENT_SECRET", "some-secret-value")

AUDIENCES = {"stuf-api", "stuf-spa"}
USER_SCOPES = ("openid", "profile", "email")

bearer = HTTPBearer(auto_error=False)
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


@dataclass(frozen=True)
class Principal:
    """What user and service account have in common."""

    name: str
    roles: list[str] = field(default_factory=list)
    collections: dict[str, list[str]] = field(default_factory=dict)

    def may(self, permission: str, collection: str) -> bool:
        """Realm role `admin` may everything; others what their claim says."""
        return "admin" in self.roles or permission in self.collections.get(collection, [])


@dataclass(frozen=True)
class User(Principal):
    """A person."""

    email: str | None = None
    full_name: str | None = None

    def shown(self) -> dict[str, object]:
        """The answer of /api/me."""
        return {
            "username": self.name,
            "email": self.email,
            "full_name": self.full_name,
            "roles": self.roles,
            "collections": self.collections,
            "active": True,
        }


@dataclass(frozen=True)
class ServiceAccount(Principal):
    """A program."""


def refused() -> HTTPException:
    return HTTPException(401, "Could not validate credentials", {"WWW-Authenticate": "Bearer"})


def claims_of(token: str) -> dict[str, object]:
    """The verified claims: RS256 by the realm's published keys, issuer, expiry, audience."""
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        answer = requests.get(f"{URL}/realms/{REALM}/protocol/openid-connect/certs", timeout=10)
        answer.raise_for_status()
        key = next((key for key in answer.json().get("keys", []) if kid and key.get("kid") == kid), None)
        if key is None:
            raise refused()
        claims = jwt.decode(
            token,
            jwt.PyJWK(key).key,
            algorithms=["RS256"],
            issuer=f"{ISSUER_URL}/realms/{REALM}",
            # The real library checks no audience and no not-before; the audience is checked below.
            options={"verify_aud": False, "verify_iat": False, "require": ["exp", "iss"]},
        )
    except (jwt.PyJWTError, requests.RequestException, ValueError) as error:
        raise refused() from error
    audience = claims.get("aud", [])
    if not AUDIENCES & set([audience] if isinstance(audience, str) else audience):
        raise refused()
    return claims


def _roles(claims: dict[str, object]) -> list[str]:
    access = claims.get("realm_access", {})
    return list(access.get("roles", [])) if isinstance(access, dict) else []


def _collections(claims: dict[str, object]) -> dict[str, list[str]]:
    claim = claims.get("collections")
    if isinstance(claim, str):
        try:
            claim = json.loads(claim)
        except ValueError:
            return {}
    return claim if isinstance(claim, dict) else {}


def _user(claims: dict[str, object]) -> User:
    name = claims.get("preferred_username") or claims.get("username")
    if not name:
        raise refused()
    email, full = claims.get("email"), claims.get("name")
    return User(
        str(name),
        _roles(claims),
        _collections(claims),
        email=str(email) if email else None,
        full_name=str(full) if full else None,
    )


def _service_account(claims: dict[str, object]) -> ServiceAccount:
    name = claims.get("azp") or claims.get("client_id")
    if not name:
        raise refused()
    return ServiceAccount(str(name), _roles(claims), _collections(claims))


def user_only(credentials: Bearer) -> User:
    """For routes that people alone use."""
    if credentials is None:
        raise refused()
    return _user(claims_of(credentials.credentials))


def principal(credentials: Bearer) -> Principal:
    """User or service account, told apart by the token's fields; a mixture is refused."""
    if credentials is None:
        raise refused()
    claims = claims_of(credentials.credentials)
    person = any(claims.get(name) for name in ("email", "given_name", "family_name", "sid"))
    scope = str(claims.get("scope", ""))
    service = claims.get("azp", "") != "stuf-spa" and not any(name in scope for name in USER_SCOPES)
    if person and not service:
        return _user(claims)
    if service and not person:
        return _service_account(claims)
    raise refused()
