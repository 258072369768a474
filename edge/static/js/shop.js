/* On every page: who is logged in, and logging out. */
import { ask } from "./api.js";

const account = document.getElementById("account");
const visitor = account.querySelector(".visitor");
const member = account.querySelector(".member");

function greet(user) {
  visitor.hidden = Boolean(user);
  member.hidden = !user;
  account.querySelector(".who").textContent = user ? user.name : "";
}

/** Who is logged in, or null. Asked once for each page. */
export const me = (async () => {
  const remembered = sessionStorage.getItem("frontrow.name");
  if (remembered) greet({ name: remembered });
  const answer = await ask("GET", "/v1/me");
  if (answer.status !== 200 && answer.status !== 401 && remembered) return null;
  const user = answer.ok ? answer.body : null;
  greet(user);
  if (user) sessionStorage.setItem("frontrow.name", user.name);
  else sessionStorage.removeItem("frontrow.name");
  return user;
})();

for (const link of account.querySelectorAll("[data-comes-back]")) {
  const here = location.pathname;
  if (!["/", "/log-in", "/register"].includes(here)) link.href += `?next=${encodeURIComponent(here)}`;
}

document.getElementById("log-out").addEventListener("click", async () => {
  await ask("POST", "/v1/auth/logout", {});
  sessionStorage.clear();
  location.assign("/");
});
