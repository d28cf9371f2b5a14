/**
 * @file What of the last picture still serves. Panning moves it and paints only what has come into view; pixels that
 * arrive are painted where they were lacking. On a machine without a graphics card a whole picture takes 100 ms and more.
 */

import { Camera } from "./camera.js";

/** @typedef {[left: number, top: number, right: number, bottom: number]} Rect whole screen px, from the top left */

/**
 * @typedef {object} Plan
 * @property {Camera} camera to paint with: a whole number of screen px away from the last one where that one serves
 * @property {[number, number]} moved screen px to the right and down that the last picture's content goes
 * @property {Rect[] | null} due what is to be painted; null for everything
 */

/** Screen px by which a picture at rest may be off: below what a grey level shows. */
const TOLERANCE_PX = 0.01;
/** Share of the screen above which all is painted at once: each part costs calls of its own. */
const MOST = 0.5;

export class Kept {
  /** @type {{camera: Camera, look: string, unfinished: Rect[]} | null} */
  #last = null;

  /**
   * @param {Camera} wanted
   * @param {string} look all that the picture depends on but its place
   * @param {boolean} moving the view is on its way: half a pixel is not seen
   * @returns {Plan}
   */
  plan(wanted, look, moving) {
    const all = { camera: wanted, moved: /** @type {[number, number]} */ ([0, 0]), due: null };
    if (!this.#last || this.#last.look !== look) {
      return all;
    }
    const { camera, unfinished } = this.#last;
    const [width, height] = wanted.size;
    const place = camera.screen(...wanted.centre);
    const [right, down] = [place[0] - width / 2, place[1] - height / 2];
    const [dx, dy] = [Math.round(right), Math.round(down)];
    if (!moving && Math.hypot(right - dx, down - dy) > TOLERANCE_PX) {
      return all;
    }
    const strips = exposed(dx, dy, width, height);
    const due = [...strips, ...unfinished.map(([l, t, r, b]) => clipped([l - dx, t - dy, r - dx, b - dy], width, height))].filter(area);
    if (due.reduce((sum, rect) => sum + area(rect), 0) > MOST * width * height) {
      return all;
    }
    const near = new Camera({ ...camera.view, centre: camera.slide(width / 2 + dx, height / 2 + dy) });
    return { camera: dx || dy ? near : camera, moved: [-dx || 0, -dy || 0], due };
  }

  /**
   * @param {Camera} camera that it was painted with
   * @param {string} look
   * @param {Rect[]} unfinished where something else stood in for what was lacking
   */
  painted(camera, look, unfinished) {
    this.#last = { camera, look, unfinished };
  }

  forget() {
    this.#last = null;
  }
}

/**
 * What comes into view when it moves (dx, dy) px: a strip beside, and one above or below.
 *
 * @param {number} dx
 * @param {number} dy
 * @param {number} width
 * @param {number} height
 * @returns {Rect[]}
 */
function exposed(dx, dy, width, height) {
  return [
    clipped(dx > 0 ? [width - dx, 0, width, height] : [0, 0, -dx, height], width, height),
    clipped(dy > 0 ? [0, height - dy, width, height] : [0, 0, width, -dy], width, height),
  ];
}

/**
 * @param {Rect} rect
 * @param {number} width
 * @param {number} height
 * @returns {Rect}
 */
export function clipped([left, top, right, bottom], width, height) {
  return [Math.max(0, left), Math.max(0, top), Math.min(width, right), Math.min(height, bottom)];
}

/** @param {Rect} rect */
function area([left, top, right, bottom]) {
  return Math.max(0, right - left) * Math.max(0, bottom - top);
}
