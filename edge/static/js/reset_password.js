/* The page that a letter's link for a new password leads to: the link's token is in the address's fragment. */
import { accountForm } from "./account_form.js";
import { ask, member } from "./api.js";

const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
accountForm(document.getElementById("reset-password"), async ({ password }) => {
  const answer = await ask("POST", "/v1/auth/password-reset/confirm", { token: token || "none", password });
  if (answer.ok) member.forget();
  return answer;
});
