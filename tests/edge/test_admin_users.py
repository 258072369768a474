"""The operator's accounts: found, suspended, given roles; and never without an admin."""

import asyncio
import uuid

import pytest
from box_office import problem_of
from newcomers import Newcomer


@pytest.fixture
async def newcomer(http, edge_url):
    return await Newcomer(http, edge_url).register()


@pytest.fixture
async def admin(buyers, rows):
    """An admin of this test's own, who is none any more afterwards."""
    made = await buyers.make(role="admin")
    yield made
    await rows.execute("UPDATE \"user\" SET role = 'buyer' WHERE id = $1", made.id)


async def test_a_suspended_account_cannot_act_log_in_or_refresh(newcomer, admin):
    device = await newcomer.log_in()
    answer = await admin.ask("PATCH", f"/v1/admin/users/{newcomer.id}", json={"suspended": True})
    assert answer.status_code == 200 and answer.json()["suspended"] is True
    assert not await device.is_in()
    problem_of(await device.refresh(), 401)
    problem_of(await newcomer.try_to_log_in(), 403, "account-suspended")
    problem_of(await newcomer.try_to_log_in("wrong horse"), 401)
    assert (await admin.ask("PATCH", f"/v1/admin/users/{newcomer.id}", json={"suspended": False})).status_code == 200
    assert not await device.is_in(), "what has ended stays ended"
    assert await (await newcomer.log_in()).is_in()


async def test_a_role_that_is_taken_away_is_gone_at_once(newcomer, admin):
    give = {"role": "admin"}
    assert (await admin.ask("PATCH", f"/v1/admin/users/{newcomer.id}", json=give)).json()["role"] == "admin"
    device = await newcomer.log_in()
    assert (await device.ask("GET", "/v1/admin/users")).status_code == 200
    await admin.ask("PATCH", f"/v1/admin/users/{newcomer.id}", json={"role": "buyer"})
    problem_of(await device.ask("GET", "/v1/admin/users"), 401)
    problem_of(await (await newcomer.log_in()).ask("GET", "/v1/admin/users"), 403)


@pytest.mark.parametrize("role", ["buyer", "organiser", "scanner"])
@pytest.mark.parametrize("method, path", [("GET", ""), ("GET", "/{}"), ("PATCH", "/{}")])
async def test_users_id_gives_nobody_but_an_admin_an_e_mail_address(buyers, newcomer, role, method, path):
    somebody = await buyers.make(role=role)
    body = {"json": {"role": "admin"}} if method == "PATCH" else {}
    answer = await somebody.ask(method, f"/v1/admin/users{path.format(newcomer.id)}", **body)
    problem_of(answer, 403)
    assert newcomer.email not in answer.text
    problem_of(await buyers.nobody().ask(method, f"/v1/admin/users{path.format(newcomer.id)}", **body), 401)
    for elsewhere in (f"/v1/users/{newcomer.id}", f"/users/{newcomer.id}"):
        problem_of(await somebody.ask("GET", elsewhere), 404)


async def test_x_role_headers_are_not_believed(buyer, newcomer):
    headers = {"X-Role": "admin", "X-User-Id": newcomer.id, "X-User-Role": "ADMIN", "X-Gateway-Timestamp": "1"}
    problem_of(await buyer.ask("GET", "/v1/admin/users", headers=headers), 403)
    assert (await buyer.ask("GET", "/v1/me", headers=headers)).json()["id"] == str(buyer.id)


async def test_accounts_are_found_by_words_role_and_suspension(newcomer, admin):
    async def found(query):
        answer = await admin.ask("GET", f"/v1/admin/users?{query}")
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json()["items"]]

    words = newcomer.email[:30].upper()
    assert await found(f"q={words}") == [newcomer.id]
    assert await found(f"q={words}&role=buyer&suspended=false") == [newcomer.id]
    assert await found(f"q={words}&role=admin") == [] == await found(f"q={words}&suspended=true")
    assert await found("q=%25_%25%25") == []
    problem_of(await admin.ask("GET", "/v1/admin/users?role=king"), 422)
    one = await admin.ask("GET", f"/v1/admin/users/{newcomer.id}")
    assert one.json()["email"] == newcomer.email and "password_hash" not in one.text
    problem_of(await admin.ask("GET", f"/v1/admin/users/{uuid.uuid4()}"), 404)
    problem_of(await admin.ask("PATCH", f"/v1/admin/users/{uuid.uuid4()}", json={"suspended": True}), 404)
    problem_of(await admin.ask("PATCH", f"/v1/admin/users/{newcomer.id}", json={}), 422)


async def test_accounts_come_in_pages(admin, buyers):
    for _ in range(3):
        await buyers.make()
    seen, cursor = [], ""
    for _ in range(3):
        page = (await admin.ask("GET", f"/v1/admin/users?limit=2{cursor}")).json()
        seen += [item["id"] for item in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert len(seen) == 6 == len(set(seen))


async def test_the_last_admin_can_neither_be_suspended_nor_demoted(buyers, rows):
    """Two admins who take the role from each other at the same moment leave one."""
    others = [
        row["id"] for row in await rows.fetch("UPDATE \"user\" SET role = 'buyer' WHERE role = 'admin' RETURNING id")
    ]
    try:
        two = [await buyers.make(role="admin") for _ in range(2)]
        answers = await asyncio.gather(
            two[0].ask("PATCH", f"/v1/admin/users/{two[1].id}", json={"role": "buyer"}),
            two[1].ask("PATCH", f"/v1/admin/users/{two[0].id}", json={"suspended": True}),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 403]
        left = next(admin for admin, answer in zip(two, answers, strict=True) if answer.status_code == 200)
        for change in ({"role": "buyer"}, {"suspended": True}, {"role": "organiser", "suspended": False}):
            problem_of(await left.ask("PATCH", f"/v1/admin/users/{left.id}", json=change), 409, "last-admin")
        assert (await left.ask("PATCH", f"/v1/admin/users/{left.id}", json={"role": "admin"})).status_code == 200
    finally:
        await rows.execute("UPDATE \"user\" SET role = 'buyer', suspended_at = NULL WHERE role = 'admin'")
        await rows.execute("UPDATE \"user\" SET role = 'admin' WHERE id = ANY($1::uuid[])", others)
