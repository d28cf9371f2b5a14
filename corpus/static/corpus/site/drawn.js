/**
 * @file What readers drew on the slide of a site: the release's own GeoJSON painted over the picture, and its words, each
 * shown or hidden. Nothing is edited here.
 */

import { boxOf } from "../../viewer/drawing/geometry.js";
import { ShapesLayer } from "../../viewer/drawing/painting.js";
import { Flatbush } from "../../viewer/npm.js";
import { json } from "../../viewer/opening.js";
import { part } from "../../viewer/panel/part.js";

/** @typedef {import("../../viewer/types.js").Viewer} Viewer */
/** @typedef {import("../../viewer/drawing/draft.js").Draft} Draft */
/** @typedef {import("../../viewer/drawing/draft.js").Kind} Kind */
/** @typedef {import("../../viewer/drawing/geometry.js").ShapeJson} ShapeJson */

/**
 * As annotation/exchange/geojson.py writes it.
 *
 * @typedef {object} Feature
 * @property {ShapeJson} geometry px of the finest level, y down
 * @property {{classification?: {name?: string, color?: number[]}, nocturne?: {kind?: Kind, author?: string}}} properties
 */

/** @typedef {Draft & {colour: string}} Drawn */

const COLOUR = "#35d0ba";
const CASING = "rgba(0, 0, 0, 0.55)";
const NO_WORD = "Without a word";

/** @param {Feature} feature @param {number} number @returns {Drawn} */
function drawnOf({ geometry, properties: { classification, nocturne } }, number) {
  const colour = classification?.color ? `rgb(${classification.color.map(Number).join(" ")})` : COLOUR;
  const kind = nocturne?.kind ?? (geometry.type === "Point" ? "point" : geometry.type === "LineString" ? "line" : "polygon");
  return {
    client_id: String(number), kind, geometry, colour, label: classification?.name ?? "", author: nocturne?.author ?? "",
    comment: "", version: 1, deleted: false, layer: "", negative: false, locked: true, state: "saved", problem: "",
    theirs: null, known: null, sent: null,
  };
}

/** @param {Drawn[]} all @returns {(extent: number[]) => Drawn[]} what touches a box of the map, y up */
function finder(all) {
  if (!all.length) {
    return () => [];
  }
  const index = new Flatbush(all.length);
  all.forEach(({ geometry }) => index.add(...boxOf(geometry)));
  index.finish();
  return ([minX = 0, minY = 0, maxX = 0, maxY = 0]) =>
    index.search(minX, -maxY, maxX, -minY).sort((one, other) => one - other).flatMap((number) => all[number] ?? []);
}

/**
 * @param {string} word
 * @param {Drawn[]} those with it
 * @param {(shown: boolean) => void} toggle
 */
function row(word, those, toggle) {
  const label = document.createElement("label");
  const box = document.createElement("input");
  const sign = document.createElement("span");
  box.type = "checkbox";
  box.checked = true;
  box.addEventListener("change", () => toggle(box.checked));
  sign.className = "viewer-word";
  sign.style.setProperty("--word", those[0]?.colour ?? COLOUR);
  sign.textContent = `${word || NO_WORD} (${those.length})`;
  label.append(box, " ", sign);
  return label;
}

/**
 * @param {Viewer} viewer
 * @returns {Promise<void>}
 */
export async function showDrawn({ root, map, addKeys }) {
  const section = root.querySelector("[data-drawn]");
  if (!(section instanceof HTMLElement)) {
    return;
  }
  const status = part(section, "[data-drawn-status]", HTMLElement);
  const { features } = /** @type {{features: Feature[]}} */ (await json(section.dataset.drawn, (said) => (status.textContent = said ?? "")));
  const all = features.map(drawnOf);
  /** @type {Set<string>} */
  const hidden = new Set();
  const found = finder(all);
  const layer = new ShapesLayer({
    within: (extent) => found(extent).filter(({ label }) => !hidden.has(label)),
    look: (shape) => ({ colour: /** @type {Drawn} */ (shape).colour, dash: [], casing: CASING }),
    word: ({ label }) => label,
  });
  map.addLayer(layer);
  /** @type {Map<string, Drawn[]>} */
  const words = new Map();
  for (const shape of all) {
    const those = words.get(shape.label) ?? [];
    those.push(shape);
    words.set(shape.label, those);
  }
  const rows = [...words].sort(([one], [other]) => one.localeCompare(other)).map(([word, those]) =>
    row(word, those, (shown) => {
      hidden[shown ? "delete" : "add"](word);
      layer.stale();
    }));
  part(section, "[data-drawn-words]", HTMLElement).replaceChildren(...rows);
  status.textContent = String(all.length);
  addKeys([{ key: "o", help: "annotations on or off", run: () => layer.setVisible(!layer.getVisible()) }]);
}
