/* Following a booking: its stream, and asking now and then, in case the stream says nothing. */
import { ask } from "./api.js";
import { listen } from "./stream.js";

const ASK_WITHOUT_STREAM_MS = 1500;
const ASK_BESIDE_STREAM_MS = 15000;
const ENDED = new Set(["refused", "failed", "refunded"]);

/** `onBooking(booking)` with each state; `onProblem(answer)` when it cannot be read. Gives `{stop, look}`. */
export function followBooking(id, onBooking, onProblem = () => {}) {
  let streaming = false;
  let stopped = false;
  let clock = 0;
  let last = "";
  let asked = 0;
  let told = 0;

  function hear(booking) {
    const text = JSON.stringify(booking);
    if (stopped || text === last) return;
    last = text;
    onBooking(booking);
    if (ENDED.has(booking.status)) stop();
  }

  async function look() {
    clearTimeout(clock);
    if (stopped) return;
    if (!document.hidden) {
      asked += 1;
      const [mine, before] = [asked, told];
      const answer = await ask("GET", `/v1/bookings/${id}`);
      if (mine !== asked) return;
      if (told !== before) return look(); // the stream spoke meanwhile: this answer may be older, and would stay
      if (answer.ok) hear(answer.body);
      else onProblem(answer);
      if ([401, 404].includes(answer.status)) stop();
    }
    if (!stopped) clock = setTimeout(look, streaming ? ASK_BESIDE_STREAM_MS : ASK_WITHOUT_STREAM_MS);
  }

  function hearTold(booking) {
    told += 1;
    hear(booking);
  }

  const stream = listen(() => `/v1/bookings/${id}/stream`, { booking: hearTold }, (runs) => { streaming = runs; });

  function stop() {
    stopped = true;
    clearTimeout(clock);
    stream.stop();
  }

  look();
  return { stop, look };
}
