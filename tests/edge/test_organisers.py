"""Organisers as bodies: applying, approving, inviting, leaving; and that every change is on record with who did it."""

import asyncio
import uuid

import pytest
from box_office import new_key, problem_of, until
from newcomers import Newcomer

from tests.edge.cast import join, make_body, make_member
from tests.edge.house import make_house

APPLICATION = {
    "legal_name": "Sen & Daughters", "support_email": "Help@Sen.example", "tax_id": "27AAPFU0939F1ZV",
    "payout_account": "IN-HDFC-0001234567",
}  # fmt: skip


@pytest.fixture
async def body(rows):
    return await make_body(rows)


@pytest.fixture
async def owner(rows, buyers, body):
    return await make_member(rows, buyers, body, "owner")


@pytest.fixture
async def admin(buyers):
    return await buyers.make(role="admin")


async def invite(owner, email, role="scanner"):
    return await owner.ask("POST", f"/v1/organisers/{owner.body.id}/members", json={"email": email, "role": role})


async def own_invitation(buyer):
    [found] = (await buyer.ask("GET", "/v1/me/invitations")).json()["items"]
    return found


async def recorded(owner):
    answer = await owner.ask("GET", f"/v1/organisers/{owner.body.id}/changes")
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def role_of(rows, buyer):
    return await rows.fetchval("""SELECT role FROM "user" WHERE id = $1""", buyer.id)


async def test_whoever_applies_owns_the_body_and_acts_for_it_at_once(buyer, rows):
    answer = await buyer.ask("POST", "/v1/organisers", json=APPLICATION)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made | APPLICATION == made | {"support_email": "Help@Sen.example"}
    assert (made["status"], made["role"], made["operator"]) == ("approved", "owner", False)
    assert answer.headers["location"] == f"/v1/organisers/{made['id']}"
    assert (await buyer.ask("GET", answer.headers["location"])).json() == made
    assert (await buyer.ask("GET", "/v1/organisers")).json() == {"items": [made], "next_cursor": None}
    assert await role_of(rows, buyer) == "organiser"
    [change] = (await buyer.ask("GET", f"/v1/organisers/{made['id']}/changes")).json()["items"]
    assert (change["action"], change["actor_id"], change["detail"]) == (
        "organiser.apply", str(buyer.id), {"status": "approved"},
    )  # fmt: skip


@pytest.mark.parametrize(
    "more", [{"status": "approved"}, {"operator": True}, {"role": "admin"}, {"id": str(uuid.uuid4())}]
)
async def test_nobody_approves_or_crowns_themselves_by_a_field(buyer, owner, more):
    problem_of(await buyer.ask("POST", "/v1/organisers", json=APPLICATION | more), 422)
    problem_of(await owner.ask("PATCH", f"/v1/organisers/{owner.body.id}", json=more), 422)


async def test_an_account_owns_so_many_bodies(buyer):
    answers = await asyncio.gather(*(buyer.ask("POST", "/v1/organisers", json=APPLICATION) for _ in range(13)))
    assert sorted(answer.status_code for answer in answers) == [201] * 10 + [409] * 3


async def test_an_applicant_acts_once_an_admin_has_approved_and_not_when_suspended(rows, buyers, admin):
    body = await make_body(rows, "applied")
    owner = await make_member(rows, buyers, body, "owner", "buyer")
    scanner = await make_member(rows, buyers, body, "scanner", "buyer")
    found = (await admin.ask("GET", "/v1/admin/organisers?status=applied&limit=100")).json()["items"]
    assert body.id in {item["id"] for item in found}
    for status, roles in (("approved", ("organiser", "scanner")), ("suspended", ("buyer", "buyer"))):
        answer = await admin.ask("PATCH", f"/v1/admin/organisers/{body.id}", json={"status": status})
        assert (answer.status_code, answer.json()["status"]) == (200, status)
        assert (await role_of(rows, owner.caller), await role_of(rows, scanner.caller)) == roles
    problem = problem_of(
        await owner.ask("PATCH", f"/v1/organisers/{body.id}", json={"legal_name": "New"}), 403,
        "organiser-not-approved",
    )  # fmt: skip
    assert "suspended" in problem["detail"]
    changes = await recorded(owner)
    assert [(c["action"], c["detail"], c["actor_id"]) for c in changes] == [
        ("organiser.status", {"status": status}, str(admin.id)) for status in ("suspended", "approved")
    ]


