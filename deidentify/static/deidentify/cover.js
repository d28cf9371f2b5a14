// @ts-check
/**
 * @file Regions are drawn on the slide itself: r, drag, Enter. What is covered is painted as it leaves; c looks beneath.
 */

import { viewerOf } from "../viewer/handle.js";
import { DragBox, Feature, Fill, Polygon, Stroke, Style, VectorLayer, VectorSource } from "../viewer/npm.js";

/** @typedef {import("../viewer/types.js").Viewer} Viewer */
/** @typedef {[number, number, number, number]} Box left, top, width, height in px of the slide */

const NAMES = ["left", "top", "width", "height"];
const LINE = new Stroke({ color: "#8ab8ff", width: 2 });
const DRAFT = new Style({ stroke: new Stroke({ color: "#ffd166", width: 2, lineDash: [6, 4] }), fill: new Fill({ color: "rgb(255 209 102 / 18%)" }) });
const OUTLINE = new Style({ stroke: LINE });
/** Room around a region that is shown, as a share of it. */
const AROUND = 1;

/**
 * The whole px that a box of the map touches, cut at the edges of the slide.
 *
 * @param {number[]} extent of the map: y upwards
 * @param {{width: number, height: number}} slide
 * @returns {Box | null} null where it lies beside the slide
 */
function boxOf([minX = 0, minY = 0, maxX = 0, maxY = 0], { width, height }) {
  const left = Math.max(0, Math.floor(minX));
  const top = Math.max(0, Math.floor(-maxY));
  const right = Math.min(width, Math.ceil(maxX));
  const bottom = Math.min(height, Math.ceil(-minY));
  return right > left && bottom > top ? [left, top, right - left, bottom - top] : null;
}

/** @param {Box} box */
function feature([left, top, width, height]) {
  const [right, bottom] = [left + width, top + height];
  return new Feature(new Polygon([[[left, -top], [right, -top], [right, -bottom], [left, -bottom], [left, -top]]]));
}

/** @param {Element} row @returns {Box} */
function boxOfRow(row) {
  return /** @type {Box} */ ((row.getAttribute("data-region") ?? "").split(" ").map(Number));
}

/** What is covered, painted as it leaves. */
class Covered {
  /** @param {Viewer} viewer */
  constructor(viewer) {
    const shade = viewer.header.modality === "brightfield" ? "rgb(128 128 128)" : "#000";
    this.viewer = viewer;
    this.plain = new Style({ stroke: LINE, fill: new Fill({ color: shade }) });
    this.source = new VectorSource();
    this.painted = true;
    this.layer = new VectorLayer({ source: this.source, style: () => (this.painted ? this.plain : OUTLINE) });
    viewer.map.addLayer(this.layer);
    this.read();
  }

  /** The list is the truth: it is read again whenever it is exchanged. */
  read() {
    const rows = [...document.querySelectorAll("#regions [data-region]")];
    this.source.clear();
    this.source.addFeatures(rows.map((row) => feature(boxOfRow(row))));
    for (const row of rows) {
      const show = row.querySelector("[data-region-show]");
      if (show instanceof HTMLButtonElement) {
        show.hidden = false;
        show.addEventListener("click", () => this.show(row));
      }
    }
    const under = document.querySelector("[data-cover-under]");
    const box = under?.querySelector("input");
    if (under instanceof HTMLElement && box) {
      under.hidden = false;
      box.checked = this.painted;
      box.addEventListener("change", () => this.paint(box.checked));
    }
  }

  /** @param {boolean} painted */
  paint(painted) {
    this.painted = painted;
    const box = document.querySelector("[data-cover-under] input");
    if (box instanceof HTMLInputElement) box.checked = painted;
    this.layer.changed();
  }

  /** @param {Element} row */
  show(row) {
    const [left, top, width, height] = boxOfRow(row);
    const room = AROUND * Math.max(width, height);
    this.viewer.view.fit([left - room, -top - height - room, left + width + room, -top + room]);
    document.querySelectorAll("#regions .is-current").forEach((one) => one.classList.remove("is-current"));
    row.classList.add("is-current");
  }
}

/** The rectangle that is drawn and not covered yet; the form's numbers say where it is. */
class Draft {
  /** @param {Viewer} viewer @param {HTMLFormElement} form */
  constructor(viewer, form) {
    this.viewer = viewer;
    this.form = form;
    this.source = new VectorSource();
    this.drawing = false;
    this.button = form.querySelector("[data-cover-draw]");
    viewer.map.addLayer(new VectorLayer({ source: this.source, style: DRAFT }));
    const drag = new DragBox({ condition: () => this.drawing, className: "viewer-box" });
    drag.on("boxend", () => this.drawn(boxOf(drag.getGeometry().getExtent(), viewer.header)));
    viewer.map.addInteraction(drag);
    form.addEventListener("input", () => this.follow());
    if (this.button instanceof HTMLButtonElement) {
      this.button.hidden = false;
      this.button.addEventListener("click", () => this.draw(!this.drawing));
    }
  }

  /** @param {boolean} drawing */
  draw(drawing) {
    const { state, first, refresh } = this.viewer;
    if (drawing && state.registered !== first.registered) {
      state.registered = first.registered; // regions lie where registration put the fields
      refresh();
    }
    this.drawing = drawing;
    this.button?.setAttribute("aria-pressed", String(drawing));
    this.viewer.root.querySelector("[data-map]")?.classList.toggle("is-covering", drawing);
  }

  /** @param {string} name */
  field(name) {
    return /** @type {HTMLInputElement} */ (this.form.elements.namedItem(name));
  }

  /** @param {Box | null} box */
  drawn(box) {
    if (!box) return;
    NAMES.forEach((name, i) => (this.field(name).value = String(box[i])));
    this.follow();
    this.draw(false);
    const submit = this.form.querySelector("[data-cover-submit]");
    if (submit instanceof HTMLButtonElement) submit.focus();
  }

  follow() {
    const box = /** @type {Box} */ (NAMES.map((name) => this.field(name).valueAsNumber));
    this.source.clear();
    if (box.every(Number.isFinite) && box[2] > 0 && box[3] > 0) this.source.addFeature(feature(box));
  }

  giveUp() {
    NAMES.forEach((name) => (this.field(name).value = ""));
    this.follow();
    this.draw(false);
  }
}

/** @param {HTMLElement} root */
async function start(root) {
  const viewer = await viewerOf(root);
  const covered = new Covered(viewer);
  viewer.addKeys([{ key: "c", help: "paint what is covered, or look beneath", run: () => covered.paint(!covered.painted) }]);
  document.addEventListener("htmx:afterSwap", () => covered.read());
  const form = root.querySelector("[data-cover-form]");
  if (!(form instanceof HTMLFormElement)) return;
  const draft = new Draft(viewer, form);
  viewer.addKeys([
    { key: "r", help: "draw a rectangle to cover", run: () => draft.draw(!draft.drawing) },
    { key: "Escape", help: "give up what is drawn", run: () => draft.giveUp() },
  ]);
  form.addEventListener("htmx:afterRequest", (event) => {
    if (/** @type {CustomEvent<{successful: boolean}>} */ (event).detail.successful) draft.giveUp();
  });
}

for (const root of document.querySelectorAll("[data-viewer]")) {
  if (root instanceof HTMLElement) start(root);
}
