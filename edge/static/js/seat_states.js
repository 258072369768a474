/* A show's seats as they are now: the map once, then what changes. */
import { ask } from "./api.js";
import { layOut } from "./seat_layout.js";
import { listen } from "./stream.js";

const AGAIN_MS = 3000;

/** `onHall(map, layout)` when it is drawn anew, `onChange(seats, left)` when something moves, `onLive(runs)`, `onProblem(answer)`. */
export async function followSeats(showId, { inTheMiddle, onHall, onChange, onLive, onProblem }) {
  let version = 0;
  let kept = "none";
  let byId = new Map();
  let sections = new Map();
  let plan = null;
  let stream = null;

  async function fetchMap() {
    const answer = await ask("GET", `/v1/shows/${showId}/seats`);
    if (!answer.ok) {
      onProblem(answer);
      setTimeout(fetchMap, AGAIN_MS);
      return;
    }
    if (plan) renew(answer.body);
    else begin(answer.body);
    version = answer.body.version;
    kept = answer.body.kept ?? "none";
    if (stream) stream.again();
    else stream = listen(() => `/v1/shows/${showId}/seats/stream?since=${version}&kept=${kept}`, { seats: hear, reset: fetchMap }, onLive);
  }

  function begin(map) {
    plan = layOut(map, inTheMiddle);
    byId = new Map(plan.seats.map((seat) => [seat.id, seat]));
    sections = new Map(map.sections.map((section) => [section.id, section]));
    onHall(map, plan);
  }

  function renew(map) {
    const left = Object.fromEntries(map.sections.map((section) => [section.id, section.left]));
    const changes = {};
    for (const section of map.sections) for (const row of section.rows) for (const seat of row.seats) changes[seat.id] = seat.state;
    apply(changes, left);
  }

  function hear(news) {
    if (news.version <= version) return;
    version = news.version;
    apply(news.changes, news.left);
  }

  function apply(changes, left) {
    const moved = [];
    for (const [id, state] of Object.entries(changes)) {
      const seat = byId.get(id);
      if (!seat || seat.state === state) continue;
      seat.state = state;
      moved.push(seat);
    }
    for (const [id, number] of Object.entries(left ?? {})) if (sections.has(id)) sections.get(id).left = number;
    onChange(moved, left ?? {});
  }

  await fetchMap();
}
