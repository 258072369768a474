/* The hall as a picture on a canvas: seen whole or near, moved by mouse, fingers and keys. Only what is in sight is drawn. */
import { drawLabels, drawSeats, onColoursChange, palette } from "./seat_marks.js";

const SEAT_SIZE = 0.8;
const NEAREST_PX = 46;
const LARGEST_WHOLE_PX = 30;
/** Smaller seats are not picked but come nearer first: a finger needs more room than a mouse. */
const PICKED_FROM_PX = { mouse: 6, touch: 15, pen: 10 };
const NEAR_PX = { mouse: 22, touch: 32, pen: 26 };
const DRAG_PX = 6;
/** Farther away than this a name beside its section would lie on its neighbours. */
const ROOM_FOR_NAMES_PX = 10;
const MOVE_MS = 220;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const still = matchMedia("(prefers-reduced-motion: reduce)");

export class SeatMap {
  /** `lookOf(seat)` says how a seat looks; `onPick(seat)`, `onArea(section)`, `onPoint(seat, x, y)` and `onCursor(seat)` are told. */
  constructor(canvas, { stageName, lookOf, onPick, onArea, onPoint, onCursor, priceOf }) {
    Object.assign(this, { canvas, stageName, lookOf, onPick, onArea, onPoint, onCursor, priceOf });
    this.pen = canvas.getContext("2d");
    this.layout = null;
    this.cursor = null;
    this.fingers = new Map();
    this.view = { x: 0, y: 0, scale: 10 };
    new ResizeObserver(() => this.resize()).observe(canvas);
    onColoursChange(() => { this.colours = null; this.draw(); });
    this.listen();
  }

