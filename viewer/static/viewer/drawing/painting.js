/**
 * @file Paints thousands of shapes without a stutter: onto a canvas larger than the view, a few milliseconds per frame.
 *
 * Panning and zooming only move the painted canvas (a CSS transform); a new one is painted beside it when the view
 * leaves its margin, the zoom has changed or a shape has, and takes its place when it is done. Lines are thinned to
 * what the zoom can show.
 */

import { Layer } from "../npm.js";
import { thinned } from "./thinning.js";

/** @typedef {import("ol/Map.js").FrameState} FrameState */
/** @typedef {import("./draft.js").Draft} Draft */
/** @typedef {import("./looks.js").Look} Look */

/**
 * @typedef {object} ShapesOptions
 * @property {(extent: number[]) => Draft[]} within what to paint in a box of the map, in this order
 * @property {(draft: Draft) => Look} look
 * @property {(draft: Draft) => string} word what is written beside it
 */

/** What a canvas was painted for. @typedef {{centre: number[], resolution: number, rotation: number, size: number[], ratio: number}} Scene */

/** How much larger than the view the canvas is. */
const MARGIN = 1.5;
const SLICE_MS = 8;
/** Shapes painted in one frame; how many is learned from how long they took. */
const SLICE = { least: 150, most: 2000 };
const WIDTH_PX = 2;
const SMALLEST_PX = 2.5;
const POINT_PX = 5;
/** Above so many shapes there is no room for words. */
const WORDS_UP_TO = 300;
const WORD_FROM_PX = 50;
/** Above so many shapes lines go without a casing: it costs as much as they do. */
const CASED_UP_TO = 2000;
const AREAS = new Set(["Polygon", "MultiPolygon"]);

export class ShapesLayer extends Layer {
  #root = document.createElement("div");
  #shown = canvas();
  #hidden = canvas();
  /** @type {Scene | null} */
  #scene = null;
  /** The painting under way. @type {Painting | null} */
  #painting = null;
  #revision = 0;
  #painted = -1;
  #slice = 200;
  #options;

  /** @param {ShapesOptions} options */
  constructor(options) {
    super({ zIndex: 10 });
    this.#options = options;
    this.#root.className = "viewer-shapes ol-layer";
    this.#root.append(this.#shown, this.#hidden);
  }

  /** Something looks different now. */
  stale() {
    this.#revision += 1;
    this.changed();
  }

  /**
   * @override
   * @param {FrameState | null} frame
   * @returns {HTMLElement}
   */
  render(frame) {
    if (frame) {
      this.#advance(frame);
      this.#root.dataset.painted = String(this.#painted === this.#revision && !this.#painting);
      if (this.#scene) {
        this.#shown.style.transform = placed(this.#scene, sceneOf(frame));
      }
    }
    return this.#root;
  }

  /** @param {FrameState} frame */
  #advance(frame) {
    const wanted = sceneOf(frame);
    const fits = this.#scene && covers(this.#scene, wanted) && this.#painted === this.#revision;
    if (!this.#painting && !fits) {
      this.#painting = new Painting(this.#hidden, wanted, this.#revision, this.#options);
      requestAnimationFrame(() => this.#paint());
    }
  }

  /** One slice in each frame of the browser; the map itself need not be painted for it. */
  #paint() {
    if (!this.#painting) {
      return;
    }
    const begun = performance.now();
    const done = this.#painting.go(this.#slice);
    const pace = SLICE_MS / Math.max(1, performance.now() - begun);
    this.#slice = Math.round(Math.min(SLICE.most, Math.max(SLICE.least, this.#slice * Math.min(2, Math.max(0.5, pace)))));
    if (done) {
      this.#swap(this.#painting);
      this.changed();
    } else {
      requestAnimationFrame(() => this.#paint());
    }
  }

  /** @param {Painting} done */
  #swap({ scene, revision }) {
    [this.#shown, this.#hidden] = [this.#hidden, this.#shown];
    this.#shown.hidden = false;
    this.#hidden.hidden = true;
    this.#scene = scene;
    this.#painted = revision;
    this.#painting = null;
  }
}

class Painting {
  #pen;
  #left;
  #at = 0;
  #look;
  #word;
  #words;
  #crowded;
  #middle;

  /**
   * @param {HTMLCanvasElement} target
   * @param {Scene} scene
   * @param {number} revision
   * @param {ShapesOptions} options
   */
  constructor(target, scene, revision, { within, look, word }) {
    this.scene = scene;
    this.revision = revision;
    this.#look = look;
    this.#word = word;
    const [width = 1, height = 1] = scene.size.map((side) => Math.round(side * MARGIN * scene.ratio));
    target.width = width;
    target.height = height;
    target.style.width = `${width / scene.ratio}px`;
    target.style.height = `${height / scene.ratio}px`;
    const pen = target.getContext("2d", { willReadFrequently: true });
    if (!pen) {
      throw new Error("This browser has no canvas to draw annotations on.");
    }
    this.#pen = pen;
    this.#middle = [width / 2 / scene.ratio, height / 2 / scene.ratio];
    pen.scale(scene.ratio, scene.ratio);
    pen.lineJoin = "round";
    const [x = 0, y = 0] = scene.centre;
    const reach = (Math.hypot(width, height) / 2 / scene.ratio) * scene.resolution;
    const [halfX, halfY] = scene.rotation ? [reach, reach] : this.#middle.map((half) => half * scene.resolution);
    this.#left = within([x - (halfX ?? 0), y - (halfY ?? 0), x + (halfX ?? 0), y + (halfY ?? 0)]);
    this.#words = this.#left.length <= WORDS_UP_TO;
    this.#crowded = this.#left.length > CASED_UP_TO;
  }

