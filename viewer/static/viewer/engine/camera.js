/**
 * @file From the view (centre, resolution, rotation) to the screen and back, in double precision.
 *
 * A float has 24 bits: at 100,000 px across it cannot tell tenths of a pixel. Every field is therefore given an anchor, the
 * texel that lies under one pixel of the screen, computed here; the shader only steps from there, pixel by pixel.
 */

/** @typedef {import("./layout.js").Box} Box */

/** Quads are painted this many screen px larger than they are; the shader cuts them exactly. */
const MARGIN_PX = 1.5;

/**
 * @typedef {object} Anchor
 * @property {[number, number]} pivot screen px, from the bottom left as WebGL counts, in the middle of a pixel
 * @property {[number, number]} base texel of the field under it
 */

export class Camera {
  /**
   * @param {object} view
   * @param {[number, number]} view.centre level-1 px, y down
   * @param {number} view.resolution level-1 px per device pixel
   * @param {number} view.rotation radians, clockwise
   * @param {[number, number]} view.size device pixels
   */
  constructor(view) {
    const { centre, resolution, rotation, size } = view;
    this.view = view;
    this.centre = centre;
    this.resolution = resolution;
    this.size = size;
    this.cos = Math.cos(rotation);
    this.sin = Math.sin(rotation);
  }

  /**
   * The camera that sees a channel which is moved by (dx, dy) level-1 px.
   *
   * @param {number} dx
   * @param {number} dy
   */
  moved(dx, dy) {
    return dx || dy ? new Camera({ ...this.view, centre: [this.centre[0] - dx, this.centre[1] - dy] }) : this;
  }

  /**
   * @param {number} x level-1 px
   * @param {number} y
   * @returns {[number, number]} screen px from the top left
   */
  screen(x, y) {
    const dx = (x - this.centre[0]) / this.resolution;
    const dy = (y - this.centre[1]) / this.resolution;
    return [this.size[0] / 2 + dx * this.cos - dy * this.sin, this.size[1] / 2 + dx * this.sin + dy * this.cos];
  }

  /**
   * @param {number} right screen px from the top left
   * @param {number} down
   * @returns {[number, number]} level-1 px
   */
  slide(right, down) {
    const dx = (right - this.size[0] / 2) * this.resolution;
    const dy = (down - this.size[1] / 2) * this.resolution;
    return [this.centre[0] + dx * this.cos + dy * this.sin, this.centre[1] - dx * this.sin + dy * this.cos];
  }

  /**
   * @param {number} x level-1 px
   * @param {number} y
   * @returns {[number, number]} clip coordinates
   */
  clip(x, y) {
    const [right, down] = this.screen(x, y);
    return [(2 * right) / this.size[0] - 1, 1 - (2 * down) / this.size[1]];
  }

  /**
   * A box on the screen, a little larger than it is.
   *
   * @param {number} x level-1 px
   * @param {number} y
   * @param {number} width
   * @param {number} height
   * @returns {{origin: [number, number], across: [number, number], down: [number, number]}} clip coordinates
   */
  quad(x, y, width, height) {
    const margin = MARGIN_PX * this.resolution;
    const origin = this.clip(x - margin, y - margin);
    const right = this.clip(x + width + margin, y - margin);
    const below = this.clip(x - margin, y + height + margin);
    return {
      origin,
      across: [right[0] - origin[0], right[1] - origin[1]],
      down: [below[0] - origin[0], below[1] - origin[1]],
    };
  }

  /**
   * The whole screen pixels that a box may touch, on or off the screen.
   *
   * @param {number} x level-1 px
   * @param {number} y
   * @param {number} width
   * @param {number} height
   * @returns {import("./keeping.js").Rect}
   */
  rect(x, y, width, height) {
    const corners = [this.screen(x, y), this.screen(x + width, y), this.screen(x, y + height), this.screen(x + width, y + height)];
    const [rights, downs] = [corners.map(([right]) => right), corners.map(([, down]) => down)];
    const [left, top] = [Math.floor(Math.min(...rights)) - 1, Math.floor(Math.min(...downs)) - 1];
    return [left, top, Math.ceil(Math.max(...rights)) + 1, Math.ceil(Math.max(...downs)) + 1];
  }

  /**
   * The anchor of a field, in the middle of what the screen shows of it.
   *
   * @param {[number, number]} origin of the field, level-1 px
   * @param {[number, number]} texels
   * @param {number} downsample
   * @returns {Anchor}
   */
  anchor(origin, texels, downsample) {
    const middle = this.screen(origin[0] + (texels[0] * downsample) / 2, origin[1] + (texels[1] * downsample) / 2);
    const [right, down] = middle.map((at, i) => Math.floor(Math.min(Math.max(at, 0), this.size[i] ?? 0)) + 0.5);
    const [x, y] = this.slide(right ?? 0, down ?? 0);
    return {
      pivot: [right ?? 0, this.size[1] - (down ?? 0)],
      base: [(x - origin[0]) / downsample, (y - origin[1]) / downsample],
    };
  }

  /**
   * @param {number} downsample
   * @returns {{stepX: [number, number], stepY: [number, number]}} texels per screen pixel, to the right and down
   */
  steps(downsample) {
    const step = this.resolution / downsample;
    return { stepX: [step * this.cos, -step * this.sin], stepY: [step * this.sin, step * this.cos] };
  }

  /**
   * @param {number} [margin] share of the screen added on each side
   * @returns {Box} the level-1 px that the screen shows
   */
  box(margin = 0) {
    const width = this.size[0] * this.resolution * (1 + 2 * margin);
    const height = this.size[1] * this.resolution * (1 + 2 * margin);
    const halfX = (Math.abs(width * this.cos) + Math.abs(height * this.sin)) / 2;
    const halfY = (Math.abs(width * this.sin) + Math.abs(height * this.cos)) / 2;
    return [this.centre[0] - halfX, this.centre[1] - halfY, this.centre[0] + halfX, this.centre[1] + halfY];
  }
}
