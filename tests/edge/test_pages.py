"""The shop in a real browser: a sale from registering to the ticket, others watching, and what may go wrong.

A page that logs a script error fails its test (see conftest.py).
"""

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from box_office import Buyers, Show, Shows
from playwright.async_api import Browser, Locator, Page, Route, expect

ARENA_SEATS = 14_000

Visitor = Callable[..., Awaitable[Page]]


async def open_show(page: Page, show: Show) -> None:
    await page.goto(f"/shows/{show.id}")
    await page.wait_for_selector("#map-wait", state="hidden")


def seat(page: Page, name: str) -> Locator:
    """The seat's button in the list, whatever its state is called."""
    row, _, label = name.partition("-")
    return page.get_by_role("button", name=re.compile(f"^Row {row}, seat {label}(,|$)"))


async def pick(page: Page, *names: str) -> None:
    await page.click("#as-list")
    for name in names:
        await seat(page, name).click()


async def test_a_visitor_registers_picks_pays_and_has_the_tickets(visitor: Visitor, show: Show, edge_url: str) -> None:
    page = await visitor()
    await open_show(page, show)
    await pick(page, "A-1", "A-2")
    await expect(page.locator(".dock")).to_contain_text("₹1,000.00")

    await page.click("#hold")
    await page.wait_for_url("**/log-in?next=*")
    await page.click("main a[href^='/register']")
    await page.fill("[name=name]", "Asha Rao")
    await page.fill("[name=email]", f"asha-{uuid.uuid4().hex}@example.com")
    await page.fill("[name=password]", "seventeen seats")
    await page.click("#register button")
    await page.wait_for_url(f"**/shows/{show.id}")
    await expect(page.locator(".chosen h2")).to_have_text("2 seats")

    await page.click("#hold")
    await expect(page.locator(".clock output")).to_contain_text(":")
    await page.click("[data-action=pay]")
    checkout = page.frame_locator("iframe[title=Checkout]")
    await checkout.get_by_role("button", name="Fail this attempt").click()
    await checkout.get_by_role("button", name="Pay ₹").click()
    await page.wait_for_selector("[data-status=confirmed]")

    link = await page.wait_for_selector("a[data-action=tickets]")
    assert link is not None
    pdf = await page.request.get(f"{edge_url}{await link.get_attribute('href')}")
    assert pdf.status == 200
    assert (await pdf.body()).startswith(b"%PDF-")

    await page.click("[data-action=open]")
    await expect(page.locator(".booking-card")).to_contain_text("You were number 1 in line")
    await expect(page.locator(".timeline")).to_contain_text("An attempt to pay failed")
    await page.goto("/bookings")
    await expect(page.locator(".booking-line")).to_contain_text("Confirmed")


async def test_others_see_a_hold_at_once_and_lose_the_seat_they_had_picked(
    visitor: Visitor, buyers: Buyers, show: Show
) -> None:
    page = await visitor(await buyers.make())
    await open_show(page, show)
    await pick(page, "A-3", "A-4")
    await (await buyers.make()).hold(show, show.seats[2])
    await expect(page.locator(".refusal")).to_have_text("A-3 has just gone to somebody else.")
    await expect(page.locator(".chosen h2")).to_have_text("1 seat")
    await expect(seat(page, "A-3")).to_have_attribute("aria-disabled", "true")


async def test_a_refusal_offers_other_seats_in_one_click(visitor: Visitor, buyers: Buyers, show: Show) -> None:
    page = await visitor(await buyers.make())
    await page.route("**/seats/stream*", lambda route: route.abort())
    await open_show(page, show)
    await pick(page, "A-5", "A-6")
    await (await buyers.make()).hold(show, show.seats[4])
    await page.click("#hold")
    await expect(page.locator(".refusal")).to_contain_text("Somebody was faster")
    await page.click(".refusal button")
    await page.wait_for_selector("[data-action=pay]")
    await expect(page.locator(".booking-card .lines li")).to_have_count(3)


async def test_a_hold_counts_down_expires_and_leads_back_to_the_seats(
    visitor: Visitor, buyers: Buyers, shows: Shows
) -> None:
    show = await shows.make(hold_seconds=20)
    page = await visitor(await buyers.make())
    await open_show(page, show)
    await page.get_by_role("button", name="Hold the best 2 seats").click()
    await page.wait_for_selector("[data-action=pay]")
    await page.wait_for_selector("[data-status=expired]")
    await page.click("[data-action=back]")
    await expect(page.get_by_role("button", name="Hold the best 2 seats")).to_be_enabled()