  /** @param {number} count of shapes @returns {boolean} whether it is done */
  go(count) {
    for (const draft of this.#left.slice(this.#at, this.#at + count)) {
      this.#paint(draft);
    }
    this.#at += count;
    this.#pen.getImageData(0, 0, 1, 1); // else strokes are only noted, and all are painted when the canvas is shown
    return this.#at >= this.#left.length;
  }

  /** @param {Draft} draft */
  #paint(draft) {
    const { colour, dash, casing } = this.#look(draft);
    const { resolution } = this.scene;
    const { paths, closed, box } = thinned(draft.geometry, resolution);
    const [left, top, right, bottom] = box;
    const across = Math.max(right - left, bottom - top) / resolution;
    const pen = this.#pen;
    const [x, y] = this.#screen((left + right) / 2, (top + bottom) / 2);
    if (draft.kind === "point" || across < SMALLEST_PX) {
      dot(pen, x, y, draft.kind === "point" ? POINT_PX : SMALLEST_PX / 2, colour, casing);
    } else {
      pen.beginPath();
      paths.forEach((path) => this.#trace(path, closed));
      if (!this.#crowded) {
        stroke(pen, casing, WIDTH_PX + 2, []);
      }
      stroke(pen, colour, WIDTH_PX, dash);
    }
    const said = this.#words ? this.#word(draft) : "";
    if (said && (across >= WORD_FROM_PX || draft.kind === "point")) {
      write(pen, said, x, AREAS.has(draft.geometry.type) ? y : y - 12);
    }
  }

  /** @param {Float64Array} path @param {boolean} closed */
  #trace(path, closed) {
    for (let i = 0; i < path.length; i += 2) {
      const [x, y] = this.#screen(path[i] ?? 0, path[i + 1] ?? 0);
      if (i === 0) {
        this.#pen.moveTo(x, y);
      } else {
        this.#pen.lineTo(x, y);
      }
    }
    if (closed) {
      this.#pen.closePath();
    }
  }

  /**
   * @param {number} px of the slide, y down
   * @param {number} py
   * @returns {[number, number]}
   */
  #screen(px, py) {
    const { centre: [x = 0, y = 0], resolution, rotation } = this.scene;
    const [right, down] = [(px - x) / resolution, (py + y) / resolution];
    const [cos, sin] = [Math.cos(rotation), Math.sin(rotation)];
    return [(this.#middle[0] ?? 0) + right * cos - down * sin, (this.#middle[1] ?? 0) + right * sin + down * cos];
  }
}

function canvas() {
  const made = document.createElement("canvas");
  made.hidden = true;
  return made;
}

/** @param {FrameState} frame @returns {Scene} */
function sceneOf({ viewState: { center, resolution, rotation }, size, pixelRatio }) {
  return { centre: [...center], resolution, rotation, size: [...size], ratio: pixelRatio };
}

/** @param {Scene} painted @param {Scene} wanted whether the painted canvas still serves */
function covers(painted, wanted) {
  const same = painted.resolution === wanted.resolution && painted.rotation === wanted.rotation
    && painted.ratio === wanted.ratio && painted.size.every((side, i) => side === wanted.size[i]);
  const spare = (MARGIN - 1) / 2;
  return same && wanted.centre.every((at, i) =>
    Math.abs(at - (painted.centre[i] ?? 0)) / wanted.resolution < Math.min(...wanted.size) * spare * 0.6);
}

/** @param {Scene} painted @param {Scene} now the CSS transform that puts the painted canvas where it belongs */
function placed(painted, now) {
  const scale = painted.resolution / now.resolution;
  const [dx, dy] = [0, 1].map((i) => ((painted.centre[i] ?? 0) - (now.centre[i] ?? 0)) / now.resolution);
  const [cos, sin] = [Math.cos(now.rotation), Math.sin(now.rotation)];
  const [right, down] = [(dx ?? 0) * cos + (dy ?? 0) * sin, (dx ?? 0) * sin - (dy ?? 0) * cos];
  const [width = 0, height = 0] = now.size;
  const [wide = 0, high = 0] = painted.size.map((side) => side * MARGIN);
  const turn = now.rotation - painted.rotation;
  return `translate(${width / 2 + right - wide / 2}px, ${height / 2 + down - high / 2}px) rotate(${turn}rad) scale(${scale})`;
}

/** @param {CanvasRenderingContext2D} pen @param {string} colour @param {number} width @param {number[]} dash */
function stroke(pen, colour, width, dash) {
  pen.strokeStyle = colour;
  pen.lineWidth = width;
  pen.setLineDash(dash);
  pen.stroke();
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 * @param {string} colour
 * @param {string} casing
 */
function dot(pen, x, y, radius, colour, casing) {
  pen.fillStyle = casing;
  pen.fillRect(x - radius - 1, y - radius - 1, 2 * radius + 2, 2 * radius + 2);
  pen.fillStyle = colour;
  pen.fillRect(x - radius, y - radius, 2 * radius, 2 * radius);
}

/** @param {CanvasRenderingContext2D} pen @param {string} text @param {number} x @param {number} y */
function write(pen, text, x, y) {
  pen.font = "600 13px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.setLineDash([]);
  pen.lineWidth = 3;
  pen.strokeStyle = "#000000";
  pen.strokeText(text, x, y);
  pen.fillStyle = "#ffffff";
  pen.fillText(text, x, y);
}