async def test_an_organiser_cannot_approve(rows, buyers, owner):
    applied = await make_body(rows, "applied")
    await join(rows, owner.caller, applied, "owner")
    problem_of(await owner.ask("PATCH", f"/v1/admin/organisers/{applied.id}", json={"status": "approved"}), 403)
    assert await rows.fetchval("SELECT status FROM organiser WHERE id = $1", applied.id) == "applied"


async def test_an_owner_closes_a_body_once_no_show_is_to_come_and_nothing_is_owed_and_can_be_erased_then(
    rows, buyers, admin, emulator, http, edge_url
):
    house, buyer, newcomer = await make_house(rows, buyers), await buyers.make(), Newcomer(http, edge_url)
    owner = await (await newcomer.register()).log_in()
    await rows.execute(
        "INSERT INTO organiser_member (id, organiser_id, user_id, role, since) VALUES ($1, $2, $3, 'owner', now())",
        uuid.uuid4(), house.id, uuid.UUID(newcomer.id),
    )  # fmt: skip
    path, farewell = f"/v1/organisers/{house.id}", {"password": newcomer.password}
    show = await house.put_on()
    held = await buyer.wish(show["id"], {"quantity": 1})
    await emulator.pay(await buyer.until_payable(held.json()["id"]))
    await buyer.until_ticketed(held.json()["id"])  # the saga has booked the sale with the tickets
    problem = problem_of(await owner.ask("DELETE", path), 409, "organiser-in-use")
    assert {"coming-shows", "money-owed"} <= set(problem["reasons"])
    await rows.execute("UPDATE show SET ends_at = now() WHERE id = $1", uuid.UUID(show["id"]))

    async def only_money_is_owed():
        return (await owner.ask("DELETE", path)).json()["reasons"] == ["money-owed"]

    await until("only money is owed", only_money_is_owed)
    await owner.ask("PATCH", path, {"payout_account": "IN-1234"})
    paid = await admin.ask(
        "POST", "/v1/admin/payouts", headers={"Idempotency-Key": new_key()},
        json={"organiser_id": str(house.id), "currency": "INR", "reference": f"B{uuid.uuid4().hex}"},
    )  # fmt: skip
    assert paid.status_code == 201, paid.text
    problem_of(await house.ask("DELETE", path), 403)
    hindered = problem_of(await owner.ask("DELETE", "/v1/me", farewell), 409, "account-in-use")
    assert hindered["reasons"] == ["organiser-owner"]
    invited = await owner.ask("POST", f"{path}/members", {"email": "somebody@example.com", "role": "scanner"})
    assert invited.status_code == 201
    assert [(await owner.ask("DELETE", path)).status_code for _ in range(2)] == [204, 204]
    # read as before, and never acted for again
    assert (await house.ask("GET", path)).json()["status"] == "closed"
    assert (await owner.ask("GET", "/v1/organiser/statement")).status_code == 200
    assert (await owner.ask("GET", f"{path}/invitations")).json()["items"] == []
    problem_of(await owner.ask("PATCH", path, {"legal_name": "New"}), 403, "organiser-not-approved")
    problem_of(await house.ask("POST", "/v1/events", json={"title": "New", "kind": "other"}), 403)
    problem_of(await admin.ask("PATCH", f"/v1/admin/organisers/{house.id}", json={"status": "approved"}), 409)
    assert await role_of(rows, house.manager) == "buyer"
    assert (await owner.ask("GET", f"{path}/changes")).json()["items"][0]["action"] == "organiser.close"
    assert (await owner.ask("DELETE", "/v1/me", farewell)).status_code == 204


