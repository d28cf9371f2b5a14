// The focus review: points and scan area on the snapshot, by mouse and keyboard. What is shown here is in picture pixels;
// what is sent is stage µm.

/** @typedef {{x: number, y: number, person: boolean}} Point */
/** @typedef {{x: number, y: number, width: number, height: number}} Area */
/** @typedef {{points: Point[], area: Area}} Content */
/** @typedef {{kind: "point", index: number} | {kind: "area"} | {kind: "grip"} | {kind: "none"}} Choice */

const SVG = "http://www.w3.org/2000/svg";
const STEP = 2;
const FAR = 12;
const IDLE_MS = 30_000; // a coffee is not review time

/** @template {Element} T @param {ParentNode} root @param {string} selector @param {new () => T} kind @returns {T} */
function pick(root, selector, kind) {
  const found = root.querySelector(selector);
  if (!(found instanceof kind)) throw new Error(`no ${selector} on this page`);
  return found;
}

/** @param {string} id @returns {any} */
const json = (id) => JSON.parse(document.getElementById(id)?.textContent ?? "null");

const stage = pick(document, "[data-review]", HTMLElement);
const svg = pick(stage, "svg", SVGSVGElement);
const form = pick(document, "[data-review-form]", HTMLFormElement);
const status = pick(document, "[data-status]", HTMLElement);
const size = { width: Number(stage.dataset.width), height: Number(stage.dataset.height) };
const scale = Number(stage.dataset.umPerPx);
const origin = { x: Number(stage.dataset.originX), y: Number(stage.dataset.originY) };

/** @returns {Content} */
function loaded() {
  const [x, y, width, height] = json("scan-area");
  return {
    points: json("focus-points").map((/** @type {[number, number, string]} */ [px, py, source]) => ({
      x: (px - origin.x) / scale, y: (py - origin.y) / scale, person: source === "person",
    })),
    area: { x: (x - origin.x) / scale, y: (y - origin.y) / scale, width: width / scale, height: height / scale },
  };
}

let content = loaded();
/** @type {Content[]} */
const past = [];
/** @type {Choice} */
let chosen = { kind: "none" };
let spent = 0;
let last = performance.now();

/** @param {number} value @param {number} low @param {number} high */
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

function remember() {
  past.push(structuredClone(content));
  if (past.length > 100) past.shift();
}

function countTime() {
  const now = performance.now();
  spent += Math.min(now - last, IDLE_MS);
  last = now;
}

/** @param {string} name @param {Record<string, string | number>} attributes */
function shape(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}

function paint() {
  const radius = Math.max(6, size.width / 110);
  const { area } = content;
  const box = shape("rect", { class: chosen.kind === "area" ? "area chosen" : "area", ...area });
  box.addEventListener("pointerdown", (event) => drag(event, { kind: "area" }));
  const grip = shape("rect", {
    class: chosen.kind === "grip" ? "grip chosen" : "grip",
    x: area.x + area.width - radius * 0.7, y: area.y + area.height - radius * 0.7, width: radius * 1.4, height: radius * 1.4,
  });
  grip.addEventListener("pointerdown", (event) => drag(event, { kind: "grip" }));
  svg.replaceChildren(box, grip, ...content.points.map((point, index) => mark(point, index, radius)));
  const tooFew = content.points.length < 3 ? " — at least 3 are needed" : "";
  status.textContent = `${content.points.length} focus points${tooFew} · scan area ${Math.round(area.width * scale)} × ${Math.round(area.height * scale)} µm`;
}

/** @param {Point} point @param {number} index @param {number} radius */
function mark(point, index, radius) {
  const here = chosen.kind === "point" && chosen.index === index;
  const group = shape("g", {
    class: `point${point.person ? " person" : ""}${here ? " chosen" : ""}`,
    transform: `translate(${point.x} ${point.y})`, "data-index": index,
  });
  group.append(
    shape("circle", { r: radius }),
    shape("path", { d: `M${-radius} 0H${radius}M0 ${-radius}V${radius}` }),
  );
  group.addEventListener("pointerdown", (event) => drag(/** @type {PointerEvent} */ (event), { kind: "point", index }));
  return group;
}

/** Picture pixels under the pointer. @param {MouseEvent} event */
function place(event) {
  const box = svg.getBoundingClientRect();
  return {
    x: clamp(((event.clientX - box.left) / box.width) * size.width, 0, size.width),
    y: clamp(((event.clientY - box.top) / box.height) * size.height, 0, size.height),
  };
}

