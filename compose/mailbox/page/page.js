// The mailbox page: a list that looks for new letters every two seconds, and the letter that was chosen.
// Whatever a letter says is set as text; its HTML is shown only inside a sandboxed frame.
"use strict";

const REFRESH_MS = 2000;
const PAGE_SIZE = 100;
const at = (id) => document.getElementById(id);
const made = (tag, className, text) => {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
};

let letters = [];
let shown = null; // the open letter's id
let view = "html";
let round = 0; // answers to an older search are dropped
let atTheEnd = false; // "older" has reached the oldest letter

const chosen = () => decodeURIComponent(location.hash.replace(/^#\/?/, ""));
const size = (bytes) => (bytes < 1000 ? `${bytes} bytes` : bytes < 1e6 ? `${Math.round(bytes / 1000)} KB` : `${(bytes / 1e6).toFixed(1)} MB`);
const time = (moment) => {
  const date = new Date(moment);
  const today = date.toDateString() === new Date().toDateString();
  return date.toLocaleString([], today ? { hour: "2-digit", minute: "2-digit", second: "2-digit" } : { dateStyle: "medium", timeStyle: "short" });
};

async function fetched(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

function listPath(before) {
  const words = encodeURIComponent(at("search").value.trim());
  return `/api/messages?brief=true&limit=${PAGE_SIZE}&q=${words}` + (before ? `&before=${before}` : "");
}

async function refresh() {
  const mine = ++round;
  try {
    const [fresh, health] = await Promise.all([fetched(listPath()), fetched("/health")]);
    if (mine !== round) return;
    // letters fetched by "older" stay below the fresh ones
    const oldest = fresh.length === PAGE_SIZE ? fresh[fresh.length - 1].id : "";
    const next = [...fresh, ...letters.filter((letter) => oldest && letter.id < oldest)];
    at("count").textContent = health.messages === 1 ? "1 letter" : `${health.messages.toLocaleString()} letters`;
    if (next.map((letter) => letter.id).join() !== letters.map((letter) => letter.id).join() || !at("letters").children.length) {
      letters = next;
      drawList();
    }
  } catch {
    if (mine === round) at("count").textContent = "The mailbox does not answer; still trying.";
  }
}

function drawList() {
  const items = letters.map((letter) => {
    const link = document.createElement("a");
    link.href = `#/${letter.id}`;
    const head = made("div", "head", "");
    const when = made("time", "", time(letter.received_at));
    when.dateTime = letter.received_at;
    head.append(made("span", "to", letter.to), when);
    link.append(head, made("div", "subject", letter.subject || "(no subject)"), made("div", "snippet", letter.snippet));
    if (letter.attachments.length) link.append(made("div", "files", "Attached: " + letter.attachments.map((file) => file.name).join(", ")));
    const item = document.createElement("li");
    item.append(link);
    return item;
  });
  at("letters").replaceChildren(...items);
  at("none").hidden = letters.length > 0;
  at("none").textContent = at("search").value.trim() ? "No letter matches." : "No letters yet. Everything that Frontrow sends arrives here.";
  at("older").hidden = atTheEnd || letters.length < PAGE_SIZE;
  markChosen();
}

function markChosen() {
  for (const link of at("letters").querySelectorAll("a")) {
    if (link.hash === `#/${shown}`) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

async function openChosen() {
  const id = chosen();
  document.body.classList.toggle("reading", Boolean(id));
  at("open").hidden = true;
  at("choose").hidden = false;
  at("choose").textContent = "Choose a letter to read it.";
  shown = id;
  markChosen();
  if (!id) return;
  try {
    const path = `/api/messages/${encodeURIComponent(id)}`;
    const letter = await fetched(path);
    if (shown !== id) return;
    at("subject").textContent = letter.subject || "(no subject)";
    at("sender").textContent = letter.sender;
    at("to").textContent = letter.to;
    at("received").textContent = new Date(letter.received_at).toLocaleString();
    at("text").textContent = letter.text || "(This letter has no text version.)";
    at("source").href = `${path}/source`;
    at("attachments").replaceChildren(
      ...letter.attachments.map((file) => {
        const link = made("a", "", file.name + " ");
        link.href = `${path}/attachments/${encodeURIComponent(file.name)}`;
        link.target = "_blank";
        link.rel = "noopener";
        link.append(made("small", "", size(file.size)));
        const item = document.createElement("li");
        item.append(link);
        return item;
      }),
    );
    at("html").src = `${path}/html`;
    setView(letter.html ? view : "text");
    at("choose").hidden = true;
    at("open").hidden = false;
  } catch {
    at("choose").textContent = "This letter is no longer here.";
  }
}

function setView(name) {
  at("html").hidden = name !== "html";
  at("text").hidden = name !== "text";
  for (const button of document.querySelectorAll("[data-view]")) {
    button.setAttribute("aria-pressed", String(button.dataset.view === name));
  }
}

for (const button of document.querySelectorAll("[data-view]")) {
  button.addEventListener("click", () => {
    view = button.dataset.view;
    setView(view);
  });
}
at("older").addEventListener("click", async () => {
  const older = await fetched(listPath(letters[letters.length - 1].id));
  letters = [...letters, ...older];
  atTheEnd = older.length < PAGE_SIZE;
  drawList();
});
at("search").addEventListener("input", () => {
  letters = [];
  atTheEnd = false;
  at("letters").replaceChildren();
  refresh();
});
window.addEventListener("hashchange", openChosen);
setInterval(() => document.hidden || refresh(), REFRESH_MS);
refresh();
openChosen();