async def test_the_operator_s_own_body_stays_approved(rows, admin):
    operator = await rows.fetchval("SELECT id FROM organiser WHERE operator")
    problem_of(await admin.ask("PATCH", f"/v1/admin/organisers/{operator}", json={"status": "suspended"}), 409)
    problem_of(await admin.ask("DELETE", f"/v1/organisers/{operator}"), 409)


async def test_an_owner_changes_what_the_body_says_and_the_record_keeps_no_address(owner):
    path = f"/v1/organisers/{owner.body.id}"
    answer = await owner.ask("PATCH", path, json={"legal_name": "Renamed", "payout_account": "IN-1234", "tax_id": None})
    assert (answer.json()["legal_name"], answer.json()["payout_account"]) == ("Renamed", "IN-1234")
    await owner.ask("PATCH", path, json={"support_email": "me@private.example"})
    await owner.ask("PATCH", path, json={"legal_name": "Renamed"})
    assert [change["detail"] for change in await recorded(owner)] == [
        {"support_email": "changed"}, {"legal_name": "Renamed", "payout_account": "changed"},
    ]  # fmt: skip


async def test_the_payout_account_is_for_owners_and_managers(rows, buyers, body, owner):
    await owner.ask("PATCH", f"/v1/organisers/{body.id}", json={"payout_account": "IN-1234"})
    for role, seen in (("manager", "IN-1234"), ("box-office", None), ("scanner", None)):
        member = await make_member(rows, buyers, body, role)
        found = (await member.ask("GET", f"/v1/organisers/{body.id}")).json()
        assert (found["role"], found["payout_account"]) == (role, seen)


async def test_inviting_does_not_tell_whether_an_address_has_an_account(owner, buyer):
    known, unknown = await invite(owner, buyer.email), await invite(owner, f"nobody-{uuid.uuid4()}@example.com")
    assert known.status_code == unknown.status_code == 201
    assert set(known.json()) == set(unknown.json()) == {"id", "email", "role", "invited_at", "expires_at"}
    members = (await owner.ask("GET", f"/v1/organisers/{owner.body.id}/members")).json()["items"]
    assert [member["user_id"] for member in members] == [str(owner.caller.id)], "nobody joins before they accept"


async def test_who_accepts_becomes_a_member_with_that_role(owner, buyer, rows):
    assert (await invite(owner, buyer.email.upper(), "scanner")).status_code == 201
    found = await own_invitation(buyer)
    assert (found["organiser_id"], found["role"]) == (owner.body.id, "scanner")
    joined = await buyer.ask("POST", f"/v1/me/invitations/{found['id']}/accept")
    assert (joined.status_code, joined.json()["id"], joined.json()["role"]) == (200, owner.body.id, "scanner")
    assert await role_of(rows, buyer) == "scanner"
    problem_of(await buyer.ask("POST", f"/v1/me/invitations/{found['id']}/accept"), 404)
    changed = await owner.ask(
        "PATCH", f"/v1/organisers/{owner.body.id}/members/{buyer.id}", json={"role": "box-office"}
    )
    assert (changed.status_code, changed.json()["role"]) == (200, "box-office")
    assert await role_of(rows, buyer) == "organiser"
    gone = await owner.ask("DELETE", f"/v1/organisers/{owner.body.id}/members/{buyer.id}")
    assert gone.status_code == 204 and await role_of(rows, buyer) == "buyer"
    changes = await recorded(owner)
    assert [(c["action"], c["actor_id"], c["detail"]) for c in changes] == [
        ("member.remove", str(owner.caller.id), {"role": "box-office"}),
        ("member.change", str(owner.caller.id), {"role": "box-office"}),
        ("member.join", str(buyer.id), {"role": "scanner"}),
        ("member.invite", str(owner.caller.id), {"role": "scanner"}),
    ]
    assert "@" not in str([(c["detail"], c["object_id"]) for c in changes])


async def letters_to(mailbox, email):
    return [one for one in await mailbox.letters(email) if "invites you" in one["subject"]]


