// @ts-check
// The focus review: points and scan area on the snapshot, by mouse and keyboard. What is shown here is in picture pixels;
// what is sent is stage µm.
import { clamp, near, panned, whole, zoomed } from "./lens.js";
import { picture } from "./picture.js";

/** @typedef {import("./lens.js").Box} Box */
/** @typedef {import("./picture.js").Content} Content */
/** @typedef {import("./picture.js").Choice} Choice */
/** @typedef {{x: number, y: number}} Place */

const STEP = 1 / 220; // of what is seen across
const FAR = 1 / 30;
const MOVED = 4; // screen pixels: less is a click
const SMALLEST = 4; // picture pixels of a scan area's side
const FEWEST_POINTS = 3;
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
const form = pick(document, "[data-review-form]", HTMLFormElement);
const status = pick(document, "[data-status]", HTMLElement);
const tools = pick(document, "[data-tools]", HTMLElement);
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
let drawing = content.area.width <= 0;
let spent = 0;
let last = performance.now();
const paper = picture(stage, stage.dataset.picture ?? "", size);
/** What is looked at, whatever shape the stage takes, until somebody zooms or pans. @type {"near" | "far" | ""} */
let follows = drawing ? "far" : "near";
let view = fitted(follows);

/** @param {"near" | "far"} what */
function fitted(what) {
  return what === "near" ? near(content.area, size, paper.aspect()) : whole(size, paper.aspect());
}

/** @param {"near" | "far"} what */
function fit(what) {
  follows = what;
  view = fitted(what);
}

function remember() {
  past.push(structuredClone(content));
  if (past.length > 100) past.shift();
}

function countTime() {
  const now = performance.now();
  spent += Math.min(now - last, IDLE_MS);
  last = now;
}

function paint() {
  paper.paint(content, chosen, view);
  stage.classList.toggle("drawing", drawing);
  const far = view.width >= whole(size, paper.aspect()).width * 0.99;
  press("draw", drawing);
  press("far", far);
  press("near", !far);
  const remover = tools.querySelector("[data-do=remove]");
  if (remover instanceof HTMLButtonElement) remover.disabled = chosen.kind !== "point";
  const undoer = tools.querySelector("[data-do=undo]");
  if (undoer instanceof HTMLButtonElement) undoer.disabled = past.length === 0;
  status.textContent = said();
}

/** @param {string} name @param {boolean} on */
const press = (name, on) => tools.querySelector(`[data-do=${name}]`)?.setAttribute("aria-pressed", String(on));

/** @returns {string} */
function said() {
  const { area, points } = content;
  const mm = (/** @type {number} */ px) => ((px * scale) / 1000).toFixed(2);
  const few = points.length < FEWEST_POINTS ? ` (at least ${FEWEST_POINTS} are needed)` : "";
  const parts = [`${points.length} focus points${few}`];
  parts.push(area.width > 0 ? `scan area ${mm(area.width)} × ${mm(area.height)} mm` : "no scan area yet: draw one");
  if (chosen.kind === "point") parts.push(`point ${chosen.index + 1} is chosen`);
  if (chosen.kind === "area" || chosen.kind === "grip") parts.push("the scan area is chosen");
  if (drawing) parts.push("drag a rectangle round the tissue");
  return parts.join(" · ");
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
    area.width = clamp(area.width + dx, SMALLEST, size.width - area.x);
    area.height = clamp(area.height + dy, SMALLEST, size.height - area.y);
  }
}

/** The rectangle between two places. @param {Place} one @param {Place} other */
function span(one, other) {
  const on = (/** @type {Place} */ at) => ({ x: clamp(at.x, 0, size.width), y: clamp(at.y, 0, size.height) });
  const [from, to] = [on(one), on(other)];
  const width = Math.max(SMALLEST, Math.abs(to.x - from.x));
  const height = Math.max(SMALLEST, Math.abs(to.y - from.y));
  content.area = { x: clamp(Math.min(from.x, to.x), 0, size.width - width), y: clamp(Math.min(from.y, to.y), 0, size.height - height), width, height };
}

/** What a drag on `target` does. @param {Choice} target @param {Place} start @param {Place} from @param {Place} to */
function dragged(target, start, from, to) {
  if (drawing) span(start, to);
  else if (target.kind === "none") {
    follows = "";
    view = panned(view, to.x - from.x, to.y - from.y, size);
  } else move(target, to.x - from.x, to.y - from.y);
}

/** @param {PointerEvent} event */
function onDown(event) {
  if (event.button !== 0) return;
  event.preventDefault();
  stage.focus({ preventScroll: true });
  stage.setPointerCapture(event.pointerId);
  const target = paper.hit(event);
  const start = paper.place(event);
  let from = start;
  let moved = false;
  /** @param {PointerEvent} next */
  const onMove = (next) => {
    if (!moved && Math.hypot(next.clientX - event.clientX, next.clientY - event.clientY) < MOVED) return;
    if (!moved && (drawing || target.kind !== "none")) remember();
    moved = true;
    if (!drawing && target.kind !== "none") chosen = target;
    dragged(target, start, from, paper.place(next));
    if (target.kind !== "none" || drawing) from = paper.place(next);
    paint();
  };
  const onUp = () => {
    stage.removeEventListener("pointermove", onMove);
    stage.removeEventListener("pointerup", onUp);
    stage.removeEventListener("pointercancel", onUp);
    countTime();
    if (moved) drawing = drawing && content.area.width <= 0;
    else if (target.kind === "point" || target.kind === "grip") chosen = target;
    else if (!drawing) add(start);
    paint();
  };
  stage.addEventListener("pointermove", onMove);
  stage.addEventListener("pointerup", onUp);
  stage.addEventListener("pointercancel", onUp);
}

