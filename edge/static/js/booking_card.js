/* One booking, live, with what its buyer can do next: the same card beside the seat map and on the booking's own page. */
import { ask, isThere, now, sentence } from "./api.js";
import { describe } from "./booking_states.js";
import { pay, verify } from "./checkout.js";
import { countdown } from "./countdown.js";
import { make, say } from "./element.js";
import { followBooking } from "./follow_booking.js";
import { freshKey } from "./wish.js";
import { exactly, money } from "./words.js";

const SIGNS = { good: "✓", failed: "!", waiting: "✓", busy: "", "": "·" };
const ASK_FOR_TICKETS_MS = 1500;
const ASK_FOR_TICKETS_TIMES = 40;
const VERIFY_TIMES = 4;
const VERIFY_AGAIN_MS = 1500;

/** Shows the booking in `place` and follows it. `options`: title, holdSeconds, origin, user, onChange, back {text, go}, ownPage. */
export function bookingCard(place, first, options) {
  let booking = null;
  let paid = false;
  let attempt = "";
  let opening = false;
  let ticketsMade = false;
  let walletKey = freshKey();

  function show(next) {
    const before = booking;
    booking = next;
    if (before?.status !== next.status) {
      const { headline, text } = describe(next, paid);
      say(`${headline}. ${text}`);
    }
    draw();
    if (next.status === "confirmed" && before?.status !== "confirmed") waitForTickets();
    options.onChange?.(next);
  }

  function draw() {
    const state = describe(booking, paid);
    const focused = document.activeElement?.dataset?.action;
    place.replaceChildren(make("div", { class: "booking-card", "data-status": booking.status },
      make("div", { class: `status ${state.tone}` },
        make("span", { class: "sign", "aria-hidden": "true" }, SIGNS[state.tone]),
        make("p", {}, make("b", {}, state.headline), make("span", { class: "soft" }, state.text))),
      booking.status === "held" && booking.held_until && !paid && countdown(booking.held_until, options.holdSeconds, timeIsUp),
      attempt && booking.status === "held" && !paid && make("p", { class: "problem", role: "alert" }, attempt),
      booking.seats.length > 0 && lines(booking),
      actions(),
      moneyBack(booking),
      make("p", { class: "fine" },
        "Booking ", make("span", { class: "code" }, booking.code),
        booking.place ? `. You were number ${booking.place.toLocaleString("en-IN")} in line.` : "")));
    if (focused) place.querySelector(`[data-action="${focused}"]`)?.focus();
  }

  function actions() {
    const buttons = [];
    const ready = booking.status === "held" && booking.payment?.method === "razorpay" && booking.payment.status === "ready";
    if (ready && !paid && Date.parse(booking.held_until) > now()) {
      buttons.push(make("button", { type: "button", class: "button full", "data-action": "pay", disabled: opening, onclick: payNow },
        `${attempt ? "Try again: pay" : "Pay"} ${money(booking.amounts.total)}`));
      buttons.push(make("button", { type: "button", class: "button plain", "data-action": "wallet", disabled: opening, onclick: payFromWallet }, "Pay from wallet"));
    }
    if (booking.status === "confirmed") {
      buttons.push(ticketsMade
        ? make("a", { class: "button", href: `/v1/bookings/${booking.id}/tickets.pdf`, target: "_blank", "data-action": "tickets" }, "Tickets (PDF)")
        : make("button", { type: "button", class: "button", disabled: true, "data-action": "tickets" }, "Making the tickets…"));
    }
    if (!options.ownPage && booking.status !== "queued") {
      buttons.push(make("a", { class: "button plain", href: `/bookings/${booking.id}`, "data-action": "open" }, "See the booking"));
    }
    if (options.back && ["expired", "failed", "refused", "cancelled", "refunded", "confirmed"].includes(booking.status)) {
      const text = booking.status === "confirmed" ? options.back.more : options.back.text;
      if (text) buttons.push(make("button", { type: "button", class: "button plain", "data-action": "back", onclick: () => { stop(); options.back.go(booking); } }, text));
    }
    return buttons.length > 0 && make("div", { class: "actions" }, buttons);
  }

  async function payNow() {
    opening = true;
    draw();
    const outcome = await pay(booking, { ...options, onAttempt: (text) => { attempt = `That attempt did not go through: ${text}`; } });
    opening = false;
    if (outcome.kind === "paid") {
      await handOver(outcome.fields);
    } else if (outcome.kind === "unavailable") {
      attempt = "The payment page does not answer. Your seats stay held; please try again.";
    } else if (outcome.kind === "timeout") {
      attempt = "The time to pay is over.";
    }
    draw();
    place.querySelector("[data-action]")?.focus({ preventScroll: true });
    followed.look();
  }

  async function payFromWallet() {
    opening = true;
    draw();
    const answer = await ask("POST", `/v1/bookings/${booking.id}/payment`, { method: "wallet" }, { "Idempotency-Key": walletKey });
    opening = false;
    if (answer.status !== 0 && answer.status < 500) walletKey = freshKey();
    const balance = answer.body?.balance;
    attempt = answer.ok ? "" : sentence(answer) + (balance === undefined ? "" : ` There is ${exactly({ ...booking.amounts.total, amount: balance })} in it.`);
    draw();
    followed.look();
  }

  async function handOver(fields) {
    paid = true;
    attempt = "";
    draw();
    say("Payment received. Your seats are being confirmed.");
    for (let turn = 0; turn < VERIFY_TIMES; turn += 1) {
      const answer = await verify(booking.id, fields);
      if (answer.ok) return;
      if (answer.status === 422) {
        paid = false;
        attempt = sentence(answer);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, VERIFY_AGAIN_MS));
    }
  }

  async function waitForTickets() {
    for (let turn = 0; turn < ASK_FOR_TICKETS_TIMES && booking.status === "confirmed"; turn += 1) {
      if (booking.tickets.length && await isThere(`/v1/bookings/${booking.id}/tickets.pdf`)) {
        ticketsMade = true;
        draw();
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, ASK_FOR_TICKETS_MS));
      if (!booking.tickets.length) followed.look();
    }
  }

  function timeIsUp() {
    draw();
    followed.look();
  }

  function stop() {
    followed.stop();
  }

  const followed = followBooking(first.id, show, (answer) => options.onProblem?.(answer));
  if (first.status) show(first);
  return { stop, handOver };
}

