/* Where everything is drawn, in units of a seat's width: seats, standing areas, the stage.

Some halls give all their seats in one picture. In others each section begins at its own 0,0, and seats of two sections
would lie on top of each other: then sections are stacked in the order given, centred, best first. */

const CELL = 2;
const SECTION_GAP = 3;
const AREA_WIDTH = 26;
const AREA_HEIGHT = 5;
const STAGE_HEIGHT = 2.2;
const MARGIN = 1.6;
const FEW_SECTIONS = 8;

/** `{seats, areas, names, stage, bounds, grid}` of the map that the API gives; a pitch lies in the middle of its seats. */
export function layOut({ sections }, inTheMiddle = false) {
  const seats = sections.flatMap(seatsOf);
  const layout = overlapping(seats) ? stacked(sections, seats) : asOnePicture(sections, seats, inTheMiddle);
  return { ...layout, seats, bounds: around(layout, seats), grid: new Grid(seats) };
}

function seatsOf(section) {
  let row = -1;
  return section.rows.flatMap((line) => {
    row += 1;
    return line.seats.map((seat, index) => ({
      id: seat.id, label: seat.label, state: seat.state, accessible: Boolean(seat.accessible), companion: Boolean(seat.companion),
      x: seat.x, y: seat.y, row: line.label, rowIndex: row, first: index === 0, section,
    }));
  });
}

function overlapping(seats) {
  const grid = new Grid(seats);
  return seats.some((seat) => grid.near(seat.x, seat.y, 0.6).some((other) => other.section !== seat.section));
}

function stacked(sections, seats) {
  const areas = [];
  const names = [];
  let y = 0;
  for (const section of sections) {
    const own = seats.filter((seat) => seat.section === section);
    if (own.length === 0) {
      areas.push({ section, x: -AREA_WIDTH / 2, y: y - 0.5, width: AREA_WIDTH, height: AREA_HEIGHT });
      y += AREA_HEIGHT + SECTION_GAP - 1;
      continue;
    }
    const box = boxOf(own);
    for (const seat of own) {
      seat.x -= (box.left + box.right) / 2;
      seat.y += y - box.top;
    }
    names.push({ section, x: 0, y: y - 1.5, where: "above", middle: { x: 0, y: y + (box.bottom - box.top) / 2 } });
    y += box.bottom - box.top + SECTION_GAP + 1;
  }
  return { areas, names, stage: stageAbove(seats, areas, 0) };
}

function asOnePicture(sections, seats, inTheMiddle) {
  const standing = sections.filter((section) => section.rows.length === 0);
  const grid = new Grid(seats);
  const names = [];
  for (const section of sections) {
    const own = seats.filter((seat) => seat.section === section);
    if (own.length === 0) continue;
    const box = boxOf(own);
    const x = (box.left + box.right) / 2;
    names.push({ section, ...nameSpot(grid, box, x, sections.length), middle: { x, y: (box.top + box.bottom) / 2 } });
  }
  const box = seats.length ? boxOf(seats) : { left: -AREA_WIDTH / 2, right: AREA_WIDTH / 2, top: 0, bottom: 0 };
  const centre = (box.left + box.right) / 2;
  const floor = (standing.length || inTheMiddle) && seats.length ? emptyFloor(seats, box, centre) : null;
  const areas = [];
  if (floor && !standing.length) {
    const stage = { x: centre - floor.width / 2 + 1, y: floor.y + 1, width: floor.width - 2, height: floor.height - 2, isFloor: true };
    return { areas, names, stage };
  }
  const height = floor ? floor.height / standing.length : AREA_HEIGHT;
  let y = floor ? floor.y : box.top - 2 - standing.length * (AREA_HEIGHT + 1);
  for (const section of standing) {
    const width = floor ? floor.width : AREA_WIDTH;
    areas.push({ section, x: centre - width / 2, y, width, height: floor ? height - 0.8 : height });
    y += floor ? height : AREA_HEIGHT + 1;
  }
  return { areas, names, stage: stageAbove(seats, areas, centre) };
}

/** Where a section's name has room: above it, beside it, or else on top of it. Many sections leave room nowhere. */
function nameSpot(grid, box, x, sections) {
  const middle = (box.top + box.bottom) / 2;
  if (sections > FEW_SECTIONS) return { x, y: middle, where: "on" };
  if (grid.within(x - 3, box.top - 2.2, x + 3, box.top - 0.9).length === 0) return { x, y: box.top - 1.4, where: "above" };
  if (grid.within(box.left - 3.4, middle - 3, box.left - 1.6, middle + 3).length === 0) return { x: box.left - 2.6, y: middle, where: "beside" };
  return { x, y: middle, where: "on" };
}

