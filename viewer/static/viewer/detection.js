/**
 * @file The detection layer: what a program sees on the slide, painted by the server tile by tile over the picture,
 * counted in the part that is in view, and stored as annotations on request.
 */

import { json } from "./opening.js";
import { TileGrid, TileImage, TileLayer } from "./npm.js";

/** @typedef {import("./types.js").Viewer} Viewer */

/**
 * @typedef {object} Parameter
 * @property {string} name
 * @property {string} title
 * @property {number} low
 * @property {number} high
 * @property {number} usual
 * @property {number} step
 */

/**
 * @typedef {object} Detector
 * @property {string} name
 * @property {string} title
 * @property {string} thing
 * @property {string} legend what its colours say
 * @property {number | null} coarsest downsample up to which it is shown; null: any
 * @property {Parameter[]} parameters
 */

const PANEL = `
  <summary><h2>Detection</h2></summary>
  <select data-detector aria-label="Detector"><option value="">Nothing</option></select>
  <p class="soft" data-legend></p>
  <div data-parameters></div>
  <p data-told role="status"></p>
  <div class="viewer-bar">
    <button type="button" data-count disabled>Count in view</button>
    <button type="button" data-store disabled>Store as annotations</button>
  </div>`;

class Detection {
  /** @type {Detector | null} */
  #chosen = null;
  /** @type {import("ol/layer/Tile.js").default | null} */
  #layer = null;
  #viewer;
  #base;
  #panel = document.createElement("details");
  #told;

