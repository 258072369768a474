/* Asking the API: the cookie says who asks, and an access token that has run out is renewed once. */

const REQUEST_LIMIT_MS = 20000;
let skewMs = 0;
let renewing = null;

/** `{ok, status, body, retryAfter}`; status 0 means that nothing was heard. It never throws. */
export async function ask(method, path, body, headers = {}) {
  const answer = await once(method, path, body, headers);
  if (answer.status !== 401 || path.startsWith("/v1/auth/")) return answer;
  renewing ??= once("POST", "/v1/auth/refresh", {}).finally(() => { renewing = null; });
  return (await renewing).ok ? once(method, path, body, headers) : answer;
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
