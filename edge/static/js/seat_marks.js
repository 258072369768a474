/* How a seat looks: its tier by colour, its state by shape as well. */

const TIERS = {
  light: ["#0f766e", "#4338ca", "#b45309", "#0369a1", "#86198f", "#4d7c0f"],
  dark: ["#2dd4bf", "#a5b4fc", "#fbbf24", "#38bdf8", "#e879f9", "#a3e635"],
};
const DETAIL_FROM_PX = 6;
const LABEL_FROM_PX = 19;
const dark = matchMedia("(prefers-color-scheme: dark)");

/** Colours of the page as it is now, and of the tiers, dearest first. */
export function palette(sections) {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  const dearest = [...sections].sort((one, other) => other.price.amount - one.price.amount).map((section) => section.tier);
  const tiers = [...new Set(dearest)];
  const colours = TIERS[dark.matches ? "dark" : "light"];
  return {
    ink: of("ink"), soft: of("soft"), line: of("line"), paper: of("paper"), hover: of("hover"), accent: of("accent"), accentInk: of("accent-ink"),
    seatInk: dark.matches ? "#141116" : "#ffffff",
    tiers, tier: new Map(tiers.map((tier, index) => [tier, colours[index % colours.length]])),
  };
}

export function onColoursChange(callback) {
  dark.addEventListener("change", callback);
}

/** Draw seats of one look at once. `look` is free, held, sold, blocked, picked or yours; `place` gives their centres. */
export function drawSeats(pen, seats, look, colour, size, place, colours) {
  if (seats.length === 0) return;
  const half = size / 2;
  pen.beginPath();
  if (size < DETAIL_FROM_PX && !["picked", "yours"].includes(look)) {
    const small = look === "free" ? half : half * 0.7;
    for (const seat of seats) {
      const [x, y] = place(seat);
      pen.rect(x - small, y - small, small * 2, small * 2);
    }
    pen.fillStyle = look === "free" ? colour : colours.line;
    pen.fill();
    return;
  }
  const draw = { free: chair, held: chair, sold: cross, blocked: dash, picked: chair, yours: disc }[look];
  const grown = ["picked", "yours"].includes(look) ? Math.max(half * 1.12, 4) : half;
  for (const seat of seats) {
    const [x, y] = place(seat);
    draw(pen, x, y, look === "held" ? grown * 0.86 : grown);
  }
  pen.lineWidth = Math.max(1, size / 11);
  if (look === "free") {
    pen.fillStyle = colour;
    pen.fill();
  } else if (look === "picked" || look === "yours") {
    pen.fillStyle = colours.accent;
    pen.fill();
    ticks(pen, seats, place, grown, colours);
  } else {
    pen.strokeStyle = look === "blocked" ? colours.line : colours.soft;
    pen.globalAlpha = look === "sold" ? 0.55 : 1;
    pen.stroke();
    pen.globalAlpha = 1;
    if (look === "held") slashes(pen, seats, place, grown * 0.86);
  }
}

/** Numbers on free seats, and who a seat is made for, when they are large enough to read. */
export function drawLabels(pen, seats, size, place, colours) {
  pen.fillStyle = colours.seatInk;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.font = `600 ${Math.min(size * 0.42, 15)}px system-ui, sans-serif`;
  for (const seat of seats) {
    const [x, y] = place(seat);
    if (seat.accessible) wheelchair(pen, x, y, size * 0.34, colours);
    else if (size >= LABEL_FROM_PX) pen.fillText(seat.label, x, y + 0.5);
  }
}

function chair(pen, x, y, half) {
  pen.roundRect(x - half, y - half, half * 2, half * 2, [half * 0.75, half * 0.75, half * 0.3, half * 0.3]);
}

function disc(pen, x, y, half) {
  pen.moveTo(x + half, y);
  pen.arc(x, y, half, 0, 7);
}

function cross(pen, x, y, half) {
  const arm = half * 0.5;
  pen.moveTo(x - arm, y - arm);
  pen.lineTo(x + arm, y + arm);
  pen.moveTo(x + arm, y - arm);
  pen.lineTo(x - arm, y + arm);
}

function dash(pen, x, y, half) {
  pen.moveTo(x - half * 0.5, y);
  pen.lineTo(x + half * 0.5, y);
}

function slashes(pen, seats, place, half) {
  pen.beginPath();
  for (const seat of seats) {
    const [x, y] = place(seat);
    pen.moveTo(x - half * 0.55, y + half * 0.55);
    pen.lineTo(x + half * 0.55, y - half * 0.55);
  }
  pen.stroke();
}

function ticks(pen, seats, place, half, colours) {
  pen.beginPath();
  for (const seat of seats) {
    const [x, y] = place(seat);
    pen.moveTo(x - half * 0.42, y + half * 0.04);
    pen.lineTo(x - half * 0.1, y + half * 0.38);
    pen.lineTo(x + half * 0.46, y - half * 0.34);
  }
  pen.strokeStyle = colours.accentInk;
  pen.lineWidth = Math.max(1.4, half / 4.5);
  pen.lineCap = "round";
  pen.lineJoin = "round";
  pen.stroke();
  pen.lineCap = "butt";
  pen.lineJoin = "miter";
}

function wheelchair(pen, x, y, size, colours) {
  pen.strokeStyle = colours.seatInk;
  pen.lineWidth = Math.max(1.2, size / 4);
  pen.beginPath();
  pen.arc(x - size * 0.1, y + size * 0.25, size * 0.62, -0.9, 3.6);
  pen.moveTo(x - size * 0.15, y - size * 0.55);
  pen.lineTo(x - size * 0.05, y + size * 0.2);
  pen.lineTo(x + size * 0.5, y + size * 0.25);
  pen.lineTo(x + size * 0.8, y + size * 0.8);
  pen.stroke();
  pen.beginPath();
  pen.arc(x - size * 0.2, y - size * 0.9, size * 0.24, 0, 7);
  pen.fillStyle = colours.seatInk;
  pen.fill();
}