  /**
   * @param {Viewer} viewer
   * @param {string} base address of the slide, with a slash at its end
   * @param {Detector[]} detectors
   */
  constructor(viewer, base, detectors) {
    this.#viewer = viewer;
    this.#base = base;
    this.#panel.innerHTML = PANEL;
    this.#told = this.#part("[data-told]", HTMLElement);
    const select = this.#part("[data-detector]", HTMLSelectElement);
    select.append(...detectors.map(({ name, title }) => new Option(title, name)));
    select.addEventListener("change", () => {
      this.#choose(detectors.find(({ name }) => name === select.value) ?? null);
    });
    this.#part("[data-count]", HTMLButtonElement).addEventListener("click", () => this.#count());
    const store = this.#part("[data-store]", HTMLButtonElement);
    store.hidden = "readOnly" in viewer.root.dataset || !viewer.root.dataset.annotations;
    store.addEventListener("click", () => this.#store());
    viewer.view.on("change:resolution", () => this.#sayZoom());
    viewer.root.querySelector(".viewer-side > footer")?.before(this.#panel);
  }

  /**
   * @template {HTMLElement} T
   * @param {string} selector
   * @param {new () => T} kind
   * @returns {T}
   */
  #part(selector, kind) {
    const found = this.#panel.querySelector(selector);
    if (!(found instanceof kind)) {
      throw new Error(`The panel has no ${selector}.`);
    }
    return found;
  }

  /** @param {Detector | null} detector */
  #choose(detector) {
    this.#chosen = detector;
    const rows = detector?.parameters.map((parameter) => this.#row(parameter)) ?? [];
    this.#part("[data-parameters]", HTMLElement).replaceChildren(...rows);
    this.#part("[data-legend]", HTMLElement).textContent = detector?.legend ?? "";
    for (const name of ["[data-count]", "[data-store]"]) {
      this.#part(name, HTMLButtonElement).disabled = !detector;
    }
    this.#repaint();
    this.#sayZoom();
  }

  /** @param {Parameter} parameter */
  #row({ name, title, low, high, usual, step }) {
    const row = Object.assign(document.createElement("div"), { className: "viewer-line" });
    const range = { type: "range", name, min: `${low}`, max: `${high}`, step: `${step}`, value: `${usual}`, ariaLabel: title };
    const input = Object.assign(document.createElement("input"), range);
    const reading = document.createElement("output");
    const { channels, modality } = this.#viewer.header;
    const say = () => {
      reading.value = (name === "channel" && channels[input.valueAsNumber]?.name) || input.value;
    };
    input.addEventListener("input", say);
    input.addEventListener("change", () => this.#repaint());
    row.append(Object.assign(document.createElement("span"), { textContent: title }), input, reading);
    row.hidden = name === "channel" && modality === "brightfield"; // haematoxylin is taken apart from the colours
    say();
    return row;
  }

  /** @returns {Record<string, string>} */
  #values() {
    const inputs = [...this.#panel.querySelectorAll("[data-parameters] input")];
    return Object.fromEntries(inputs.map((input) => (input instanceof HTMLInputElement ? [input.name, input.value] : [])));
  }

  #repaint() {
    if (this.#layer) {
      this.#viewer.map.removeLayer(this.#layer);
      this.#layer = null;
    }
    if (!this.#chosen) {
      return;
    }
    const { header, map, extent } = this.#viewer;
    const { name, coarsest } = this.#chosen;
    const resolutions = [...header.tiles.downsamples].reverse();
    const query = new URLSearchParams({ ...this.#values(), v: header.version });
    const source = new TileImage({
      projection: this.#viewer.view.getProjection(),
      tileGrid: new TileGrid({ extent, origin: [0, 0], resolutions, tileSize: header.tiles.size }),
      tileUrlFunction: ([z = 0, column, row]) => `${this.#base}detect/${name}/${resolutions.length - 1 - z}/${column}/${row}.png?${query}`,
      transition: 0,
    });
    source.on("tileloaderror", () => this.#say("Part of it could not be looked at."));
    this.#layer = new TileLayer({ source, extent, className: "viewer-detection ol-layer" });
    this.#layer.setMaxResolution(coarsest ? coarsest * 1.5 : Infinity);
    map.getLayers().insertAt(1, this.#layer); // over the picture, under what is drawn
  }

  /** @param {string} text */
  #say(text) {
    this.#told.textContent = text;
  }

  #sayZoom() {
    const limit = this.#chosen?.coarsest;
    const far = limit && (this.#viewer.view.getResolution() ?? 1) >= limit * 1.5;
    this.#say(far ? "Zoom in: this is looked for on finer pixels." : "");
  }

  /** The part in view, as x,y,w,h in px of level 1; empty where the slide is not in view. */
  #box() {
    const [left = 0, bottom = 0, right = 0, top = 0] = this.#viewer.view.calculateExtent(this.#viewer.map.getSize());
    const { width, height } = this.#viewer.header;
    const [x, y] = [Math.max(0, Math.floor(left)), Math.max(0, Math.floor(-top))];
    const [w, h] = [Math.min(width, Math.ceil(right)) - x, Math.min(height, Math.ceil(-bottom)) - y];
    return w > 0 && h > 0 ? `${x},${y},${w},${h}` : "";
  }

  async #count() {
    const [detector, box] = [this.#chosen, this.#box()];
    if (!detector || !box) {
      return;
    }
    this.#say("Counting…");
    const query = new URLSearchParams({ ...this.#values(), box, v: this.#viewer.header.version });
    await this.#telling(async () => {
      const found = await json(`${this.#base}detect/${detector.name}.json?${query}`, () => {}, []);
      return `${found.count} × ${found.thing} in view.`;
    });
  }

  async #store() {
    const [detector, box] = [this.#chosen, this.#box()];
    const { annotations, csrf = "", slide } = this.#viewer.root.dataset;
    if (!detector || !box) {
      return;
    }
    this.#say("Storing what is in view…");
    await this.#telling(async () => {
      const response = await fetch(`${annotations}detect/`, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRFToken": csrf },
        body: JSON.stringify({ slide, detector: detector.name, box, parameters: this.#values() }),
      });
      const answer = await response.json();
      if (!response.ok) {
        throw new Error(answer.error?.message ?? `The server answered ${response.status}.`);
      }
      await this.#arrived();
      return `${answer.stored} stored, ${answer.here} were there already.`;
    });
  }

  /** Who draws on this slide takes them over, to edit them. */
  async #arrived() {
    /** @type {Promise<void>[]} */
    const taking = [];
    const waitUntil = taking.push.bind(taking);
    this.#viewer.root.dispatchEvent(new CustomEvent("annotations:arrived", { detail: { waitUntil } }));
    await Promise.all(taking);
  }

  /** @param {() => Promise<string>} work */
  async #telling(work) {
    this.#panel.setAttribute("aria-busy", "true");
    this.#say(await work().catch((error) => (error instanceof Error ? error.message.replace(" Reload the page to try again.", "") : String(error))));
    this.#panel.removeAttribute("aria-busy");
  }
}

/**
 * Adds the panel to the side of a viewer.
 *
 * @param {Viewer} viewer
 */
export async function startDetection(viewer) {
  const [address = ""] = (viewer.root.dataset.header ?? "").split("header.json");
  /** @type {{detectors: Detector[]}} */
  const { detectors } = await json(`${address}detectors.json?v=${viewer.header.version}`, () => {});
  new Detection(viewer, address, detectors);
}
