/* Asking the API: the cookie says who asks, and an access token that has run out is renewed once. */

const REQUEST_LIMIT_MS = 20000;
const MEMBER = "frontrow.member";
let skewMs = 0;
let renewing = null;

/** The name of who logged in here last; null for a visitor. The cookie itself is hidden from scripts. */
export const member = {
  get name() { return localStorage.getItem(MEMBER); },
  remember(name) { localStorage.setItem(MEMBER, name); },
  forget() { localStorage.removeItem(MEMBER); sessionStorage.clear(); },
};

/** `{ok, status, body, retryAfter}`; status 0 means that nothing was heard. It never throws. */
export async function ask(method, path, body, headers = {}) {
  const answer = await once(method, path, body, headers);
  if (answer.status !== 401 || path.startsWith("/v1/auth/") || member.name === null) return answer;
  renewing ??= inTurn(renew).finally(() => { renewing = null; });
  return (await renewing) ? once(method, path, body, headers) : answer;
}

/** Whether there is something at this address, without reading it. */
export async function isThere(path) {
  try {
    const response = await fetch(path);
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

/** A refresh token is spent by its use: of several tabs one renews, and the others find it done. */
async function renew() {
  return (await once("GET", "/v1/me")).ok || (await once("POST", "/v1/auth/refresh", {})).ok;
}

function inTurn(work) {
  return navigator.locks ? navigator.locks.request("frontrow.renew", work) : work();
}

async function once(method, path, body, headers = {}) {
  const options = { method, headers: { Accept: "application/json", ...headers }, signal: AbortSignal.timeout(REQUEST_LIMIT_MS) };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  try {
    const response = await fetch(path, options);
    learnTime(response.headers.get("Date"));
    const text = await response.text();
    const retryAfter = Number(response.headers.get("Retry-After")) || 0;
    return { ok: response.ok, status: response.status, body: text ? JSON.parse(text) : null, retryAfter };
  } catch {
    return { ok: false, status: 0, body: null, retryAfter: 0 };
  }
}

/** A reader's clock may be wrong; holds end by the server's. Below two seconds nothing can be told from a header. */
function learnTime(date) {
  const apart = date ? Date.parse(date) - Date.now() : 0;
  if (Math.abs(apart) > 2000) skewMs = apart;
}

export function now() {
  return Date.now() + skewMs;
}

/** One sentence for people about what went wrong. */
export function sentence(answer) {
  if (answer.status === 0) return "Frontrow cannot be reached. Check your connection and try again.";
  if (answer.status === 503) return answer.body?.detail ?? "Frontrow is very busy. Please try again in a moment.";
  return answer.body?.detail ?? answer.body?.title ?? "This did not work. Please try again.";
}

/** Where to log in, and come back from. */
export function logInPath() {
  return `/log-in?next=${encodeURIComponent(location.pathname)}`;
}
