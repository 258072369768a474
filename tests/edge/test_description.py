"""``/openapi.json`` is OpenAPI 3.1 and describes exactly the calls that exist; ``/docs`` shows it from own files."""

import re
import uuid

import pytest
from box_office import problem_of

METHODS = ("get", "post", "put", "patch", "delete")
#: JSON Schema's own words that the description may use, and what each must hold.
TYPES = {"object", "array", "string", "integer", "number", "boolean", "null"}


@pytest.fixture(scope="module")
async def description(http, edge_url):
    answer = await http.get(f"{edge_url}/openapi.json")
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/json"
    return answer.json()


def operations(description):
    return [
        (method, path, operation) for path, item in description["paths"].items() for method, operation in item.items()
    ]


def schemas_in(node):
    """Every schema below this node, references included."""
    if isinstance(node, dict):
        if "schema" in node:
            yield node["schema"]
        for key, value in node.items():
            if key != "examples":
                yield from schemas_in(value)
    elif isinstance(node, list):
        for value in node:
            yield from schemas_in(value)


def check_schema(schema, known):
    """A schema says what it may, and every reference leads somewhere."""
    assert isinstance(schema, dict), schema
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/components/schemas/")
        assert name in known, schema
    kinds = schema.get("type", [])
    assert set(kinds if isinstance(kinds, list) else [kinds]) <= TYPES, schema
    for name, part in schema.get("properties", {}).items():
        assert isinstance(name, str)
        check_schema(part, known)
    assert set(schema.get("required", [])) <= set(schema.get("properties", {})), schema
    assert "nullable" not in schema, "that was 3.0"
    for inner in ("items", "additionalProperties"):
        if isinstance(schema.get(inner), dict):
            check_schema(schema[inner], known)
    for part in [*schema.get("anyOf", []), *schema.get("oneOf", []), *schema.get("allOf", [])]:
        check_schema(part, known)
    for least, most in (("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems")):
        assert schema.get(least, 0) <= schema.get(most, 10**12)
    if "pattern" in schema:
        re.compile(schema["pattern"])


async def test_it_is_openapi_3_1(description):
    assert description["openapi"].startswith("3.1.")
    assert description["info"]["title"] and description["info"]["version"]
    assert set(description) <= {"openapi", "info", "servers", "paths", "components", "tags", "security"}
    known = description["components"]["schemas"]
    for schema in [*known.values(), *schemas_in(description["paths"])]:
        check_schema(schema, known)


async def test_every_operation_is_whole(description):
    ids = [operation["operationId"] for _, _, operation in operations(description)]
    assert len(ids) == len(set(ids))
    schemes = description["components"]["securitySchemes"]
    for method, path, operation in operations(description):
        assert method in METHODS and path.startswith("/")
        assert operation["summary"], path
        parameters = [(p["in"], p["name"]) for p in operation["parameters"]]
        assert len(parameters) == len(set(parameters))
        assert {name for place, name in parameters if place == "path"} == set(re.findall(r"{(\w+)}", path))
        assert all(p["schema"] and (p["in"] != "path" or p["required"]) for p in operation["parameters"])
        assert operation["responses"] and all(re.fullmatch(r"[1-5]\d\d", s) for s in operation["responses"])
        assert all(response["description"] for response in operation["responses"].values())
        assert any(status[0] in "23" for status in operation["responses"])
        assert all(set(need) <= set(schemes) for need in operation.get("security", []))
        for status, response in operation["responses"].items():
            if status[0] in "45" and "content" in response and path != "/health/ready":
                assert list(response["content"]) == ["application/problem+json"], (path, status)
        if "requestBody" in operation:
            types = list(operation["requestBody"]["content"])
            assert types == ["application/json"] or operation["requestBody"]["description"].startswith("At most")
            assert {"400", "413", "415", "422"} <= set(operation["responses"])
        if "security" in operation:
            assert "401" in operation["responses"]


async def test_it_describes_exactly_the_calls_that_exist(description):
    from sanic import Sanic

    from edge.server import make_app

    Sanic.test_mode = True
    try:
        app = make_app()
        routed = {
            (method.lower(), "/" + re.sub(r"<(\w+)(:\w+)?>", r"{\1}", route.path))
            for route in app.router.routes
            for method in route.methods
            if route.path.startswith(("v1/", "health/", "metrics"))
        }
    finally:
        Sanic._app_registry.clear()
        Sanic.test_mode = False
    described = {(method, path) for method, path, _ in operations(description)}
    assert described == {(method, path) for method, path in routed if method not in ("options", "head")}


async def test_methods_that_are_not_described_are_405(description, buyer):
    for path, item in description["paths"].items():
        concrete = re.sub(r"{\w+}", str(uuid.uuid4()), path)
        for method in METHODS:
            if method not in item:
                problem_of(await buyer.ask(method.upper(), concrete), 405, "method-not-allowed")


async def test_described_calls_are_routed(description, buyers):
    """Whoever is not logged in and sends nothing gets what the description foresees, and never a 405."""
    somebody = buyers.nobody()
    for method, path, operation in operations(description):
        if "stream" in path:
            continue
        concrete = re.sub(r"{\w+}", str(uuid.uuid4()), path)
        answer = await somebody.ask(method.upper(), concrete)
        assert f"{answer.status_code}" in operation["responses"], (method, path, answer.status_code)
        if {} not in operation.get("security", [{}]):
            problem_of(answer, 401)


async def test_the_key_and_the_wait_are_described_where_they_count(description):
    booking = description["paths"]["/v1/shows/{show_id}/bookings"]["post"]
    headers = {p["name"]: p for p in booking["parameters"] if p["in"] == "header"}
    assert headers["Idempotency-Key"]["required"] is True and headers["Idempotency-Key"]["schema"]["maxLength"] == 255
    assert headers["Prefer"]["required"] is False
    assert {"201", "202", "400", "401", "404", "409", "413", "415", "422", "429", "503"} <= set(booking["responses"])


async def test_what_it_says_of_a_wish_is_what_is_checked(description):
    schema = description["paths"]["/v1/shows/{show_id}/bookings"]["post"]["requestBody"]
    name = schema["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    wish = description["components"]["schemas"][name]
    assert wish["additionalProperties"] is False
    text = str(wish["properties"])
    assert "'maxItems': 100" in text and "'maximum': 100" in text and "'maxLength': 16" in text


async def test_a_booking_is_answered_as_it_is_described(description, show, buyer):
    held = await buyer.hold(show, show.seats[0])
    views = description["components"]["schemas"]
    assert set(held) == set(views["BookingView"]["properties"])
    assert set(held["seats"][0]) == set(views["BookingSeat"]["properties"])
    answer = await buyer.ask("GET", f"/v1/shows/{show.id}")
    assert set(answer.json()) == set(views["ShowView"]["properties"])


async def test_the_docs_load_nothing_from_elsewhere(http, edge_url):
    page = await http.get(f"{edge_url}/docs")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    loaded = re.findall(r"(?:src|href)=\"([^\"]+)\"", page.text)
    assert loaded and all(path.startswith("/") and not path.startswith("//") for path in loaded)
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "http" not in page.headers["content-security-policy"]
    for path in loaded:
        assert (await http.get(f"{edge_url}{path}")).status_code == 200, path
    for path in ("/static/swagger/docs.js", "/static/swagger/swagger-ui.css"):
        text = (await http.get(f"{edge_url}{path}")).text
        assert not re.findall(r"(?:url\(|@import\s+|src=)['\"]?https?:", text)
