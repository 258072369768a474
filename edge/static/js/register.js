/* The register page: a new account is logged in at once. */
import { accountForm, logIn } from "./account_form.js";
import { ask } from "./api.js";

accountForm(document.getElementById("register"), async (fields) => {
  const answer = await ask("POST", "/v1/auth/register", fields);
  return answer.ok ? logIn(fields) : answer;
});
