/* A show's page: pick seats on the map or let them be chosen, hold them, and pay, while the hall changes live. */
import { ask, logInPath, now, sentence } from "./api.js";
import { bestAvailable } from "./best_available.js";
import { bookingCard } from "./booking_card.js";
import { make, say } from "./element.js";
import { name, refusalNote } from "./refusal_note.js";
import { SeatList } from "./seat_list.js";
import { SeatMap } from "./seat_map.js";
import { drawSeats, onColoursChange, palette } from "./seat_marks.js";
import { followSeats } from "./seat_states.js";
import { me } from "./shop.js";
import { wishFor } from "./wish.js";
import { count, keptAs, money } from "./words.js";

const MOST_SEATS = 10;
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const STAGE_NAMES = { film: "Screen", match: "Pitch" };
const find = (id) => document.getElementById(id);
const page = find("show");
const { show: showId, title, currency } = page.dataset;
const maxSeats = Math.min(Number(page.dataset.maxSeats), MOST_SEATS);
let onSale = ["on_sale", "sold_out"].includes(page.dataset.status);
const narrow = matchMedia("(max-width: 60rem)");
const picksSlot = `frontrow.picks.${showId}`;

let sections = [];
let byId = new Map();
let picked = [];
let mine = new Set();
let asking = false;
let card = null;

const panel = find("panel");
const note = make("div", {});
const chosen = make("div", { class: "chosen" });
const ways = make("fieldset", {}, make("legend", {}, "Pay by"), make("div", { class: "ways" },
  way("razorpay", "Card, UPI or netbanking", true), way("wallet", "Wallet", false)));
const best = bestAvailable({ maxSeats, onAsk: (wish) => hold(wish) });
const map = new SeatMap(find("canvas"), {
  stageName: STAGE_NAMES[page.dataset.kind] ?? "Stage", lookOf, onPick: pick, priceOf: (section) => money(section.price),
  onArea: (section) => best.choose(section.id), onPoint: showTip, onCursor: (seat) => { find("seat-said").textContent = described(seat); },
});
const list = new SeatList(find("list"), { lookOf, onPick: pick });

function way(method, text, checked) {
  return make("label", { class: "plain-choice" }, make("input", { type: "radio", name: "way", value: method, checked }), text);
}

function lookOf(seat) {
  if (mine.has(seat.id)) return "yours";
  if (picked.includes(seat)) return "picked";
  return seat.state;
}

function described(seat) {
  const looks = { free: "free", held: "held by somebody", sold: "sold", blocked: "not for sale", picked: "picked", yours: "yours" };
  return `Row ${seat.row}, seat ${seat.label}, ${seat.section.name}, ${money(seat.section.price)}, ${looks[lookOf(seat)]}${keptAs(seat)}`;
}

function showTip(seat, x, y) {
  const tip = find("tip");
  tip.hidden = !seat;
  if (!seat) return;
  tip.textContent = described(seat);
  const { clientWidth: width, clientHeight: height } = find("map");
  const left = Math.min(Math.max(x - tip.offsetWidth / 2, 6), width - tip.offsetWidth - 6);
  const above = y - tip.offsetHeight - 16;
  tip.style.transform = `translate(${left}px, ${above > 4 ? above : Math.min(y + 20, height - tip.offsetHeight - 4)}px)`;
}

function pick(seat) {
  const look = lookOf(seat);
  if (card || asking) {
    say("You are holding seats already. Pay for them first.");
  } else if (look === "picked") {
    picked = picked.filter((one) => one !== seat);
    say(`${name(seat)} put back. ${total()}`);
  } else if (look !== "free") {
    say(described(seat));
  } else if (picked.length >= maxSeats) {
    tell(make("p", { class: "refusal", role: "alert" }, `A booking may have at most ${maxSeats} seats.`));
  } else {
    picked = [...picked, seat];
    note.replaceChildren();
    say(`${name(seat)} picked. ${total()}`);
  }
  drawChosen();
  drawSeatsOf([seat]);
}

function total() {
  const amount = picked.reduce((sum, seat) => sum + seat.section.price.amount, 0);
  return `${count(picked.length, "seat")}, ${money({ amount, currency })}`;
}

function drawSeatsOf(seats) {
  map.draw();
  list.draw(seats.map((seat) => seat.id));
}

