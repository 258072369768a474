/* The forms of accounts: send, say what is wrong beside its field, and then go on, mostly to where the visitor came from. */
import { ask, member, sentence } from "./api.js";
import { make } from "./element.js";

/** `steps(fields)` asks the API and gives the last answer; when that is good, `done(answer)`. */
export function accountForm(form, steps, done = () => location.assign(form.dataset.next)) {
  const button = form.querySelector("button");
  const problem = form.querySelector(".problem");
  button.disabled = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    clear(form, problem);
    const empty = [...form.querySelectorAll("input")].find((input) => !input.checkValidity());
    if (empty) {
      mark(empty, empty.validationMessage);
      empty.focus();
      return;
    }
    button.disabled = true;
    const answer = await steps(Object.fromEntries(new FormData(form)));
    if (answer.ok) {
      done(answer);
      return;
    }
    button.disabled = false;
    tell(form, problem, answer);
  });
}

export async function logIn({ email, password }) {
  const answer = await ask("POST", "/v1/auth/login", { email, password });
  if (answer.ok) member.remember("");
  return answer;
}

function tell(form, problem, answer) {
  const fields = (answer.body?.errors ?? []).map((error) => [form.elements[error.pointer?.slice(1)], error.detail]);
  const known = fields.filter(([input]) => input);
  known.forEach(([input, detail]) => mark(input, detail));
  if (known.length) {
    known[0][0].focus();
    return;
  }
  problem.textContent = answer.status === 429 && answer.retryAfter
    ? `That was tried too often. Please wait ${answer.retryAfter} seconds.` : sentence(answer);
  problem.hidden = false;
}

function mark(input, detail) {
  const id = `${input.name}-problem`;
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-errormessage", id);
  input.after(make("small", { class: "field-problem", id, role: "alert" }, detail));
}

function clear(form, problem) {
  problem.hidden = true;
  form.querySelectorAll(".field-problem").forEach((hint) => hint.remove());
  form.querySelectorAll("[aria-invalid]").forEach((input) => input.removeAttribute("aria-invalid"));
}
