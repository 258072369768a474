/* On every page: who is logged in, and logging out. */
import { ask, member as remembered } from "./api.js";

const NOWHERE_TO_COME_BACK_TO = ["/", "/log-in", "/register", "/forgot-password", "/reset-password", "/verify-email"];
const account = document.getElementById("account");
const visitor = account.querySelector(".visitor");
const member = account.querySelector(".member");

function greet(user) {
  visitor.hidden = Boolean(user);
  member.hidden = !user;
  account.querySelector(".who").textContent = user ? user.name : "";
}

/** Who is logged in, or null. Asked once for each page; a visitor is not asked for. */
export const me = (async () => {
  const { name } = remembered;
  if (name === null) return null;
  greet({ name });
  const answer = await ask("GET", "/v1/me");
  if (answer.ok) {
    greet(answer.body);
    remembered.remember(answer.body.name);
    return answer.body;
  }
  if (answer.status !== 401) return { name, email: "" };
  greet(null);
  remembered.forget();
  return null;
})();

for (const link of account.querySelectorAll("[data-comes-back]")) {
  const here = location.pathname;
  if (!NOWHERE_TO_COME_BACK_TO.includes(here)) link.href += `?next=${encodeURIComponent(here)}`;
}

document.getElementById("log-out").addEventListener("click", async () => {
  await ask("POST", "/v1/auth/logout", {});
  remembered.forget();
  location.assign("/");
});
