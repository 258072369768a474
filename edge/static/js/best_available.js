/* The form for those who let us choose: how many, where, and whether side by side. */
import { make } from "./element.js";
import { count, money } from "./words.js";

/** `{element, update(sections)}`; `onAsk(wish)` gets `{quantity, section_id?, together?}`. `choose(id)` picks a section. */
export function bestAvailable({ maxSeats, onAsk }) {
  const output = make("output", { "aria-live": "polite" }, String(Math.min(2, maxSeats)));
  const fewer = make("button", { type: "button", "aria-label": "One fewer", onclick: () => step(-1) }, "−");
  const more = make("button", { type: "button", "aria-label": "One more", onclick: () => step(1) }, "+");
  const together = make("input", { type: "checkbox", checked: true });
  const togetherLine = make("label", { class: "plain-choice" }, together, make("span", {}, "Only side by side"));
  const choices = make("div", { class: "choices" });
  const submit = make("button", { class: "button full plain" }, "Hold them");
  const element = make("form", { onsubmit: ask },
    make("fieldset", {}, make("legend", {}, "Best available"), choices,
      make("div", { class: "stepper" }, make("span", { id: "how-many" }, "How many"), make("span", { role: "group", "aria-labelledby": "how-many" }, fewer, output, more)),
      togetherLine),
    submit);
  let sections = [];
  let quantity = Math.min(2, maxSeats);

  function step(by) {
    quantity = Math.min(Math.max(quantity + by, 1), maxSeats);
    draw();
  }

  function chosen() {
    return sections.find((section) => section.id === element.elements.section?.value) ?? null;
  }

  function draw() {
    const section = chosen();
    const standing = section ? section.rows.length === 0 : sections.every((one) => one.rows.length === 0);
    output.textContent = String(quantity);
    fewer.disabled = quantity <= 1;
    more.disabled = quantity >= maxSeats;
    togetherLine.hidden = standing || quantity === 1;
    const price = section ? ` · ${money({ ...section.price, amount: section.price.amount * quantity })}` : "";
    submit.textContent = `Hold ${standing ? count(quantity, "place") : `the best ${quantity === 1 ? "seat" : `${quantity} seats`}`}${price}`;
  }

  function ask(event) {
    event.preventDefault();
    const section = chosen();
    onAsk({
      quantity,
      ...(section && { section_id: section.id }),
      ...(!togetherLine.hidden && together.checked && { together: true }),
    });
  }

  function choice(section, left) {
    const input = make("input", { type: "radio", name: "section", value: section?.id ?? "", disabled: left === 0, onchange: draw });
    const text = section
      ? make("span", { class: "grow" }, section.name, make("small", {}, left === 0 ? "Sold out" : `${section.rows.length ? "" : "Standing · "}${left.toLocaleString("en-IN")} left`))
      : make("span", { class: "grow" }, "Anywhere", make("small", {}, `${left.toLocaleString("en-IN")} left`));
    return make("label", { class: "choice" }, input, text, section && make("span", { class: "sum" }, money(section.price)));
  }

  return {
    element,
    update(next) {
      const before = element.elements.section?.value ?? "";
      const focused = choices.contains(document.activeElement) ? document.activeElement.value : null;
      const scrolled = choices.scrollTop;
      sections = next;
      const all = sections.reduce((sum, section) => sum + section.left, 0);
      choices.replaceChildren(...[sections.length > 1 && choice(null, all), ...sections.map((section) => choice(section, section.left))].filter(Boolean));
      const wanted = [...choices.querySelectorAll("input")];
      const now = wanted.find((input) => input.value === before && !input.disabled) ?? wanted.find((input) => !input.disabled);
      if (now) now.checked = true;
      if (focused !== null) wanted.find((input) => input.value === focused)?.focus({ preventScroll: true });
      choices.scrollTop = scrolled;
      submit.disabled = all === 0;
      draw();
    },
    choose(id) {
      const input = [...choices.querySelectorAll("input")].find((one) => one.value === id);
      if (!input || input.disabled) return;
      input.checked = true;
      draw();
      input.focus();
    },
    set(wanted) {
      quantity = Math.min(Math.max(wanted, 1), maxSeats);
      draw();
    },
  };
}