function drawChosen() {
  if (card) return;
  const focused = chosen.contains(document.activeElement);
  document.body.classList.toggle("docked", picked.length > 0);
  if (!picked.length) {
    chosen.replaceChildren(make("h2", {}, "Choose your seats"), make("p", { class: "soft" }, onSale
      ? `Pick up to ${maxSeats} on the map, or let us find the best.` : "Seats cannot be held at the moment."));
    if (focused) find("canvas").focus();
    return;
  }
  chosen.replaceChildren(
    make("h2", {}, count(picked.length, "seat")),
    make("ul", { class: "lines" }, picked.map((seat) => make("li", {},
      make("span", {}, `Row ${seat.row}, seat ${seat.label}`, make("small", {}, seat.section.name)),
      make("span", { class: "sum" }, money(seat.section.price), " ", make("button", { type: "button", "aria-label": `Put back ${name(seat)}`, onclick: () => pick(seat) }, "×"))))),
    make("div", { class: "dock" },
      make("p", {}, make("span", { class: "soft" }, "Total"), make("b", {}, money({ amount: picked.reduce((sum, seat) => sum + seat.section.price.amount, 0), currency }))),
      make("button", { type: "button", class: "button full", id: "hold", disabled: asking || !onSale, onclick: () => hold({ seats: picked.map((seat) => seat.id) }) }, `Hold ${count(picked.length, "seat")}`)));
  if (focused) (chosen.querySelector(".lines button") ?? chosen.querySelector("button"))?.focus();
}

function drawPanel() {
  panel.replaceChildren(note, chosen);
  if (onSale) panel.append(make("p", { class: "or" }, "or"), best.element);
  if (onSale && sections.some((section) => section.price.amount > 0)) panel.append(ways);
  drawChosen();
}

function tell(...what) {
  note.replaceChildren(...what);
  if (what.length) note.scrollIntoView({ block: narrow.matches ? "center" : "nearest" });
}

async function hold(wish) {
  if (asking || card) return;
  if (!(await me)) {
    leaveForLogIn();
    return;
  }
  const method = ways.isConnected ? ways.querySelector(":checked").value : "razorpay";
  const whole = method === "wallet" ? { ...wish, payment: { method } } : wish;
  const focused = panel.contains(document.activeElement);
  asking = true;
  panel.inert = true;
  tell(make("div", { class: "status busy" }, make("span", { class: "sign", "aria-hidden": "true" }), make("p", {}, make("b", {}, "Asking for your seats"), make("span", { class: "soft" }, "First come, first served; this takes a moment."))));
  say("Asking for your seats");
  const outcome = await wishFor(showId, whole);
  asking = false;
  panel.inert = false;
  tell();
  if (outcome.booking) await follow(outcome.booking);
  else answerNo(outcome, wish);
  if (focused) panel.focus({ preventScroll: true });
}

function answerNo(outcome, wish) {
  const again = () => hold(wish);
  if (outcome.kind === "log-in") {
    leaveForLogIn();
  } else if (outcome.kind === "refused") {
    const taken = new Set(outcome.problem.taken ?? []);
    picked = picked.filter((seat) => !taken.has(seat.id));
    tell(refusalNote(outcome.problem, {
      wish, currency, again, seatsOf: (ids) => ids.map((id) => byId.get(id)).filter(Boolean),
      take: (seats) => { picked = seats; drawChosen(); map.draw(); list.draw(); hold({ seats: seats.map((seat) => seat.id) }); },
      apart: () => hold({ ...wish, together: undefined }),
      fewer: (left) => { best.set(left); hold({ ...wish, quantity: left, together: undefined }); },
    }));
  } else if (outcome.kind === "later") {
    waitFor(outcome.seconds, outcome.problem?.detail ?? "Please wait a moment.", again);
  } else if (outcome.kind === "unknown") {
    tell(make("div", { class: "refusal", role: "alert" }, make("p", {}, sentence(outcome.answer), " Asking again is safe: you get these seats once at most."),
      make("button", { type: "button", class: "button", onclick: again }, "Ask again")));
  } else {
    tell(make("p", { class: "problem", role: "alert" }, sentence(outcome.answer)));
  }
  drawChosen();
  map.draw();
  list.draw();
}

function waitFor(seconds, detail, again) {
  const button = make("button", { type: "button", class: "button", disabled: true, onclick: again });
  let left = Math.ceil(seconds);
  function tick() {
    button.textContent = left > 0 ? `Ask again in ${left} s` : "Ask again";
    button.disabled = left > 0;
    left -= 1;
    if (left >= -1 && (button.isConnected || left >= seconds - 2)) setTimeout(tick, 1000);
  }
  tell(make("div", { class: "refusal", role: "alert" }, make("p", {}, detail), button));
  tick();
}

function leaveForLogIn() {
  sessionStorage.setItem(picksSlot, JSON.stringify(picked.map((seat) => seat.id)));
  location.assign(logInPath());
}

function restorePicks() {
  const ids = JSON.parse(sessionStorage.getItem(picksSlot) ?? "[]");
  sessionStorage.removeItem(picksSlot);
  if (!card) picked = ids.map((id) => byId.get(id)).filter((seat) => seat?.state === "free").slice(0, maxSeats);
}

async function follow(booking) {
  picked = [];
  document.body.classList.remove("docked");
  const place = make("div", {});
  panel.replaceChildren(place);
  card = bookingCard(place, booking, {
    title, origin: page.dataset.razorpay, user: await me, holdSeconds: Number(page.dataset.holdSeconds), onChange: own,
    back: { text: "Back to the seats", more: "Book more seats", go: chooseAgain },
    onProblem: (answer) => { if (answer.status === 401) leaveForLogIn(); },
  });
  if (narrow.matches) panel.scrollIntoView({ block: "start", behavior: "smooth" });
}