async def test_an_answer_that_the_stream_overtook_is_not_believed(visitor: Visitor, buyers: Buyers, show: Show) -> None:
    buyer = await buyers.make()
    held = await buyer.hold(show, show.seats[0])
    await buyer.until_payable(held["id"])
    page = await visitor(buyer)
    asked, overtaken = 0, asyncio.Event()

    async def answer_late(route: Route) -> None:
        nonlocal asked
        asked += 1
        answer = await route.fetch()
        if asked > 1:  # the first is what the page opens with
            await overtaken.wait()
        await route.fulfill(response=answer)

    await page.route(f"**/v1/bookings/{held['id']}", answer_late)
    await page.goto(f"/bookings/{held['id']}")
    await page.wait_for_selector("[data-action=pay]")
    assert (await buyer.ask("DELETE", f"/v1/bookings/{held['id']}")).status_code in (200, 202)
    await page.wait_for_selector("[data-status=cancelled]")
    async with page.expect_response(f"**/v1/bookings/{held['id']}"):
        overtaken.set()
    await page.wait_for_timeout(300)
    await expect(page.locator("[data-status=cancelled]")).to_be_visible()


async def test_a_hold_is_found_again_after_a_reload(visitor: Visitor, buyers: Buyers, show: Show) -> None:
    page = await visitor(await buyers.make())
    await open_show(page, show)
    await page.get_by_role("button", name="Hold the best 2 seats").click()
    await page.wait_for_selector("[data-action=pay]")
    await page.reload()
    await page.wait_for_selector("[data-action=pay]")


async def test_a_page_that_waits_for_the_sale_opens_by_itself(visitor: Visitor, buyers: Buyers, shows: Shows) -> None:
    show = await shows.make(opens_in=timedelta(seconds=6))
    page = await visitor(await buyers.make())
    await open_show(page, show)
    await expect(page.locator(".note")).to_contain_text("The sale opens on")
    await expect(page.locator(".chosen")).to_contain_text("Seats cannot be held at the moment.")
    await page.get_by_role("button", name="Hold the best 2 seats").click()
    await page.wait_for_selector("[data-action=pay]")


async def test_an_access_token_that_has_run_out_is_renewed_unseen(visitor: Visitor) -> None:
    page = await visitor()
    await page.goto("/register")
    await page.fill("[name=name]", "Asha Rao")
    await page.fill("[name=email]", f"asha-{uuid.uuid4().hex}@example.com")
    await page.fill("[name=password]", "seventeen seats")
    await page.click("#register button")
    await expect(page.locator(".who")).to_have_text("Asha Rao")
    await page.context.clear_cookies(name="frontrow_access")
    await page.goto("/bookings")
    await expect(page.locator(".empty h2")).to_have_text("No bookings yet")
    await page.click("#log-out")
    await expect(page.locator(".visitor")).to_be_visible()
    await page.goto("/bookings")
    await page.wait_for_url("**/log-in?next=%2Fbookings")


async def test_asking_again_after_silence_uses_the_same_key(visitor: Visitor, buyers: Buyers, show: Show) -> None:
    page = await visitor(await buyers.make())
    keys: list[str] = []

    async def lose_the_first(route: Route) -> None:
        if route.request.method == "POST":
            keys.append(route.request.headers["idempotency-key"])
        if route.request.method == "POST" and len(keys) == 1:
            await route.fulfill(status=503, headers={"Retry-After": "1"}, json={"detail": "Not known to be accepted."})
        else:
            await route.continue_()

    await page.route("**/v1/shows/*/bookings", lose_the_first)
    await open_show(page, show)
    await page.get_by_role("button", name="Hold the best 2 seats").click()
    await page.get_by_role("button", name="Ask again").click()
    await page.wait_for_selector("[data-action=pay]")
    assert keys[0] == keys[1]


async def test_a_wallet_that_holds_too_little_is_said(visitor: Visitor, buyers: Buyers, show: Show) -> None:
    page = await visitor(await buyers.make(wallet=100))
    await open_show(page, show)
    await page.get_by_label("Wallet").check()
    await page.get_by_role("button", name="Hold the best 2 seats").click()
    await expect(page.locator(".refusal, [data-status=failed]")).to_contain_text("The wallet holds too little")


async def test_a_wallet_pays_at_once(visitor: Visitor, buyers: Buyers, show: Show) -> None:
    page = await visitor(await buyers.make(wallet=200_000))
    await open_show(page, show)
    await page.get_by_label("Wallet").check()
    await page.get_by_role("button", name="Hold the best 2 seats").click()
    await page.wait_for_selector("[data-status=confirmed]")