async def test_whoever_is_invited_gets_one_letter_with_a_link_to_where_it_is_accepted(
    owner, buyers, rows, mailbox, edge_url
):
    email = f"invited-{uuid.uuid4().hex}@example.com"
    await owner.ask("PATCH", f"/v1/organisers/{owner.body.id}", json={"legal_name": "Sen & <b>Daughters</b>"})
    made = (await invite(owner, email)).json()
    [letter] = await until("the letter is there", lambda: letters_to(mailbox, email))
    assert letter["subject"] == "Sen & <b>Daughters</b> invites you"
    for text in (letter["text"], letter["html"]):
        assert f"{edge_url}/profile#invitations" in text
        assert "scanner, who checks tickets at the door" in text
    assert "<b>Daughters" not in letter["html"]
    again = await invite(owner, email, "manager")
    assert (again.json()["id"], again.json()["role"]) == (made["id"], "manager")
    noted = await rows.fetchrow("SELECT * FROM letter WHERE about = $1", uuid.UUID(made["id"]))
    assert await rows.fetchval("SELECT count(*) FROM letter WHERE recipient = $1", email) == 1, "one for an invitation"
    assert letter["message_id"].strip("<>") == noted["message_id"].strip("<>")
    # its letter comes up again, as if nobody knew whether it went out; meanwhile the invitation was withdrawn
    path = f"/v1/organisers/{owner.body.id}/invitations/{made['id']}"
    assert (await owner.ask("DELETE", path)).status_code == 204
    await rows.execute("UPDATE letter SET status = 'waiting', next_try_at = now() WHERE id = $1", noted["id"])
    dropped = "SELECT status = 'refused' FROM letter WHERE id = $1"
    await until("it is dropped", lambda: rows.fetchval(dropped, noted["id"]))
    assert len(await letters_to(mailbox, email)) == 1


async def test_a_body_that_nobody_has_approved_writes_to_nobody_until_it_is(rows, buyers, admin, mailbox):
    owner = await make_member(rows, buyers, await make_body(rows, "applied"), "owner", "buyer")
    emails = [f"invited-{uuid.uuid4().hex}@example.com" for _ in range(2)]
    made = [(await invite(owner, email)).json()["id"] for email in emails]
    noted = "SELECT recipient FROM letter WHERE recipient = ANY($1::text[])"
    assert await rows.fetch(noted, emails) == []
    listed = (await owner.ask("GET", f"/v1/organisers/{owner.body.id}/invitations")).json()["items"]
    assert [item["id"] for item in listed] == made
    for status in ("refused", "approved", "approved"):
        answer = await admin.ask("PATCH", f"/v1/admin/organisers/{owner.body.id}", json={"status": status})
        assert answer.status_code == 200, answer.text
        told = [row["recipient"] for row in await rows.fetch(noted, emails)]
        assert sorted(told) == (sorted(emails) if status == "approved" else [])
    for email in emails:
        await until("the letter is there", lambda email=email: letters_to(mailbox, email))


async def test_nobody_s_mailbox_is_flooded_with_invitations(rows, buyers, owner):
    email = f"invited-{uuid.uuid4().hex}@example.com"
    for _ in range(5):
        made = (await invite(owner, email)).json()
        path = f"/v1/organisers/{owner.body.id}/invitations/{made['id']}"
        assert (await owner.ask("DELETE", path)).status_code == 204
    assert await rows.fetchval("SELECT count(*) FROM letter WHERE recipient = $1", email) == 3


async def test_an_invitation_is_for_whoever_has_proved_to_own_the_address(owner, buyers, buyer, rows):
    await rows.execute("""UPDATE "user" SET email_verified = false WHERE id = $1""", buyer.id)
    made = (await invite(owner, buyer.email, "owner")).json()
    assert (await buyer.ask("GET", "/v1/me/invitations")).json()["items"] == []
    path = f"/v1/me/invitations/{made['id']}/accept"
    unproved, foreign = await buyer.ask("POST", path), await (await buyers.make()).ask("POST", path)
    absent = await buyer.ask("POST", f"/v1/me/invitations/{uuid.uuid4()}/accept")
    told = [problem_of(answer, 404) | {"request_id": ""} for answer in (unproved, foreign, absent)]
    assert told[0] == told[1] == told[2]
    await rows.execute("""UPDATE "user" SET email_verified = true WHERE id = $1""", buyer.id)
    assert (await buyer.ask("POST", path)).status_code == 200


