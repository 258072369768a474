"""The provider over HTTP: one page where somebody says who they are, and the calls of its two faces."""

import hashlib
from html import escape
from typing import Any
from urllib.parse import urlencode

from sanic import Request, Sanic
from sanic.response import HTTPResponse, html, json, redirect

from compose.openid_provider.provider import Client, Person, Provider, Refused

PATHS = {"google": "/google/authorize", "github": "/github/login/oauth/authorize"}
NAMES = {"google": "Google", "github": "GitHub"}

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{name}, played for development</title>
<style>body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 26rem; margin: 3rem auto; padding: 0 1rem; }}
form, label {{ display: grid; gap: .4rem; }} form {{ gap: 1rem; }} label.line {{ display: flex; }}
input, button {{ font: inherit; padding: .5rem; }}</style></head><body>
<h1>{name}, played for development</h1><p>Whoever you say you are, {name} will say so too.</p>
<form method="post" action="{action}">
<label>Email<input type="email" name="email" required value="asha@example.com"></label>
<label>Name<input name="name" value="Asha Rao"></label>
<label class="line"><input type="checkbox" name="verified" value="on" checked> The address is verified</label>
<button>Continue to Frontrow</button><button name="refuse" value="on" formnovalidate>Refuse</button>
</form></body></html>"""


def web_app(client: Client, url: str) -> Sanic[Any, Any]:
    app: Sanic[Any, Any] = Sanic("openid_provider", configure_logging=False)
    app.config.update(OAS=False, MOTD=False, ACCESS_LOG=False, GRACEFUL_SHUTDOWN_TIMEOUT=1)
    provider = Provider(client, url)

    @app.get("/health")
    async def health(_request: Request) -> HTTPResponse:
        return json({"status": "ok"})

    for face in PATHS:
        _add_authorization(app, provider, face)
    _add_google(app, provider)
    _add_github(app, provider)

    @app.post("/control/next")
    async def control_next(request: Request) -> HTTPResponse:
        """The next ID token is odd: ``{claims?, algorithm?, kid?}``."""
        provider.odd = dict(request.json)
        return json(provider.odd)

    @app.exception(Refused)
    async def refused(_request: Request, error: Refused) -> HTTPResponse:
        return json({"error": str(error)}, 400)

    return app


def _add_authorization(app: Sanic[Any, Any], provider: Provider, face: str) -> None:
    async def authorize(request: Request) -> HTTPResponse:
        wish = {name: str(request.args.get(name)) for name in request.args}
        provider.check_wish(face, wish)
        if request.method == "GET":
            return html(_PAGE.format(name=NAMES[face], action=escape(f"{PATHS[face]}?{request.query_string}")))
        said = _form(request)
        if said.get("refuse"):
            return redirect(f"{wish['redirect_uri']}?{urlencode({'error': 'access_denied', 'state': wish['state']})}")
        email = said.get("email", "")
        subject = str(said.get("subject") or int(hashlib.sha256(email.lower().encode()).hexdigest()[:15], 16))
        person = Person(subject, email, said.get("name", ""), said.get("verified") == "on")
        back = {"code": provider.grant(face, person, wish), "state": wish["state"]}
        if face == "google":
            back |= {"iss": provider.issuer, "scope": wish.get("scope", ""), "prompt": "none"}
        return redirect(f"{wish['redirect_uri']}?{urlencode(back)}")

    app.add_route(authorize, PATHS[face], methods=["GET", "POST"], name=f"authorize_{face}")


def _form(request: Request) -> dict[str, str]:
    form = request.form
    return {name: str(form.get(name)) for name in form} if form else {}


def _add_google(app: Sanic[Any, Any], provider: Provider) -> None:
    @app.get("/google/.well-known/openid-configuration")
    async def configuration(_request: Request) -> HTTPResponse:
        return json(
            {
                "issuer": provider.issuer, "authorization_endpoint": f"{provider.url}{PATHS['google']}",
                "token_endpoint": f"{provider.issuer}/token", "jwks_uri": f"{provider.issuer}/jwks",
                "response_types_supported": ["code"], "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"], "code_challenge_methods_supported": ["S256"],
            }
        )  # fmt: skip

    @app.get("/google/jwks")
    async def key_set(_request: Request) -> HTTPResponse:
        return json(provider.key_set())

    @app.post("/google/token")
    async def google_token(request: Request) -> HTTPResponse:
        token, grant = provider.redeem("google", _form(request))
        return json(
            {"access_token": token, "token_type": "Bearer", "expires_in": 300, "id_token": provider.id_token(grant)}
        )


def _add_github(app: Sanic[Any, Any], provider: Provider) -> None:
    @app.post("/github/login/oauth/access_token")
    async def github_token(request: Request) -> HTTPResponse:
        token, _ = provider.redeem("github", _form(request))
        return json({"access_token": token, "token_type": "bearer", "scope": "read:user,user:email"})

    @app.get("/github/api/user")
    async def github_user(request: Request) -> HTTPResponse:
        person = provider.person_of(request.headers.get("authorization", ""))
        return json({"id": int(person.subject), "login": "somebody", "name": person.name, "email": None})

    @app.get("/github/api/user/emails")
    async def github_emails(request: Request) -> HTTPResponse:
        person = provider.person_of(request.headers.get("authorization", ""))
        other = {"email": "other@users.noreply.example", "primary": False, "verified": True}
        return json([other, {"email": person.email, "primary": True, "verified": person.verified}])
