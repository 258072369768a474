/* A hold's time, running down: seen every second, spoken only now and then. */
import { now } from "./api.js";
import { make, say } from "./element.js";
import { minutes } from "./words.js";

const LATE_SECONDS = 60;
const SPOKEN_AT = new Set([120, 60, 30, 10]);

/** The clock as an element, ticking while it is in the page. `onEnd` is called once, and not for a time that was over
 *  before: drawing the page anew at the end makes another clock, which must not ask for that again. */
export function countdown(until, wholeSeconds, onEnd) {
  const output = make("output");
  const bar = make("progress", { max: wholeSeconds, "aria-hidden": "true" });
  const element = make("div", { class: "clock", role: "timer", "aria-label": "Time left to pay" }, make("p", {}, make("span", {}, "Time left to pay"), output), bar);
  const end = Date.parse(until);
  const over = end <= now();

  function tick() {
    const left = Math.max(0, Math.ceil((end - now()) / 1000));
    output.textContent = minutes(left);
    bar.value = left;
    element.classList.toggle("late", left <= LATE_SECONDS);
    if (SPOKEN_AT.has(left)) say(`${left} seconds left to pay`);
    if (left > 0) return;
    clearInterval(clock);
    if (!over) onEnd();
  }

  const clock = setInterval(() => { if (element.isConnected) tick(); else clearInterval(clock); }, 1000);
  queueMicrotask(tick);
  return element;
}
