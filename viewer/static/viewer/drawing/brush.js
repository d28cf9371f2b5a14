/**
 * @file A round brush that paints onto a shape or rubs out of it. Its size is that of the screen: zoom in for detail.
 */

import { Feature, LineString, Pointer, Stroke, Style, VectorLayer, VectorSource } from "../npm.js";
import { toRecord } from "./geometry.js";

/** @typedef {import("./geometry.js").Nested} Nested */
/** @typedef {(path: number[][], radiusPx: number) => void} OnStroke path of the record, radius in slide px */

const SIZES_PX = [4, 400];
const STEP_PX = 2;

export class Brush {
  #source = new VectorSource();
  #layer;
  #onStroke;
  /** @type {number[][]} */
  #path = [];
  #adds = true;
  radius = 24;
  interaction;

  /** @param {import("ol/Map.js").default} map @param {OnStroke} onStroke */
  constructor(map, onStroke) {
    this.#onStroke = onStroke;
    this.#layer = new VectorLayer({ source: this.#source, style: () => this.#style(), zIndex: 12, updateWhileInteracting: true });
    map.addLayer(this.#layer);
    this.interaction = new Pointer({
      handleMoveEvent: ({ coordinate }) => this.#show([coordinate, coordinate]),
      handleDownEvent: ({ coordinate, originalEvent }) => {
        this.#path = originalEvent instanceof MouseEvent && originalEvent.button > 0 ? [] : [coordinate];
        this.#show([coordinate, coordinate]);
        return this.#path.length > 0;
      },
      handleDragEvent: ({ coordinate, map: at }) => this.#drag(coordinate, at.getView().getResolution() ?? 1),
      handleUpEvent: ({ map: at }) => {
        const last = this.#path.at(-1) ?? [];
        this.#show([last, last]); // the shape shows the rest from here on
        this.#onStroke(/** @type {number[][]} */ (this.#record()), this.radius * (at.getView().getResolution() ?? 1));
        this.#path = [];
        return false;
      },
    });
  }

  /** @param {boolean} adds otherwise it rubs out */
  use(adds) {
    this.#adds = adds;
  }

  putDown() {
    this.#source.clear();
  }

  /** @param {number} factor */
  resize(factor) {
    const [least = 4, most = 400] = SIZES_PX;
    this.radius = Math.min(most, Math.max(least, Math.round(this.radius * factor)));
    this.#layer.changed();
  }

  /** @param {number[]} coordinate @param {number} resolution */
  #drag([x = 0, y = 0], resolution) {
    const [lastX = 0, lastY = 0] = this.#path.at(-1) ?? [];
    if (Math.hypot(x - lastX, y - lastY) >= STEP_PX * resolution) {
      this.#path.push([x, y]);
      this.#show(this.#path.length > 1 ? this.#path : [[x, y], [x, y]]);
    }
  }

  #record() {
    return toRecord("LineString", /** @type {Nested[]} */ (this.#path)).coordinates;
  }

  /** @param {number[][]} path */
  #show(path) {
    this.#source.clear();
    this.#source.addFeature(new Feature(new LineString(path)));
  }

  #style() {
    const ink = this.#adds ? "rgba(53, 208, 186, 0.45)" : "rgba(255, 93, 115, 0.45)";
    return new Style({ stroke: new Stroke({ lineCap: "round", lineJoin: "round", color: ink, width: 2 * this.radius }) });
  }
}
