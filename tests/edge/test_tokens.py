"""Access tokens: forged, stale, bent or borrowed ones open nothing, and all are told the same."""

import base64
import hashlib
import hmac
import json
import os
import time
import uuid

import jwt
import pytest
from box_office import problem_of


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims_of(token):
    return jwt.decode(token, options={"verify_signature": False})


def signed(claims, *, header=None, secret="", algorithm="HS256"):
    header = {"kid": "1"} if header is None else header
    return jwt.encode(claims, secret or os.environ["JWT_SECRET"], algorithm, headers=header)


def unsigned(claims, header):
    """A token put together by hand, with an empty signature."""
    return f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}."


def by_hand(claims, header):
    """Whatever the header says, signed with our secret by HMAC-SHA256."""
    text = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
    return f"{text}.{b64(hmac.new(os.environ['JWT_SECRET'].encode(), text.encode(), hashlib.sha256).digest())}"


HS256 = {"alg": "HS256", "typ": "JWT", "kid": "1"}
BENT = {
    "expired": lambda c: signed(c | {"exp": int(time.time()) - 31, "iat": int(time.time()) - 931}),
    "issued in the future": lambda c: signed(c | {"iat": int(time.time()) + 3600}),
    "not valid yet": lambda c: signed(c | {"nbf": int(time.time()) + 3600}),
    "another secret": lambda c: signed(c, secret="x" * 64),
    "the empty secret": lambda c: by_hand(c, HS256)[:-43] + b64(hmac.new(b"", b"", hashlib.sha256).digest()),
    "alg none": lambda c: unsigned(c, {"alg": "none", "typ": "JWT", "kid": "1"}),
    "alg None": lambda c: unsigned(c, {"alg": "None", "typ": "JWT", "kid": "1"}),
    "alg missing": lambda c: by_hand(c, {"typ": "JWT", "kid": "1"}),
    "alg as a list": lambda c: by_hand(c, HS256 | {"alg": ["HS256"]}),
    "alg as null": lambda c: by_hand(c, HS256 | {"alg": None}),
    "alg as a number": lambda c: by_hand(c, HS256 | {"alg": 256}),
    "alg says RS256": lambda c: by_hand(c, HS256 | {"alg": "RS256"}),
    "HS384": lambda c: signed(c, algorithm="HS384"),
    "HS512": lambda c: signed(c, algorithm="HS512"),
    "no kid": lambda c: signed(c, header={}),
    "a foreign kid": lambda c: signed(c, header={"kid": "2"}),
    "kid as a path": lambda c: signed(c, header={"kid": "../../dev/null"}),
    "kid as a list": lambda c: by_hand(c, HS256 | {"kid": ["1"]}),
    "kid as an object": lambda c: by_hand(c, HS256 | {"kid": {"1": "1"}}),
    "crit": lambda c: by_hand(c, HS256 | {"crit": ["exp"], "exp": 1}),
    "b64 false": lambda c: by_hand(c, HS256 | {"b64": False, "crit": ["b64"]}),
    "no exp": lambda c: signed({k: v for k, v in c.items() if k != "exp"}),
    "no sub": lambda c: signed({k: v for k, v in c.items() if k != "sub"}),
    "no aud": lambda c: signed({k: v for k, v in c.items() if k != "aud"}),
    "another audience": lambda c: signed(c | {"aud": "somebody-else"}),
    "another issuer": lambda c: signed(c | {"iss": "somebody-else"}),
    "a sub that is no id": lambda c: signed(c | {"sub": "admin"}),
    "a refresh token's type": lambda c: signed(c | {"typ": "refresh"}),
    "no type": lambda c: signed({k: v for k, v in c.items() if k != "typ"}),
    "exp as text": lambda c: signed(c | {"exp": "tomorrow"}),
    "claims as a list": lambda c: f"{b64(json.dumps(HS256).encode())}.{b64(b'[]')}.{b64(b'x' * 32)}",
    "rubbish": lambda c: "rubbish",
    "two dots": lambda c: "..",
    "five parts": lambda c: "a.b.c.d.e",
    "5,000 letters": lambda c: "a" * 5_000,
}


@pytest.mark.parametrize("bend", BENT.values(), ids=BENT.keys())
async def test_a_bent_token_is_401_in_the_same_words(buyer, bend):
    answer = await buyer.ask("GET", "/v1/me", headers={"Authorization": f"Bearer {bend(claims_of(buyer.token))}"})
    problem = problem_of(answer, 401, "unauthorized")
    assert problem["detail"] == "The access token is not valid, or no longer."
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_the_same_token_unbent_is_good(buyer):
    """What the bent ones are made from: were it refused, they would prove nothing."""
    for token in (buyer.token, signed(claims_of(buyer.token)), by_hand(claims_of(buyer.token), HS256)):
        answer = await buyer.ask("GET", "/v1/me", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200 and answer.json()["email"] == buyer.email


async def test_no_single_bit_of_a_token_can_be_flipped(buyer):
    """Every bit of the signed text and of the signature's bytes, at a stride that visits all parts."""
    head, body, signature = buyer.token.split(".")
    raw = base64.urlsafe_b64decode(signature + "=")
    bent = [f"{head}.{body}.{b64(flip(raw, bit))}" for bit in range(0, len(raw) * 8, 5)]
    for name, part in (("head", head), ("body", body)):
        data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        for bit in range(0, len(data) * 8, 37):
            flipped = b64(flip(data, bit))
            bent.append(f"{flipped}.{body}.{signature}" if name == "head" else f"{head}.{flipped}.{signature}")
    for token in bent:
        answer = await buyer.ask("GET", "/v1/me", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401, token


def flip(data, bit):
    return data[: bit // 8] + bytes([data[bit // 8] ^ (1 << bit % 8)]) + data[bit // 8 + 1 :]


@pytest.mark.parametrize("header", ["Basic dXNlcjpwYXNz", "Bearer", "bearer", "Token abc", "Bearer a b c", "abc"])
async def test_another_scheme_is_401(buyers, header):
    problem_of(await buyers.nobody().ask("GET", "/v1/me", headers={"Authorization": header}), 401, "unauthorized")


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", "/v1/me"),
        ("GET", "/v1/bookings"),
        ("GET", "/v1/bookings/{}"),
        ("GET", "/v1/bookings/{}/timeline"),
        ("GET", "/v1/bookings/{}/stream"),
        ("GET", "/v1/bookings/{}/tickets.pdf"),
        ("POST", "/v1/bookings/{}/payment/verify"),
        ("POST", "/v1/shows/{}/bookings"),
    ],
)
async def test_without_a_token_nothing_of_buyers_is_told(buyers, method, path):
    problem_of(await buyers.nobody().ask(method, path.format(uuid.uuid4()), json={}), 401, "unauthorized")


async def test_a_token_of_an_account_that_is_gone_is_401(buyer, rows):
    await rows.execute('DELETE FROM "user" WHERE id = $1', buyer.id)
    problem_of(await buyer.ask("GET", "/v1/me"), 401)


async def test_a_cookie_alone_books_nothing_for_another_site(show, buyer, rows):
    """The page's cookie comes along with a form of any site; only our own pages may use it for writing."""
    for site in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
        answer = await buyer.http.post(
            f"{buyer.edge_url}/v1/shows/{show.id}/bookings", json={"quantity": 1},
            headers={"Cookie": f"frontrow_access={buyer.token}", "Idempotency-Key": "k", **site},
        )  # fmt: skip
        problem_of(answer, 403, "forbidden")
    assert await rows.fetchval("SELECT count(*) FROM booking WHERE buyer_id = $1", buyer.id) == 0
