/* The profile: name, password, the devices that are logged in, and every log-in there was. */
import { accountForm } from "./account_form.js";
import { ask, logInPath, member, sentence } from "./api.js";
import { make, say } from "./element.js";
import { me } from "./shop.js";
import { moment } from "./words.js";

const METHODS = { password: "with the password", google: "with Google", github: "with GitHub" };
const byId = (id) => document.getElementById(id);
let cursor = null;

async function listSessions() {
  const answer = await ask("GET", "/v1/me/sessions");
  if (!answer.ok) return byId("sessions").replaceChildren(failed(answer));
  byId("sessions").replaceChildren(...answer.body.items.map((session) => make("li", {},
    make("span", {}, session.device || "Unknown device", make("small", {}, `${session.address} · last seen ${moment(session.seen_at)}`)),
    session.current ? make("span", { class: "tag good" }, "This device")
      : make("button", { type: "button", class: "quiet", "aria-label": `Log out on ${session.device}`, onclick: () => end(session) }, "Log out"))));
}

async function end(session) {
  const answer = await ask("DELETE", `/v1/me/sessions/${session.id}`);
  say(answer.ok || answer.status === 404 ? `${session.device} is logged out.` : sentence(answer));
  await listSessions();
  byId("end-all").focus();
}

async function listLogIns() {
  const answer = await ask("GET", `/v1/me/logins?limit=10${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
  if (!answer.ok) return byId("log-ins").append(failed(answer));
  byId("log-ins").append(...answer.body.items.map((one) => make("li", {},
    make("span", {}, moment(one.at), make("small", {}, `${one.device} · ${one.address} · ${METHODS[one.method] ?? one.method}`)),
    one.succeeded ? null : make("span", { class: "tag failed" }, "Failed"))));
  cursor = answer.body.next_cursor;
  byId("more-log-ins").hidden = !cursor;
}

const ROLES = { owner: "as an owner", manager: "as a manager", "box-office": "for the box office", scanner: "as a scanner" };

async function listInvitations() {
  const answer = await ask("GET", "/v1/me/invitations?limit=100");
  const found = answer.ok ? answer.body.items : [];
  byId("invitations").hidden = found.length === 0;
  byId("own-invitations").replaceChildren(...found.map((one) => make("li", {},
    make("span", {}, one.legal_name, make("small", {}, `invites you to act for it, ${ROLES[one.role] ?? one.role}, until ${moment(one.expires_at)}`)),
    make("span", {},
      make("button", { type: "button", class: "button", "aria-label": `Accept the invitation of ${one.legal_name}`, onclick: () => reply(ask("POST", `/v1/me/invitations/${one.id}/accept`), `You act for ${one.legal_name} now.`) }, "Accept"), " ",
      make("button", { type: "button", class: "quiet", "aria-label": `Decline the invitation of ${one.legal_name}`, onclick: () => reply(ask("DELETE", `/v1/me/invitations/${one.id}`), "Declined.") }, "Decline")))));
}

async function reply(asked, text) {
  const answer = await asked;
  say(answer.ok ? text : sentence(answer));
  await listInvitations();
}

function failed(answer) {
  return make("li", { class: "bad" }, sentence(answer));
}

function done(form, text) {
  form.querySelector("button").disabled = false;
  form.querySelector(".done").textContent = text;
}

function begin(user) {
  byId("profile").hidden = false;
  byId("own-address").textContent = user.email;
  byId("own-name").elements.name.value = user.name;
  byId("own-password").elements.username.value = user.email;
  byId("unverified").hidden = user.email_verified !== false;
  accountForm(byId("own-name"), ({ name }) => ask("PATCH", "/v1/me", { name }), (answer) => {
    member.remember(answer.body.name);
    document.querySelector("#account .who").textContent = answer.body.name;
    done(byId("own-name"), "Saved.");
  });
  accountForm(byId("own-password"), ({ password, new_password }) => ask("POST", "/v1/me/password", password ? { password, new_password } : { new_password }), () => {
    byId("own-password").reset();
    byId("own-password").elements.username.value = user.email;
    done(byId("own-password"), "Changed.");
    listSessions();
  });
  accountForm(byId("erase"), ({ password }) => ask("DELETE", "/v1/me", password ? { password } : {}), () => {
    member.forget();
    location.assign("/");
  });
  listSessions();
  listLogIns();
  listInvitations();
}

byId("more-log-ins").addEventListener("click", listLogIns);
byId("end-all").addEventListener("click", async () => {
  const answer = await ask("DELETE", "/v1/me/sessions");
  if (!answer.ok) return say(sentence(answer));
  member.forget();
  location.assign("/log-in");
});
byId("verify-again").addEventListener("click", async () => {
  const answer = await ask("POST", "/v1/me/verification");
  byId("unverified").textContent = answer.ok ? "A letter is on its way. Look into your mailbox." : sentence(answer);
});

const user = await me;
if (user) begin(user);
else location.replace(logInPath());
