"""The pages of accounts in a real browser: by letter, by keyboard, on two devices; and each without a barrier."""

import re
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from box_office import Mailbox, until
from newcomers import Newcomer
from playwright.async_api import Page, expect

Visitor = Callable[..., Awaitable[Page]]

#: As axe tells its rules apart: what WCAG 2.2 asks for at levels A and AA.
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture
async def newcomer(http: Any, edge_url: str) -> Newcomer:
    return await Newcomer(http, edge_url).register()


async def log_in(page: Page, newcomer: Newcomer) -> None:
    await page.goto("/log-in?next=/profile")
    await page.fill("[name=email]", newcomer.email)
    await page.fill("[name=password]", newcomer.password)
    await page.click("#log-in button")
    await page.wait_for_url("**/profile")
    await expect(page.locator("#sessions li").first).to_be_visible()


async def link_of(mailbox: Mailbox, to: str, subject: str) -> str:
    async def look() -> list[dict[str, Any]]:
        return [one for one in await mailbox.letters(to) if one["subject"] == subject]

    letter = (await until(f"“{subject}” to {to}", look))[0]
    found = re.search(r"http\S+#\S+", letter["text"])
    assert found
    return found[0]


async def test_an_invitation_is_accepted_on_the_profile(
    visitor: Visitor, newcomer: Newcomer, make_member: Any, rows: Any
) -> None:
    owner = await make_member()
    await rows.execute("""UPDATE "user" SET email_verified = true WHERE email = $1""", newcomer.email)
    for role in ("scanner", "manager"):  # the same one, with other terms
        body = {"email": newcomer.email, "role": role}
        answer = await owner.ask("POST", f"/v1/organisers/{owner.organiser_id}/members", json=body)
        assert answer.status_code == 201
    page = await visitor()
    await log_in(page, newcomer)
    found = page.locator("#own-invitations li")
    await expect(found).to_contain_text("Test Evenings Ltd")
    await expect(found).to_contain_text("as a manager")
    await no_barriers(page)
    await page.get_by_role("button", name="Accept the invitation of Test Evenings Ltd").click()
    await expect(page.locator("#said")).to_contain_text("You act for Test Evenings Ltd now.")
    await expect(page.locator("#invitations")).to_be_hidden()
    member = "SELECT role FROM organiser_member WHERE organiser_id = $1 AND user_id = $2"
    assert await rows.fetchval(member, uuid.UUID(owner.organiser_id), uuid.UUID(newcomer.id)) == "manager"


async def no_barriers(page: Page) -> None:
    found = await Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()


async def test_registering_and_confirming_the_address_by_the_letter(visitor: Visitor, mailbox: Mailbox) -> None:
    page = await visitor()
    email = f"asha-{uuid.uuid4().hex}@example.com"
    await page.goto("/register?next=/profile")
    await page.fill("[name=name]", "Asha Rao")
    await page.fill("[name=email]", email)
    await page.fill("[name=password]", "seventeen seats")
    await page.click("#register button")
    await page.wait_for_url("**/profile")
    await expect(page.locator("#unverified")).to_contain_text("not confirmed yet")
    await page.goto(await link_of(mailbox, email, "Welcome to Frontrow"))
    assert "#" not in page.url, "the link's token does not stay in the address"
    await page.click("#verify-email button")
    await expect(page.locator("h1")).to_have_text("Thank you")
    await page.goto("/profile")
    await expect(page.locator("#own-address")).to_have_text(email)
    await expect(page.locator("#unverified")).to_be_hidden()


async def test_a_forgotten_password_is_set_anew_by_keyboard_alone(
    visitor: Visitor, newcomer: Newcomer, mailbox: Mailbox
) -> None:
    page = await visitor()
    await page.goto("/log-in")
    await page.get_by_role("link", name="Forgot your password?").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/forgot-password")
    await expect(page.locator("#forgot-password button")).to_be_enabled()
    await page.keyboard.type(newcomer.email)
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text("Look into your mailbox")
    link = await link_of(mailbox, newcomer.email, "Set a new password")
    await page.goto(link)
    await expect(page.locator("#reset-password button")).to_be_enabled()
    await page.keyboard.type("battery staple")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/log-in")
    newcomer.password = "battery staple"
    await log_in(page, newcomer)
    await page.goto(link)
    await page.fill("[name=password]", "a third password")
    await page.click("#reset-password button")
    await expect(page.locator(".problem")).to_contain_text("This link has been used, or has run out.")


async def test_one_of_two_devices_is_logged_out_from_the_other(visitor: Visitor, newcomer: Newcomer) -> None:
    laptop, phone = await visitor(), await visitor(phone=True)
    await log_in(laptop, newcomer)
    await log_in(phone, newcomer)
    await laptop.reload()
    await expect(laptop.locator("#sessions li")).to_have_count(2)
    await laptop.locator("#sessions button").click()
    await expect(laptop.locator("#sessions li")).to_have_count(1)
    await phone.goto("/profile")
    await phone.wait_for_url("**/log-in?next=%2Fprofile")
    await laptop.click("#end-all")
    await laptop.wait_for_url("**/log-in")
    await laptop.goto("/bookings")
    await laptop.wait_for_url("**/log-in?next=%2Fbookings")