/** @param {Choice} target @param {number} dx @param {number} dy */
function move(target, dx, dy) {
  const { area } = content;
  if (target.kind === "point") {
    const point = content.points[target.index];
    point.x = clamp(point.x + dx, 0, size.width);
    point.y = clamp(point.y + dy, 0, size.height);
    point.person = true;
  } else if (target.kind === "area") {
    area.x = clamp(area.x + dx, 0, size.width - area.width);
    area.y = clamp(area.y + dy, 0, size.height - area.height);
  } else if (target.kind === "grip") {
    area.width = clamp(area.width + dx, 10, size.width - area.x);
    area.height = clamp(area.height + dy, 10, size.height - area.y);
  }
}

/** @param {Event} event @param {Choice} target */
function drag(event, target) {
  if (!(event instanceof PointerEvent) || event.button !== 0) return;
  event.preventDefault();
  event.stopPropagation();
  const start = place(event);
  let from = start;
  let moved = false;
  stage.focus({ preventScroll: true });
  stage.setPointerCapture(event.pointerId);
  /** @param {PointerEvent} next */
  const onMove = (next) => {
    const to = place(next);
    if (!moved) remember();
    moved = true;
    chosen = target;
    move(target, to.x - from.x, to.y - from.y);
    from = to;
    paint();
  };
  const onUp = () => {
    stage.removeEventListener("pointermove", onMove);
    stage.removeEventListener("pointerup", onUp);
    countTime();
    if (!moved && target.kind === "area") add(start);
    else choose(target);
  };
  stage.addEventListener("pointermove", onMove);
  stage.addEventListener("pointerup", onUp);
}

/** @param {Choice} target */
function choose(target) {
  chosen = target;
  paint();
}

/** @param {{x: number, y: number}} at */
function add(at) {
  remember();
  content.points.push({ ...at, person: true });
  choose({ kind: "point", index: content.points.length - 1 });
}

function remove() {
  if (chosen.kind !== "point") return;
  remember();
  content.points.splice(chosen.index, 1);
  choose(content.points.length ? { kind: "point", index: Math.min(chosen.index, content.points.length - 1) } : { kind: "none" });
}

/** Tab walks the points, then the area; past the end it leaves the picture. @param {number} step @returns {boolean} */
function walk(step) {
  const stops = content.points.length + 1;
  const now = chosen.kind === "point" ? chosen.index : chosen.kind === "none" ? (step > 0 ? -1 : stops) : stops - 1;
  const next = now + step;
  if (next < 0 || next >= stops) {
    choose({ kind: "none" });
    return false;
  }
  choose(next === stops - 1 ? { kind: "area" } : { kind: "point", index: next });
  return true;
}

/** @param {number} by */
function grow(by) {
  remember();
  move({ kind: "area" }, -by, -by);
  move({ kind: "grip" }, 2 * by, 2 * by);
  paint();
}

/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @param {KeyboardEvent} event @returns {boolean} whether the key was ours */
function onKey(event) {
  const arrow = ARROWS[event.key];
  if (arrow && chosen.kind !== "none") {
    const by = event.shiftKey ? FAR : STEP;
    remember();
    move(chosen, arrow[0] * by, arrow[1] * by);
    paint();
    return true;
  }
  switch (event.key) {
    case "Tab": return walk(event.shiftKey ? -1 : 1);
    case "a": case "A": add({ x: content.area.x + content.area.width / 2, y: content.area.y + content.area.height / 2 }); return true;
    case "Delete": case "Backspace": remove(); return true;
    case "+": case "=": grow(FAR); return true;
    case "-": grow(-FAR); return true;
    case "u": case "U": content = past.pop() ?? content; choose({ kind: "none" }); return true;
    default: return false;
  }
}

stage.addEventListener("keydown", (event) => {
  countTime();
  if (!event.ctrlKey && !event.metaKey && !event.altKey && onKey(event)) event.preventDefault();
});
stage.addEventListener("click", (event) => {
  if (event.target === svg) add(place(event));
});
document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof HTMLElement && event.target.closest("input, select, textarea, button, a");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Enter") pick(form, "button[name=accept]", HTMLButtonElement).click();
  if (event.key === "s" || event.key === "S") pick(form, "button:not([name])", HTMLButtonElement).click();
});
form.addEventListener("submit", () => {
  countTime();
  const round = (/** @type {number} */ value) => Math.round(value * 10) / 10;
  const { area } = content;
  pick(form, "[name=content]", HTMLInputElement).value = JSON.stringify({
    area: [area.x * scale + origin.x, area.y * scale + origin.y, area.width * scale, area.height * scale].map(round),
    points: content.points.map((point) => [round(point.x * scale + origin.x), round(point.y * scale + origin.y)]),
  });
  pick(form, "[name=seconds]", HTMLInputElement).value = (spent / 1000).toFixed(1);
});

paint();
stage.focus({ preventScroll: true });