function own(booking) {
  for (const seat of booking.seats) {
    if (["held", "confirmed"].includes(booking.status)) mine.add(seat.id);
    else mine.delete(seat.id);
  }
  if (booking.status === "refused" && booking.refusal) {
    card?.stop();
    chooseAgain();
    answerNo({ kind: "refused", problem: booking.refusal }, { seats: [] });
    return;
  }
  map.draw();
  list.draw();
}

function chooseAgain(booking) {
  card = null;
  const again = booking && booking.status !== "confirmed" ? booking.seats : [];
  picked = again.map((seat) => byId.get(seat.id)).filter((seat) => seat?.state === "free");
  tell();
  drawPanel();
  find("canvas").focus({ preventScroll: true });
}

/** Who waits for the sale to open need not reload: the page opens by itself. */
function openInTime() {
  const wait = Date.parse(page.dataset.saleOpens) - now();
  if (page.dataset.status !== "scheduled" || wait > LONGEST_TIMER_MS) return;
  setTimeout(() => {
    onSale = true;
    find("opens")?.remove();
    say("The sale has opened.");
    if (!card) drawPanel();
  }, Math.max(wait, 0));
}

/** Whoever comes back finds their hold again, and their seats marked. */
async function findOwn() {
  if (!(await me)) return;
  const answer = await ask("GET", "/v1/bookings?limit=50");
  if (!answer.ok) return;
  const here = answer.body.items.filter((booking) => booking.show_id === showId);
  for (const booking of here) if (["held", "confirmed"].includes(booking.status)) booking.seats.forEach((seat) => mine.add(seat.id));
  const open = here.find((booking) => ["queued", "held"].includes(booking.status));
  if (open && !card && !asking) await follow(open);
}

function seatsMoved(seats) {
  const lost = asking ? [] : picked.filter((seat) => seat.state !== "free" && !mine.has(seat.id));
  if (lost.length && !card) {
    picked = picked.filter((seat) => !lost.includes(seat));
    tell(make("p", { class: "refusal", role: "alert" }, `${lost.map(name).join(", ")} ${lost.length === 1 ? "has" : "have"} just gone to somebody else.`));
    drawChosen();
  }
  best.update(sections);
  drawSeatsOf(seats);
}

function drawLegend() {
  const colours = palette(sections);
  const mark = (look, colour) => {
    const canvas = make("canvas", { width: 54, height: 54, "aria-hidden": "true" });
    const pen = canvas.getContext("2d");
    pen.scale(3, 3);
    drawSeats(pen, [{}], look, colour, 14, () => [9, 9], colours);
    return canvas;
  };
  const seated = sections.filter((section) => section.rows.length);
  const tiers = colours.tiers.map((tier) => {
    const amounts = sections.filter((section) => section.tier === tier).map((section) => section.price.amount);
    const [least, most] = [Math.min(...amounts), Math.max(...amounts)];
    const price = money({ amount: least, currency }) + (most > least ? ` to ${money({ amount: most, currency })}` : "");
    return make("li", {}, mark("free", colours.tier.get(tier)), make("b", {}, tier), price);
  });
  const states = seated.length ? [["picked", "Picked"], ["yours", "Yours"], ["held", "Held by somebody"], ["sold", "Sold"]] : [];
  find("legend").replaceChildren(...tiers, ...states.map(([look, text]) => make("li", {}, mark(look), text)));
}

function seeAs(asList) {
  find("as-map").setAttribute("aria-pressed", String(!asList));
  find("as-list").setAttribute("aria-pressed", String(asList));
  find("map").hidden = asList;
  find("list").hidden = !asList;
  document.querySelector(".zoom").hidden = asList;
}

find("as-map").addEventListener("click", () => seeAs(false));
find("as-list").addEventListener("click", () => seeAs(true));
find("zoom-in").addEventListener("click", () => map.zoom(1.6, undefined, undefined, true));
find("zoom-out").addEventListener("click", () => map.zoom(1 / 1.6, undefined, undefined, true));
find("zoom-all").addEventListener("click", () => map.showAll());
onColoursChange(() => { if (sections.length) drawLegend(); });
drawPanel();
openInTime();

followSeats(showId, {
  inTheMiddle: page.dataset.kind === "match",
  async onHall(hall, layout) {
    sections = hall.sections;
    byId = new Map(layout.seats.map((seat) => [seat.id, seat]));
    find("map-wait").hidden = true;
    map.show(layout);
    list.show(sections, layout.seats);
    best.update(sections);
    drawLegend();
    await findOwn();
    restorePicks();
    if (!card) drawPanel();
    map.draw();
    list.draw();
  },
  onChange: seatsMoved,
  onLive(runs) {
    find("live").classList.toggle("on", runs);
    find("live-text").textContent = runs ? "Live" : "Reconnecting…";
  },
  onProblem(answer) {
    find("map-wait").hidden = false;
    find("map-wait").textContent = `${sentence(answer)} Trying again…`;
  },
});