  /** Show this layout; where one looks stays the same when it is the same hall again. */
  show(layout) {
    const again = this.layout !== null;
    this.layout = layout;
    this.colours = null;
    if (this.cursor) this.cursor = layout.seats.find((seat) => seat.id === this.cursor.id) ?? null;
    this.resize();
    if (!again) this.view = this.whole();
    this.draw();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !this.layout) return;
    const wasWhole = !this.width || this.isWhole();
    const ratio = Math.min(devicePixelRatio || 1, 3);
    Object.assign(this, { width, height, ratio });
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    if (wasWhole) this.view = this.whole();
    this.paint();
  }

  whole() {
    const { left, right, top, bottom } = this.layout.bounds;
    const scale = Math.min(this.width / (right - left), this.height / (bottom - top), LARGEST_WHOLE_PX / SEAT_SIZE);
    return { x: (left + right) / 2, y: (top + bottom) / 2, scale };
  }

  isWhole() {
    return this.view.scale <= this.whole().scale * 1.02;
  }

  draw() {
    if (this.asked || !this.layout) return;
    this.asked = requestAnimationFrame(() => { this.asked = 0; this.paint(); });
  }

  paint() {
    if (!this.width) return;
    const { pen, view, layout } = this;
    this.colours ??= palette(layout.sections ?? [...new Set(layout.seats.map((seat) => seat.section)), ...layout.areas.map((area) => area.section)]);
    const colours = this.colours;
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    const place = (seat) => [(seat.x - view.x) * view.scale + this.width / 2, (seat.y - view.y) * view.scale + this.height / 2];
    this.paintStage(place);
    layout.areas.forEach((area) => this.paintArea(area, place));
    const size = view.scale * SEAT_SIZE;
    const [left, top] = this.at(0, 0);
    const [right, bottom] = this.at(this.width, this.height);
    const looks = new Map();
    for (const seat of layout.grid.within(left - 1, top - 1, right + 1, bottom + 1)) {
      const look = this.lookOf(seat);
      const key = look === "free" ? `free ${seat.section.tier}` : look;
      if (!looks.has(key)) looks.set(key, { look, seats: [] });
      looks.get(key).seats.push(seat);
    }
    const order = ["blocked", "sold", "held", "free", "yours", "picked"];
    for (const { look, seats } of [...looks.values()].sort((one, other) => order.indexOf(one.look) - order.indexOf(other.look))) {
      drawSeats(pen, seats, look, colours.tier.get(seats[0].section.tier), size, place, colours);
      if (look === "free" && size >= 11) drawLabels(pen, seats, size, place, colours);
    }
    if (size >= 13) this.paintRowNames(place, size);
    this.paintNames(place, size);
    if (this.cursor && this.canvas.matches(":focus-visible")) this.paintCursor(place(this.cursor), size);
    this.canvas.classList.toggle("zoomed", !this.isWhole());
  }

  paintStage(place) {
    const { stage } = this.layout;
    const { pen, colours } = this;
    const [x, y] = place(stage);
    const [width, height] = [stage.width * this.view.scale, stage.height * this.view.scale];
    pen.beginPath();
    if (stage.isFloor) {
      pen.roundRect(x, y, width, height, 6);
    } else {
      pen.moveTo(x + width * 0.04, y);
      pen.lineTo(x + width * 0.96, y);
      pen.lineTo(x + width, y + height * 0.72);
      pen.quadraticCurveTo(x + width / 2, y + height * 1.28, x, y + height * 0.72);
      pen.closePath();
    }
    pen.fillStyle = colours.hover;
    pen.fill();
    pen.strokeStyle = colours.line;
    pen.lineWidth = 1.5;
    pen.stroke();
    pen.fillStyle = colours.soft;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.font = `600 ${Math.max(9, Math.min(height * 0.42, 17))}px system-ui, sans-serif`;
    pen.letterSpacing = "0.18em";
    pen.fillText(this.stageName.toUpperCase(), x + width / 2, y + height * 0.5);
    pen.letterSpacing = "0px";
  }

  paintArea(area, place) {
    const { pen, colours } = this;
    const { section } = area;
    const [x, y] = place(area);
    const [width, height] = [area.width * this.view.scale, area.height * this.view.scale];
    const colour = section.left > 0 ? colours.tier.get(section.tier) : colours.line;
    pen.beginPath();
    pen.roundRect(x, y, width, height, Math.min(14, height / 4));
    pen.fillStyle = colour;
    pen.globalAlpha = 0.16;
    pen.fill();
    pen.globalAlpha = 1;
    pen.strokeStyle = colour;
    pen.lineWidth = 2;
    pen.stroke();
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillStyle = colours.ink;
    const text = Math.max(9, Math.min(height * 0.2, width * 0.07, 18));
    pen.font = `600 ${text}px system-ui, sans-serif`;
    pen.fillText(section.name, x + width / 2, y + height / 2 - text * 0.7, width * 0.94);
    pen.font = `${text * 0.86}px system-ui, sans-serif`;
    pen.fillStyle = colours.soft;
    const left = section.left > 0 ? `standing · ${section.left.toLocaleString("en-IN")} left · ${this.priceOf(section)}` : "sold out";
    pen.fillText(left, x + width / 2, y + height / 2 + text * 0.7, width * 0.94);
  }

  paintRowNames(place, size) {
    const { pen, colours } = this;
    pen.fillStyle = colours.soft;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.font = `${Math.min(Math.max(size * 0.5, 9), 14)}px system-ui, sans-serif`;
    for (const seat of this.layout.seats) {
      if (!seat.first) continue;
      const [x, y] = place(seat);
      if (x > -20 && y > -20 && x < this.width + 60 && y < this.height + 20) pen.fillText(seat.row, x - this.view.scale * 1.05, y);
    }
  }

  paintNames(place, size) {
    const { pen, colours } = this;
    const { names } = this.layout;
    if (names.length < 2) return;
    const shared = sharedStart(names.map((name) => name.section.name));
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    for (const name of names) {
      if (name.where === "on" || this.view.scale < ROOM_FOR_NAMES_PX) {
        if (size <= 12) this.paintBadge(name.section.name.slice(shared), ...place(name.middle));
        continue;
      }
      const [x, y] = place(name);
      pen.font = `600 ${Math.max(10, Math.min(this.view.scale * 0.95, 17))}px system-ui, sans-serif`;
      pen.fillStyle = colours.soft;
      pen.save();
      pen.translate(x, y);
      if (name.where === "beside") pen.rotate(-Math.PI / 2);
      pen.fillText(name.section.name, 0, 0);
      pen.restore();
    }
  }

  paintBadge(text, x, y) {
    const { pen, colours } = this;
    pen.font = "600 11px system-ui, sans-serif";
    const width = pen.measureText(text).width + 8;
    pen.fillStyle = colours.paper;
    pen.globalAlpha = 0.88;
    pen.beginPath();
    pen.roundRect(x - width / 2, y - 8, width, 16, 5);
    pen.fill();
    pen.globalAlpha = 1;
    pen.fillStyle = colours.ink;
    pen.fillText(text, x, y + 0.5);
  }

  paintCursor([x, y], size) {
    const { pen, colours } = this;
    const half = size / 2 + 4;
    for (const [colour, width] of [[colours.paper, 6], [colours.ink, 3]]) {
      pen.beginPath();
      pen.roundRect(x - half, y - half, half * 2, half * 2, 6);
      pen.strokeStyle = colour;
      pen.lineWidth = width;
      pen.stroke();
    }
  }

  /** The point of the hall under a point of the canvas. */
  at(x, y) {
    return [(x - this.width / 2) / this.view.scale + this.view.x, (y - this.height / 2) / this.view.scale + this.view.y];
  }

  seatAt(x, y) {
    const [hallX, hallY] = this.at(x, y);
    return this.layout.grid.near(hallX, hallY, 0.7)[0] ?? null;
  }

  areaAt(x, y) {
    const [hallX, hallY] = this.at(x, y);
    return this.layout.areas.find((area) => hallX >= area.x && hallX <= area.x + area.width && hallY >= area.y && hallY <= area.y + area.height) ?? null;
  }

  limit(view) {
    const whole = this.whole();
    const scale = Math.min(Math.max(view.scale, whole.scale), Math.max(NEAREST_PX / SEAT_SIZE, whole.scale));
    const { left, right, top, bottom } = this.layout.bounds;
    const keep = (value, from, to, sight) => (to - from <= sight ? (from + to) / 2 : Math.min(Math.max(value, from + sight / 2), to - sight / 2));
    return { scale, x: keep(view.x, left, right, this.width / scale), y: keep(view.y, top, bottom, this.height / scale) };
  }

  /** Nearer or farther by a factor, around a point of the canvas (its middle without one). */
  zoom(factor, x = this.width / 2, y = this.height / 2, slowly = false) {
    const [hallX, hallY] = this.at(x, y);
    const { scale } = this.limit({ ...this.view, scale: this.view.scale * factor });
    const goal = { scale, x: hallX - (x - this.width / 2) / scale, y: hallY - (y - this.height / 2) / scale };
    this.go(goal, slowly);
  }

  showAll() {
    this.go(this.whole(), true);
  }

  /** Bring a seat into sight, large enough to see. */
  reveal(seat, px = NEAR_PX.mouse) {
    const scale = Math.max(this.view.scale, px / SEAT_SIZE);
    const aside = Math.abs(seat.x - this.view.x) * scale > this.width * 0.42 || Math.abs(seat.y - this.view.y) * scale > this.height * 0.42;
    if (scale > this.view.scale || aside) this.go({ x: seat.x, y: seat.y, scale }, true);
    else this.draw();
  }

  go(goal, slowly) {
    cancelAnimationFrame(this.moving);
    const end = this.limit(goal);
    if (!slowly || still.matches) {
      this.view = end;
      this.draw();
      return;
    }
    const begin = { ...this.view };
    const began = performance.now();
    const step = (now) => {
      const done = Math.min(1, Math.max(0, now - began) / MOVE_MS);
      const eased = 1 - (1 - done) ** 3;
      const scale = begin.scale * (end.scale / begin.scale) ** eased;
      // The same point stays put while the scale changes: positions follow the scale, not the time.
      const along = begin.scale === end.scale ? eased : (1 / begin.scale - 1 / scale) / (1 / begin.scale - 1 / end.scale);
      this.view = { scale, x: begin.x + (end.x - begin.x) * along, y: begin.y + (end.y - begin.y) * along };
      this.paint();
      if (done < 1) this.moving = requestAnimationFrame(step);
    };
    this.moving = requestAnimationFrame(step);
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.lift(event));
    canvas.addEventListener("pointercancel", (event) => this.fingers.delete(event.pointerId));
    canvas.addEventListener("pointerleave", () => this.onPoint(null));
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("focus", () => { if (this.cursor) this.onCursor(this.cursor); this.draw(); });
    canvas.addEventListener("blur", () => { this.onPoint(null); this.draw(); });
  }

  press(event) {
    if (!this.layout || event.button > 0) return;
    cancelAnimationFrame(this.moving);
    this.canvas.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    this.dragged = this.fingers.size > 1;
    this.pressed = { x: event.offsetX, y: event.offsetY };
  }

  move(event) {
    if (!this.layout) return;
    const finger = this.fingers.get(event.pointerId);
    if (!finger) {
      this.point(event);
      return;
    }
    const before = { ...finger };
    if (this.fingers.size === 2) {
      const other = [...this.fingers.entries()].find(([id]) => id !== event.pointerId)[1];
      const apart = (point) => Math.max(1, Math.hypot(point.x - other.x, point.y - other.y));
      const here = { x: event.offsetX, y: event.offsetY };
      this.drag((here.x - before.x) / 2, (here.y - before.y) / 2);
      this.zoom(apart(here) / apart(before), (here.x + other.x) / 2, (here.y + other.y) / 2);
      this.dragged = true;
    } else if (this.dragged || Math.hypot(event.offsetX - this.pressed.x, event.offsetY - this.pressed.y) > DRAG_PX) {
      if (!this.dragged) this.onPoint(null);
      this.dragged = true;
      this.canvas.classList.add("dragging");
      this.drag(event.offsetX - before.x, event.offsetY - before.y);
    } else {
      return;
    }
    finger.x = event.offsetX;
    finger.y = event.offsetY;
  }

  drag(x, y) {
    this.go({ ...this.view, x: this.view.x - x / this.view.scale, y: this.view.y - y / this.view.scale });
  }

  lift(event) {
    const known = this.fingers.delete(event.pointerId);
    this.canvas.classList.remove("dragging");
    if (known && !this.dragged && this.fingers.size === 0) this.tap(event);
  }

  tap({ offsetX: x, offsetY: y, pointerType }) {
    const kind = pointerType in PICKED_FROM_PX ? pointerType : "mouse";
    const seat = this.seatAt(x, y);
    const tooSmall = this.view.scale * SEAT_SIZE < PICKED_FROM_PX[kind];
    if (seat && tooSmall) {
      const [hallX, hallY] = this.at(x, y);
      this.go({ x: hallX, y: hallY, scale: NEAR_PX[kind] / SEAT_SIZE }, true);
    } else if (seat) {
      this.cursor = seat;
      this.onPick(seat);
    } else {
      const area = this.areaAt(x, y);
      if (area) this.onArea(area.section);
    }
  }

  point(event) {
    if (event.pointerType === "touch") return;
    const { offsetX: x, offsetY: y } = event;
    const seat = this.seatAt(x, y);
    const area = seat ? null : this.areaAt(x, y);
    this.canvas.classList.toggle("pointing", Boolean(seat || area));
    this.onPoint(seat, x, y);
  }

  wheel(event) {
    if (!this.layout || (event.deltaY > 0 && this.isWhole() && !event.ctrlKey)) return;
    event.preventDefault();
    this.onPoint(null);
    this.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0022)), event.offsetX, event.offsetY);
  }

  key(event) {
    if (!this.layout || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in ARROWS) this.step(...ARROWS[event.key]);
    else if (event.key === "Home" || event.key === "End") this.endOfRow(event.key === "End");
    else if (event.key === "Enter" || event.key === " ") this.cursor ? this.onPick(this.cursor) : this.step(1, 0);
    else if (event.key === "+" || event.key === "=") this.zoom(1.4, undefined, undefined, true);
    else if (event.key === "-") this.zoom(1 / 1.4, undefined, undefined, true);
    else if (event.key === "0") this.showAll();
    else return;
    event.preventDefault();
  }

  /** To the nearest seat in a direction; what lies aside counts as farther. */
  step(x, y) {
    const from = this.cursor;
    const seats = this.layout.seats;
    if (!from) {
      this.toCursor(seats.find((seat) => this.lookOf(seat) === "free") ?? seats[0]);
      return;
    }
    let best = null;
    let least = Infinity;
    for (const seat of seats) {
      const ahead = (seat.x - from.x) * x + (seat.y - from.y) * y;
      const aside = Math.abs((seat.x - from.x) * y) + Math.abs((seat.y - from.y) * x);
      if (ahead < 0.3 || aside > ahead * 1.2 + 0.6) continue;
      const far = ahead + aside * 2.5;
      if (far < least) [best, least] = [seat, far];
    }
    this.toCursor(best);
  }

  endOfRow(last) {
    if (!this.cursor) return;
    const row = this.layout.seats.filter((seat) => seat.section === this.cursor.section && seat.rowIndex === this.cursor.rowIndex);
    this.toCursor(last ? row.at(-1) : row[0]);
  }

  toCursor(seat) {
    if (!seat) return;
    this.cursor = seat;
    this.reveal(seat);
    this.onCursor(seat);
  }
}

/** How many letters all names begin with, whole words only: of "Block 201" and "Block 202" the numbers are enough. */
function sharedStart(names) {
  let length = 0;
  while (length < names[0].length && names.every((name) => name[length] === names[0][length])) length += 1;
  return names[0].lastIndexOf(" ", length) + 1;
}
