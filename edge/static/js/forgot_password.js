/* The page for a forgotten password: what it says does not tell whether there is an account. */
import { accountForm } from "./account_form.js";
import { ask } from "./api.js";
import { make } from "./element.js";

const form = document.getElementById("forgot-password");
accountForm(form, (fields) => ask("POST", "/v1/auth/password-reset", fields), () => {
  const title = make("h1", { tabindex: "-1" }, "Look into your mailbox");
  form.replaceChildren(title, make("p", {}, "If there is an account with this address, a letter with a link is on its way."),
    make("p", { class: "soft" }, make("a", { href: "/log-in" }, "Back to log in")));
  title.focus();
});