/** @param {Place} at */
function add(at) {
  remember();
  content.points.push({ x: clamp(at.x, 0, size.width), y: clamp(at.y, 0, size.height), person: true });
  chosen = { kind: "point", index: content.points.length - 1 };
}

function remove() {
  if (chosen.kind !== "point") return;
  remember();
  content.points.splice(chosen.index, 1);
  chosen = content.points.length ? { kind: "point", index: Math.min(chosen.index, content.points.length - 1) } : { kind: "none" };
}

/** Tab walks the points, then the area; past the end it leaves the picture. @param {number} step @returns {boolean} */
function walk(step) {
  const stops = content.points.length + 1;
  const now = chosen.kind === "point" ? chosen.index : chosen.kind === "none" ? (step > 0 ? -1 : stops) : stops - 1;
  const next = now + step;
  const inside = next >= 0 && next < stops;
  chosen = !inside ? { kind: "none" } : next === stops - 1 ? { kind: "area" } : { kind: "point", index: next };
  return inside;
}

/** @param {number} by */
function grow(by) {
  remember();
  move({ kind: "area" }, -by, -by);
  move({ kind: "grip" }, 2 * by, 2 * by);
}

/** What the buttons and the keys do. @type {Record<string, () => void>} */
const VERBS = {
  add: () => add({ x: view.x + view.width / 2, y: view.y + view.height / 2 }),
  remove,
  draw: () => { drawing = !drawing; },
  undo: () => { content = past.pop() ?? content; chosen = { kind: "none" }; },
  near: () => { if (content.area.width > 0) fit("near"); },
  far: () => fit("far"),
  other: () => VERBS[view.width < whole(size, paper.aspect()).width * 0.99 ? "far" : "near"](),
  grow: () => grow(view.width * FAR),
  shrink: () => grow(-view.width * FAR),
};
/** @type {Record<string, string>} */
const KEYS = { a: "add", Delete: "remove", Backspace: "remove", d: "draw", u: "undo", z: "other", "+": "grow", "=": "grow", "-": "shrink" };
/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @param {KeyboardEvent} event @returns {boolean} whether the key was ours */
function onKey(event) {
  if (event.key === "Tab") return walk(event.shiftKey ? -1 : 1);
  const arrow = ARROWS[event.key];
  if (arrow && chosen.kind !== "none") {
    const by = view.width * (event.shiftKey ? FAR : STEP);
    remember();
    move(chosen, arrow[0] * by, arrow[1] * by);
    return true;
  }
  const verb = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!verb) return false;
  VERBS[verb]();
  return true;
}

stage.addEventListener("pointerdown", onDown);
stage.addEventListener("keydown", (event) => {
  countTime();
  if (event.ctrlKey || event.metaKey || event.altKey || !onKey(event)) return;
  event.preventDefault();
  paint();
});
stage.addEventListener("wheel", (event) => {
  event.preventDefault();
  follows = "";
  view = zoomed(view, paper.place(event), event.deltaY > 0 ? 1.2 : 1 / 1.2, size);
  paint();
}, { passive: false });
tools.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-do]") : null;
  if (!(button instanceof HTMLButtonElement)) return;
  countTime();
  VERBS[button.dataset.do ?? ""]();
  paint();
  stage.focus({ preventScroll: true });
});
document.addEventListener("keydown", (event) => {
  const ownEnter = event.target instanceof HTMLElement && event.target.closest("input, select, textarea, button, a, summary");
  if (ownEnter || event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.key !== "Enter") return;
  pick(form, "button[name=accept]", HTMLButtonElement).click();
});
document.addEventListener("submit", (event) => {
  const seconds = event.target instanceof HTMLFormElement ? event.target.querySelector("[name=seconds]") : null;
  countTime();
  if (seconds instanceof HTMLInputElement) seconds.value = (spent / 1000).toFixed(1);
});
form.addEventListener("submit", () => {
  const round = (/** @type {number} */ value) => Math.round(value * 10) / 10;
  const { area } = content;
  pick(form, "[name=content]", HTMLInputElement).value = JSON.stringify({
    area: [area.x * scale + origin.x, area.y * scale + origin.y, area.width * scale, area.height * scale].map(round),
    points: content.points.map((point) => [round(point.x * scale + origin.x), round(point.y * scale + origin.y)]),
  });
});
new ResizeObserver(() => {
  view = follows ? fitted(follows) : zoomed({ ...view, height: view.width / paper.aspect() }, { x: view.x, y: view.y }, 1, size);
  paint();
}).observe(stage);

tools.hidden = false;
paint();
stage.focus({ preventScroll: true });
