/* How money, moments and counts are written. */

/** `{amount, currency}` in minor units, as people write it. */
export function money({ amount, currency }) {
  if (amount === 0) return "Free";
  return exactly({ amount, currency });
}

/** Whom a seat is kept for, as it is read out after its name. */
export function keptAs({ accessible, companion }) {
  if (accessible) return ", wheelchair place";
  return companion ? ", a companion's place" : "";
}

/** The same, where a zero is a zero. */
export function exactly({ amount, currency }) {
  const format = new Intl.NumberFormat("en-IN", { style: "currency", currency });
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

/** A moment on the clock of that time zone (the reader's own without one). */
export function moment(text, timeZone) {
  const format = { weekday: "short", day: "numeric", month: "long", hour: "numeric", minute: "2-digit", hour12: true, timeZone };
  return capitals(new Date(text).toLocaleString("en-IN", format));
}

export function hour(text) {
  return capitals(new Date(text).toLocaleTimeString("en-IN", { hour: "numeric", minute: "2-digit", second: "2-digit", hour12: true }));
}

export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en-IN")} ${number === 1 ? one : many}`;
}

/** `4:05` from seconds. */
export function minutes(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function capitals(text) {
  return text.replace(/\b[ap]m\b/, (half) => half.toUpperCase());
}
