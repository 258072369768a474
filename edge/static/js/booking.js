/* A booking's own page: the card, the show it is for, and its timeline. */
import { ask, logInPath, sentence } from "./api.js";
import { bookingCard } from "./booking_card.js";
import { make } from "./element.js";
import { me } from "./shop.js";
import { hour, moment } from "./words.js";

const place = document.getElementById("booking");
const { booking: id, razorpay: origin } = place.dataset;
const EVENTS = {
  seats_held: "Your seats were held",
  payment_ready: "The payment was prepared",
  payment_refused: "The payment could not be prepared",
  attempt_failed: "An attempt to pay failed",
  method_chosen: "Another way to pay was chosen",
  money_authorized: "Your bank approved the payment",
  money_captured: "The money arrived",
  seats_confirmed: "Your seats were confirmed",
  tickets_issued: "The tickets were issued",
  pdf_made: "The tickets were printed as a PDF",
  letter_sent: "The letter with the tickets was sent",
  hold_expired: "The hold ran out",
  given_up: "The booking was given up",
  seats_released: "The seats went back on sale",
  seats_gone: "The seats were gone",
  money_refunded: "The money went back",
  refund_failed: "Sending the money back failed; it is tried again",
};

function gone(title, text, ...links) {
  place.replaceChildren(make("div", { class: "empty" }, make("h1", {}, title), make("p", {}, text), make("p", {}, links)));
}

async function begin() {
  const user = await me;
  if (!user) {
    location.replace(logInPath());
    return;
  }
  const found = await ask("GET", `/v1/bookings/${id}`);
  place.removeAttribute("aria-busy");
  if (found.status === 404) {
    gone("This booking is not here", "It does not exist, or it belongs to another account.", make("a", { class: "button", href: "/bookings" }, "My bookings"));
    return;
  }
  if (!found.ok) {
    gone("Not now", sentence(found), make("button", { type: "button", class: "button", onclick: () => location.reload() }, "Try again"));
    return;
  }
  const show = (await ask("GET", `/v1/shows/${found.body.show_id}`)).body;
  draw(found.body, show?.event ? show : null, user);
}

function draw(booking, show, user) {
  const title = show?.event.title ?? "Your booking";
  document.title = `${title} · Frontrow`;
  const card = make("div", { class: "paper" });
  const timeline = make("ol", { class: "timeline" });
  const story = make("section", { "aria-labelledby": "story", hidden: true }, make("h2", { id: "story" }, "What happened"), timeline);
  place.replaceChildren(
    make("header", { class: "booking-head" },
      make("h1", {}, show ? make("a", { href: `/events/${show.event.id}` }, title) : title),
      show && make("p", { class: "soft" }, `${moment(show.starts_at, show.venue.time_zone)} · ${show.venue.name}, ${show.hall}, ${show.venue.city}`)),
    card, story);
  const followed = bookingCard(card, booking, {
    title, origin, user, ownPage: true, holdSeconds: show?.hold_seconds ?? 300,
    back: { text: "Back to the seats", more: null, go: () => location.assign(`/shows/${booking.show_id}`) },
    onChange: () => tell(timeline, story),
  });
  takeUp(followed);
}

async function tell(timeline, story) {
  const answer = await ask("GET", `/v1/bookings/${id}/timeline`);
  if (!answer.ok || !answer.body.items.length) return;
  story.hidden = false;
  timeline.replaceChildren(...answer.body.items.map((item) => make("li", {},
    make("time", { datetime: item.at }, hour(item.at)), item.event in EVENTS ? EVENTS[item.event] : plain(item.event),
    item.reason && make("p", { class: "soft" }, item.reason.includes(" ") ? item.reason : plain(item.reason)))));
}

function plain(name) {
  const words = name.replaceAll(/[_-]/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Who paid on the provider's own page comes back with its answer in the address. */
function takeUp(followed) {
  const said = Object.fromEntries(new URLSearchParams(location.search));
  if (!said.razorpay_payment_id || !said.razorpay_signature) return;
  history.replaceState(null, "", location.pathname);
  followed.handOver(said);
}

begin();
