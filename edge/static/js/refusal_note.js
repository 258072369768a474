/* A refusal in the buyer's words, with what could be done instead, one click away. */
import { make } from "./element.js";
import { exactly } from "./words.js";

/** `offers`: what the page can do: take(seats), apart(), fewer(left), again(). Each is left out where it makes no sense. */
export function refusalNote(problem, { wish, seatsOf, currency, take, apart, fewer, again }) {
  const kind = problem.type.split("/").at(-1);
  const buttons = [];
  let more = "";
  if (kind === "seat-taken") {
    const instead = seatsOf(problem.alternatives ?? []);
    const gone = seatsOf(problem.taken ?? []);
    if (gone.length) more = `Gone: ${gone.map(name).join(", ")}.`;
    if (instead.length && instead.length === wish.seats.length) buttons.push(button(`Hold ${instead.map(name).join(" and ")} instead`, () => take(instead)));
  }
  if (kind === "not-together") buttons.push(button("Take seats apart", apart));
  if (kind === "sold-out" && problem.left > 0 && wish.quantity > problem.left) buttons.push(button(`Take the last ${problem.left}`, () => fewer(problem.left)));
  if (kind === "limit-reached" && problem.of?.startsWith("live-holds")) buttons.push(make("a", { class: "button plain", href: "/bookings" }, "My bookings"));
  if (kind === "not-in-time") buttons.push(button("Ask again", again));
  if (kind === "wallet-too-low") more = `There is ${exactly({ amount: problem.balance, currency })} in it.`;
  return make("div", { class: "refusal", role: "alert" },
    make("p", {}, make("b", {}, `${problem.title}. `), problem.detail, more && ` ${more}`),
    buttons.length > 0 && make("div", { class: "actions" }, buttons));
}

export function name(seat) {
  return `${seat.row}-${seat.label}`;
}

function button(text, onclick) {
  return make("button", { type: "button", class: "button", onclick }, text);
}