async def test_name_and_password_are_changed_and_log_ins_are_shown(visitor: Visitor, newcomer: Newcomer) -> None:
    await newcomer.try_to_log_in("wrong horse")
    page = await visitor()
    await log_in(page, newcomer)
    await page.fill("#own-name [name=name]", "Asha R.")
    await page.click("#own-name button")
    await expect(page.locator("#own-name .done")).to_have_text("Saved.")
    await expect(page.locator(".who")).to_have_text("Asha R.")
    await page.fill("#own-password [name=password]", "not mine")
    await page.fill("#own-password [name=new_password]", "battery staple")
    await page.click("#own-password button")
    await expect(page.locator("#own-password .field-problem")).to_have_text("This is not your password")
    await page.fill("#own-password [name=password]", newcomer.password)
    await page.click("#own-password button")
    await expect(page.locator("#own-password .done")).to_have_text("Changed.")
    await expect(page.locator("#log-ins li")).to_have_count(2)
    await expect(page.locator("#log-ins .tag")).to_have_text("Failed")


@pytest.mark.parametrize("path", ["/log-in", "/register", "/forgot-password", "/reset-password", "/verify-email"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_a_page_for_visitors_has_no_barriers(visitor: Visitor, path: str, dark: bool) -> None:
    page = await visitor(phone=dark)
    await page.emulate_media(color_scheme="dark" if dark else "light")
    await page.goto(path)
    await expect(page.locator("form button").first).to_be_enabled()
    await no_barriers(page)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_the_profile_has_no_barriers(visitor: Visitor, newcomer: Newcomer, dark: bool) -> None:
    page = await visitor(phone=dark)
    await page.emulate_media(color_scheme="dark" if dark else "light")
    await log_in(page, newcomer)
    await no_barriers(page)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_no_page_calls_a_route_that_does_not_exist(
    visitor: Visitor, newcomer: Newcomer, http: Any, edge_url: str
) -> None:
    """A page calling a route that does not exist: every call that the scripts name is in the API's description."""
    described = (await http.get(f"{edge_url}/openapi.json")).json()["paths"]
    shapes = {re.sub(r"{\w+}", "*", path) for path in described}
    scripts = (
        "account_form",
        "forgot_password",
        "reset_password",
        "verify_email",
        "profile",
        "log_in",
        "register",
        "shop",
        "api",
    )
    for script in scripts:
        text = (await http.get(f"{edge_url}/static/js/{script}.js")).text
        for path in re.findall(r"[\"`](/v1/[^\"`?]*?)(?:\?[^\"`]*|\$\{cursor[^`]*)?[\"`]", text):
            shape = re.sub(r"\$\{[^}]*\}", "*", path)
            assert path.endswith("/") or shape in shapes, f"{script}.js asks {path}"


async def test_a_visitor_s_profile_leads_to_the_log_in(visitor: Visitor) -> None:
    page = await visitor()
    await page.goto("/profile")
    await page.wait_for_url("**/log-in?next=%2Fprofile")


@pytest.mark.parametrize("title", ["Google", "GitHub"])
async def test_logging_in_elsewhere_by_page(visitor: Visitor, title: str) -> None:
    page = await visitor()
    email = f"asha-{uuid.uuid4().hex}@example.com"
    await page.goto("/log-in?next=/profile")
    await page.get_by_role("link", name=f"Continue with {title}").click()
    await page.fill("[name=email]", email)
    await page.get_by_role("button", name="Continue to Frontrow").click()
    await page.wait_for_url("**/profile")
    await expect(page.locator("#own-address")).to_have_text(email)
    await expect(page.locator("#log-ins")).to_contain_text(f"with {title}")
    async with page.expect_navigation():
        await page.click("#log-out")
    await page.goto("/log-in")
    await page.get_by_role("link", name=f"Continue with {title}").click()
    await page.get_by_role("button", name="Refuse").click()
    await expect(page.locator(".problem")).to_contain_text("You were not logged in there.")
    await no_barriers(page)


async def test_the_data_is_downloaded_and_the_account_erased_by_page(visitor: Visitor, newcomer: Newcomer) -> None:
    page = await visitor()
    await log_in(page, newcomer)
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Download my data").click()
    found = await (await download.value).path()
    assert newcomer.email in found.read_text()
    await page.fill("#erase [name=password]", newcomer.password)
    await page.click("#erase button")
    await expect(page.locator("#erase .field-problem")).to_be_visible()
    await page.check("#erase [name=sure]")
    await page.click("#erase button")
    await page.wait_for_url(lambda url: url.endswith("/"))
    await expect(page.locator("#account .visitor")).to_be_visible()
    assert (await newcomer.try_to_log_in()).status_code == 401
