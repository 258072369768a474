/* A wish for seats. Its key is kept until the wish is decided, so that asking again is the same booking, never a second. */
import { ask } from "./api.js";

const WAIT_SECONDS = 10;

/** What became of it: `{kind, booking?, problem?, seconds?}` with kind held, queued, refused, later, unknown, log-in or wrong. */
export async function wishFor(showId, wish) {
  const slot = `frontrow.wish.${showId}`;
  const headers = { "Idempotency-Key": keyOf(slot, wish), Prefer: `wait=${WAIT_SECONDS}` };
  const answer = await ask("POST", `/v1/shows/${showId}/bookings`, wish, headers);
  const outcome = read(answer);
  if (["held", "queued", "refused", "wrong"].includes(outcome.kind)) sessionStorage.removeItem(slot);
  return outcome;
}

/** The key of this very wish, if it was asked for and its answer was never heard; else a new one. */
function keyOf(slot, wish) {
  const body = JSON.stringify(wish);
  const open = JSON.parse(sessionStorage.getItem(slot) ?? "null");
  if (open?.body === body) return open.key;
  const key = freshKey();
  sessionStorage.setItem(slot, JSON.stringify({ body, key }));
  return key;
}

/** randomUUID exists on safe origins only; a shop on a phone in the same network has none. */
export function freshKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function read(answer) {
  const { status, body, retryAfter } = answer;
  if (status === 201) return { kind: "held", booking: body };
  if (status === 202) return { kind: "queued", booking: body };
  if (status === 409) return { kind: "refused", problem: body };
  if (status === 429) return { kind: "later", seconds: retryAfter || 5, problem: body };
  if (status === 401) return { kind: "log-in" };
  if (status === 0 || status >= 500) return { kind: "unknown", seconds: retryAfter || 2, answer };
  return { kind: "wrong", answer };
}
