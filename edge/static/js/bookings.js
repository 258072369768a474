/* The buyer's bookings, newest first. */
import { ask, logInPath, sentence } from "./api.js";
import { describe } from "./booking_states.js";
import { make } from "./element.js";
import { me } from "./shop.js";
import { count, money, moment } from "./words.js";

const PER_PAGE = 20;
const list = document.getElementById("bookings");
const more = document.getElementById("more");
const shows = new Map();
let cursor = null;

async function load() {
  more.disabled = true;
  const answer = await ask("GET", `/v1/bookings?limit=${PER_PAGE}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
  more.disabled = false;
  list.removeAttribute("aria-busy");
  if (answer.status === 401) {
    location.replace(logInPath());
    return;
  }
  if (!answer.ok) {
    if (!cursor) list.replaceChildren();
    list.querySelector(".problem")?.remove();
    list.append(make("p", { class: "problem", role: "alert" }, sentence(answer), " ", make("button", { type: "button", class: "quiet", onclick: load }, "Try again")));
    return;
  }
  const { items, next_cursor: next } = answer.body;
  await Promise.all([...new Set(items.map((booking) => booking.show_id))].map(learn));
  if (!cursor) list.replaceChildren();
  list.querySelector(".problem")?.remove();
  list.append(...items.map(line));
  if (!list.children.length) list.append(nothing());
  cursor = next;
  more.hidden = !next;
}

async function learn(id) {
  if (shows.has(id)) return;
  const answer = await ask("GET", `/v1/shows/${id}`);
  if (answer.ok) shows.set(id, answer.body);
}

function line(booking) {
  const show = shows.get(booking.show_id);
  const { name, tone } = describe(booking);
  const facts = [booking.seats.length && count(booking.seats.length, "seat"), booking.amounts && money(booking.amounts.total), booking.code];
  return make("article", { class: "booking-line" },
    make("div", { class: "grow" },
      make("h2", {}, make("a", { href: `/bookings/${booking.id}` }, show?.event.title ?? `Booking ${booking.code}`)),
      show && make("p", { class: "soft" }, `${moment(show.starts_at, show.venue.time_zone)} · ${show.venue.name}, ${show.venue.city}`),
      make("p", { class: "soft" }, facts.filter(Boolean).join(" · "))),
    make("span", { class: `tag ${tone === "busy" ? "waiting" : tone}` }, name));
}

function nothing() {
  return make("div", { class: "empty" }, make("h2", {}, "No bookings yet"), make("p", {}, "What you book will be here, with its tickets."),
    make("p", {}, make("a", { class: "button", href: "/" }, "See what’s on")));
}

more.addEventListener("click", load);
if (await me) load();
else location.replace(logInPath());
