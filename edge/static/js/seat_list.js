/* The same seats as a list: one section at a time, a table of rows, a button for each seat. */
import { make } from "./element.js";
import { keptAs, money } from "./words.js";

const LOOKS = { held: "held by somebody", sold: "sold", blocked: "not for sale", yours: "yours" };

export class SeatList {
  constructor(place, { lookOf, onPick }) {
    Object.assign(this, { place, lookOf, onPick, section: null, buttons: new Map() });
  }

  show(sections, seats) {
    const seated = sections.filter((section) => section.rows.length > 0);
    this.seats = seats;
    const current = seated.find((section) => section.id === this.section?.id) ?? seated[0];
    if (!current) {
      this.place.replaceChildren(make("p", { class: "soft" }, "This hall has standing places only. Choose how many beside it."));
      return;
    }
    const choose = make("select", { onchange: () => this.showSection(seated.find((section) => section.id === choose.value)) },
      seated.map((section) => make("option", { value: section.id, selected: section === current }, `${section.name}, ${money(section.price)}, ${section.left} left`)));
    this.table = make("table", {});
    this.place.replaceChildren(make("label", { class: "pick" }, "Section", choose), this.table);
    this.showSection(current);
  }

  showSection(section) {
    this.section = section;
    this.buttons.clear();
    const rows = new Map();
    for (const seat of this.seats) {
      if (seat.section !== section) continue;
      if (!rows.has(seat.rowIndex)) rows.set(seat.rowIndex, []);
      rows.get(seat.rowIndex).push(seat);
    }
    this.table.replaceChildren(make("caption", { class: "hidden" }, `Seats of ${section.name} by row`), make("tbody", {}, [...rows.values()].map((row) =>
      make("tr", {}, make("th", { scope: "row" }, `Row ${row[0].row}`), row.map((seat) => make("td", {}, this.button(seat)))))));
  }

  button(seat) {
    const button = make("button", { type: "button", onclick: () => { if (button.getAttribute("aria-disabled") !== "true") this.onPick(seat); } }, seat.label);
    this.buttons.set(seat.id, [button, seat]);
    this.mark(button, seat);
    return button;
  }

  mark(button, seat) {
    const look = this.lookOf(seat);
    button.setAttribute("aria-pressed", String(look === "picked"));
    button.setAttribute("aria-disabled", String(look in LOOKS));
    button.setAttribute("aria-label", `Row ${seat.row}, seat ${seat.label}${keptAs(seat)}${look in LOOKS ? `, ${LOOKS[look]}` : ""}`);
  }

  /** Look again at these seats, or at all. */
  draw(ids = this.buttons.keys()) {
    for (const id of ids) if (this.buttons.has(id)) this.mark(...this.buttons.get(id));
  }
}