/** The largest empty rectangle around the middle line, between the stage and the last row; null when it is small. */
function emptyFloor(seats, box, centre) {
  const rows = Math.ceil(box.bottom - Math.min(box.top, 0)) + 1;
  const top = Math.min(box.top, 0);
  const clear = new Array(rows).fill((box.right - box.left) / 2);
  for (const seat of seats) {
    const row = Math.floor(seat.y - top);
    const distance = Math.abs(seat.x - centre) - 1.5;
    for (const near of [row - 1, row, row + 1]) if (near >= 0 && near < rows) clear[near] = Math.min(clear[near], distance);
  }
  let best = null;
  for (let from = 1; from < rows; from += 1) {
    let half = Infinity;
    for (let to = from; to < rows && clear[to] > 3; to += 1) {
      half = Math.min(half, clear[to]);
      const size = half * (to - from + 1);
      if (to - from >= 3 && (!best || size > best.size)) best = { size, y: top + from, height: to - from + 1, width: half * 2 };
    }
  }
  return best && best.width >= 8 && best.height >= 4 ? best : null;
}

function stageAbove(seats, areas, centre) {
  const tops = [...areas.map((area) => area.y), ...seats.filter((seat) => Math.abs(seat.x - centre) < 9).map((seat) => seat.y - 0.5)];
  const widest = seats.length ? boxOf(seats) : { left: -AREA_WIDTH / 2, right: AREA_WIDTH / 2 };
  const broadest = Math.max(0, ...areas.map((area) => area.width * 0.8));
  const width = Math.min(Math.max((widest.right - widest.left) * 0.5, 10), Math.max(44, broadest));
  const bottom = (tops.length ? Math.min(...tops) : 0) - Math.max(2, width / 30);
  const height = Math.max(STAGE_HEIGHT, width / 11);
  return { x: centre - width / 2, y: bottom - height, width, height };
}

function around({ areas, stage }, seats) {
  const boxes = [stage, ...areas].map((part) => ({ left: part.x, right: part.x + part.width, top: part.y, bottom: part.y + part.height }));
  if (seats.length) boxes.push(boxOf(seats));
  return {
    left: Math.min(...boxes.map((box) => box.left)) - MARGIN, right: Math.max(...boxes.map((box) => box.right)) + MARGIN,
    top: Math.min(...boxes.map((box) => box.top)) - MARGIN, bottom: Math.max(...boxes.map((box) => box.bottom)) + MARGIN,
  };
}

function boxOf(seats) {
  const box = { left: Infinity, right: -Infinity, top: Infinity, bottom: -Infinity };
  for (const { x, y } of seats) {
    box.left = Math.min(box.left, x);
    box.right = Math.max(box.right, x);
    box.top = Math.min(box.top, y);
    box.bottom = Math.max(box.bottom, y);
  }
  return box;
}

/** Finds seats by where they are, without looking at all of them. */
class Grid {
  constructor(seats) {
    this.cells = new Map();
    for (const seat of seats) {
      const key = this.key(seat.x, seat.y);
      if (this.cells.has(key)) this.cells.get(key).push(seat);
      else this.cells.set(key, [seat]);
    }
  }

  key(x, y) {
    return (Math.floor(x / CELL) + 50000) * 100003 + Math.floor(y / CELL) + 50000;
  }

  /** Seats within `distance`, the nearest first. */
  near(x, y, distance) {
    const found = this.within(x - distance, y - distance, x + distance, y + distance);
    const far = (seat) => Math.hypot(seat.x - x, seat.y - y);
    return found.filter((seat) => far(seat) <= distance).sort((one, other) => far(one) - far(other));
  }

  within(left, top, right, bottom) {
    const found = [];
    for (let x = Math.floor(left / CELL); x <= Math.floor(right / CELL); x += 1) {
      for (let y = Math.floor(top / CELL); y <= Math.floor(bottom / CELL); y += 1) {
        const cell = this.cells.get((x + 50000) * 100003 + y + 50000);
        if (cell) found.push(...cell.filter((seat) => seat.x >= left && seat.x <= right && seat.y >= top && seat.y <= bottom));
      }
    }
    return found;
  }
}