function lines({ seats, amounts }) {
  const gone = (seat) => seat.status === "cancelled" || seat.status === "released";
  const parts = amounts ? [["Discount", amounts.discount, -1], ["Fees", amounts.fees, 1], ["Tax", amounts.tax, 1]].filter(([, part]) => part.amount) : [];
  return make("ul", { class: "lines" },
    seats.map((seat) => make("li", {}, make("span", { class: gone(seat) && "gone" }, seatName(seat), make("small", {}, seat.section)), make("span", { class: "sum" }, money(seat.price)))),
    parts.map(([name, part, sign]) => make("li", {}, make("span", {}, name), make("span", { class: "sum" }, `${sign < 0 ? "−" : ""}${exactly(part)}`))),
    amounts && make("li", { class: "total" }, make("span", {}, "Total"), make("b", {}, money(amounts.total))));
}

function seatName(seat) {
  return seat.row ? `Row ${seat.row}, seat ${seat.label}` : "Standing place";
}

function moneyBack({ refunds }) {
  const states = { processed: "sent back", done: "sent back", pending: "on its way back", failed: "held up; we are looking into it" };
  return refunds.length > 0 && make("ul", { class: "lines" }, refunds.map((refund) => make("li", {},
    make("span", {}, `Refund to ${refund.to === "wallet" ? "your wallet" : "where you paid from"}`, make("small", {}, states[refund.status] ?? refund.status)),
    make("span", { class: "sum" }, exactly(refund.amount)))));
}
