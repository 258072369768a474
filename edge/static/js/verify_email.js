/* The page that a letter's link to confirm an address leads to: the link's token is in the address's fragment. */
import { accountForm } from "./account_form.js";
import { ask } from "./api.js";
import { make } from "./element.js";

const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
const form = document.getElementById("verify-email");
accountForm(form, () => ask("POST", "/v1/auth/verify-email", { token: token || "none" }), () => {
  const title = make("h1", { tabindex: "-1" }, "Thank you");
  form.replaceChildren(title, make("p", {}, "Your address is confirmed."), make("p", {}, make("a", { class: "button", href: "/" }, "See what’s on")));
  title.focus();
});