async def test_standing_places_are_held_by_number(visitor: Visitor, buyers: Buyers, shows: Shows) -> None:
    show = await shows.make(seats=10, standing=30)
    page = await visitor(await buyers.make())
    await open_show(page, show)
    await page.get_by_role("radio", name="Floor").check()
    await page.get_by_role("button", name="One more").click()
    await page.get_by_role("button", name="Hold 3 places").click()
    await page.wait_for_selector("[data-action=pay]")
    await expect(page.locator(".booking-card .lines li", has_text="Standing place")).to_have_count(3)


async def test_the_map_is_used_by_keyboard_alone(visitor: Visitor, show: Show) -> None:
    page = await visitor()
    await open_show(page, show)
    await page.focus("#canvas")
    for key in ("ArrowRight", "ArrowDown", "ArrowRight", "Enter"):
        await page.keyboard.press(key)
    await expect(page.locator("#seat-said")).to_contain_text("Row B, seat 2")
    await expect(page.locator("#said")).to_contain_text("B-2 picked")
    await expect(page.locator(".chosen")).to_contain_text("Row B, seat 2")


async def test_a_finger_comes_nearer_first_and_then_picks(visitor: Visitor, shows: Shows) -> None:
    show = await shows.make(seats=1_200, per_row=40)
    page = await visitor(phone=True)
    await open_show(page, show)
    box = await page.locator("#canvas").bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await page.touchscreen.tap(*middle)
    await expect(page.locator(".chosen h2")).to_have_text("Choose your seats")
    await page.wait_for_timeout(400)
    for aside in (0, 12, 24, 36):
        await page.touchscreen.tap(middle[0] + aside, middle[1])
    await expect(page.locator(".chosen h2")).to_contain_text("seat")
    await expect(page.locator(".chosen .lines li").first).to_be_attached()


async def test_a_large_hall_is_drawn_and_listed_by_section(visitor: Visitor, shows: Shows) -> None:
    show = await shows.make(seats=ARENA_SEATS, per_row=140)
    page = await visitor()
    await open_show(page, show)
    for _ in range(6):
        await page.click("#zoom-in")
    await page.click("#zoom-all")
    await page.click("#as-list")
    await expect(page.locator(".seat-list button")).to_have_count(ARENA_SEATS)


@pytest.mark.parametrize("path", ["/nowhere", f"/shows/{uuid.uuid4()}", "/events/no-id", f"/events/{uuid.uuid4()}"])
async def test_an_address_that_leads_nowhere_has_a_page(visitor: Visitor, path: str) -> None:
    page = await visitor()
    answer = await page.goto(path)
    assert answer is not None
    assert answer.status == 404
    await expect(page.locator("h1")).to_have_text("There is no such seat in the house")


async def test_somebody_elses_booking_is_not_shown(visitor: Visitor, buyers: Buyers, show: Show) -> None:
    booking = await (await buyers.make()).hold(show, show.seats[0])
    page = await visitor(await buyers.make())
    await page.goto(f"/bookings/{booking['id']}")
    await expect(page.locator("h1")).to_have_text("This booking is not here")


async def test_what_is_on_can_be_searched_without_scripts(browser: Browser, edge_url: str, show: Show) -> None:
    context = await browser.new_context(base_url=edge_url, java_script_enabled=False)
    page = await context.new_page()
    await page.goto("/")
    assert await page.locator(".card").count() > 0
    title = await page.locator(".card h2").last.inner_text()
    await page.fill("[name=q]", title)
    await page.press("[name=q]", "Enter")
    await expect(page.locator(".card h2").first).to_have_text(title)
    await page.locator(".card h2 a").first.click()
    await expect(page.locator("h1")).to_have_text(title)
    for odd in ("/?q=%25", "/?after=nonsense", "/?kind=nonsense", "/?q=%00", f"/?after=x~{uuid.uuid4()}"):
        answer = await page.goto(odd)
        assert answer is not None
        assert answer.status == 200, odd
    await context.close()


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"]
)
async def test_log_in_comes_back_to_this_shop_only(visitor: Visitor, elsewhere: str) -> None:
    page = await visitor()
    await page.goto(f"/log-in?next={elsewhere}")
    assert await page.get_attribute("#log-in", "data-next") == "/"


async def test_a_wrong_password_is_said_in_a_sentence(visitor: Visitor) -> None:
    page = await visitor()
    await page.goto("/log-in")
    await page.fill("[name=email]", f"{uuid.uuid4().hex}@example.com")
    await page.fill("[name=password]", "not the password")
    await page.click("#log-in button")
    await expect(page.locator(".problem")).to_have_text("Address or password is wrong.")


async def test_no_page_is_wider_than_a_phone(visitor: Visitor, buyers: Buyers, show: Show) -> None:
    page = await visitor(await buyers.make(), phone=True)
    for path in ("/", "/log-in", "/register", "/bookings", "/nowhere", f"/shows/{show.id}"):
        await page.goto(path)
        await page.wait_for_timeout(300)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