async def test_an_invitation_ends_and_can_be_declined_or_withdrawn(owner, buyers, rows):
    late, unwilling, unwanted = [await buyers.make() for _ in range(3)]
    made = [(await invite(owner, person.email)).json()["id"] for person in (late, unwilling, unwanted)]
    await rows.execute("UPDATE organiser_invitation SET expires_at = now() WHERE id = $1", uuid.UUID(made[0]))
    assert (await unwilling.ask("DELETE", f"/v1/me/invitations/{made[1]}")).status_code == 204
    path = f"/v1/organisers/{owner.body.id}/invitations"
    assert [item["id"] for item in (await owner.ask("GET", path)).json()["items"]] == [made[2]]
    assert (await owner.ask("DELETE", f"{path}/{made[2]}")).status_code == 204
    for person, invitation in zip((late, unwilling, unwanted), made, strict=True):
        problem_of(await person.ask("POST", f"/v1/me/invitations/{invitation}/accept"), 404)


async def test_inviting_again_is_one_invitation_and_a_member_is_not_invited(owner, buyer):
    first, second = (await invite(owner, buyer.email)).json(), (await invite(owner, buyer.email, "manager")).json()
    assert first["id"] == second["id"] and second["role"] == "manager"
    await buyer.ask("POST", f"/v1/me/invitations/{first['id']}/accept")
    problem_of(await invite(owner, buyer.email), 409)


async def test_two_acceptances_at_once_are_one_membership(owner, buyer, rows):
    made = (await invite(owner, buyer.email)).json()
    path = f"/v1/me/invitations/{made['id']}/accept"
    answers = await asyncio.gather(*(buyer.ask("POST", path) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 404, 404, 404, 404]


async def test_the_last_owner_cannot_leave_or_step_down(owner):
    for answer in (
        await owner.ask("DELETE", f"/v1/me/organisers/{owner.body.id}"),
        await owner.ask("PATCH", f"/v1/organisers/{owner.body.id}/members/{owner.caller.id}", json={"role": "manager"}),
        await owner.ask("DELETE", f"/v1/organisers/{owner.body.id}/members/{owner.caller.id}"),
    ):
        problem_of(answer, 409, "last-owner")


async def test_of_two_owners_who_leave_at_once_one_stays(rows, buyers, body):
    owners = [await make_member(rows, buyers, body, "owner") for _ in range(2)]
    answers = await asyncio.gather(*(owner.ask("DELETE", f"/v1/me/organisers/{body.id}") for owner in owners))
    assert sorted(answer.status_code for answer in answers) == [204, 409]
    assert await rows.fetchval("SELECT count(*) FROM organiser_member WHERE organiser_id = $1", body.id) == 1


async def test_a_member_who_is_no_member_there_is_not_found(rows, buyers, owner):
    elsewhere = await make_member(rows, buyers, await make_body(rows), "scanner")
    path = f"/v1/organisers/{owner.body.id}/members"
    problem_of(await owner.ask("PATCH", f"{path}/{elsewhere.caller.id}", json={"role": "owner"}), 404)
    problem_of(await owner.ask("DELETE", f"{path}/{elsewhere.caller.id}"), 404)


async def test_lists_of_members_go_page_by_page(rows, buyers, owner):
    for _ in range(4):
        await make_member(rows, buyers, owner.body, "scanner")
    path, seen, cursor = f"/v1/organisers/{owner.body.id}/members?limit=2", [], ""
    while True:
        page = (await owner.ask("GET", path + cursor)).json()
        seen += [item["user_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len(seen) == len(set(seen)) == 5
