/**
 * @file From the view (centre, resolution, rotation) to clip coordinates, in double precision.
 *
 * A float has 24 bits: at 100,000 px across it cannot tell tenths of a pixel. Corners are therefore computed here and
 * the shader only interpolates inside one part of a field.
 */

/** @typedef {import("./layout.js").Box} Box */

export class Camera {
  /**
   * @param {object} view
   * @param {[number, number]} view.centre level-1 px, y down
   * @param {number} view.resolution level-1 px per device pixel
   * @param {number} view.rotation radians, clockwise
   * @param {[number, number]} view.size device pixels
   */
  constructor({ centre, resolution, rotation, size }) {
    this.centre = centre;
    this.resolution = resolution;
    this.size = size;
    this.cos = Math.cos(rotation);
    this.sin = Math.sin(rotation);
  }

  /**
   * @param {number} x level-1 px
   * @param {number} y
   * @returns {[number, number]} clip coordinates
   */
  clip(x, y) {
    const dx = (x - this.centre[0]) / this.resolution;
    const dy = (y - this.centre[1]) / this.resolution;
    const right = dx * this.cos - dy * this.sin;
    const down = dx * this.sin + dy * this.cos;
    return [(2 * right) / this.size[0], (-2 * down) / this.size[1]];
  }

  /**
   * @param {number} x level-1 px
   * @param {number} y
   * @param {number} width
   * @param {number} height
   * @returns {{origin: [number, number], across: [number, number], down: [number, number]}}
   */
  quad(x, y, width, height) {
    const origin = this.clip(x, y);
    const right = this.clip(x + width, y);
    const below = this.clip(x, y + height);
    return {
      origin,
      across: [right[0] - origin[0], right[1] - origin[1]],
      down: [below[0] - origin[0], below[1] - origin[1]],
    };
  }

  /**
   * @param {number} downsample
   * @returns {{stepX: [number, number], stepY: [number, number]}} texels per screen pixel
   */
  steps(downsample) {
    const step = this.resolution / downsample;
    return { stepX: [step * this.cos, -step * this.sin], stepY: [step * this.sin, step * this.cos] };
  }

  /** @returns {Box} the level-1 px that the screen shows */
  box() {
    const width = this.size[0] * this.resolution;
    const height = this.size[1] * this.resolution;
    const halfX = (Math.abs(width * this.cos) + Math.abs(height * this.sin)) / 2;
    const halfY = (Math.abs(width * this.sin) + Math.abs(height * this.cos)) / 2;
    return [this.centre[0] - halfX, this.centre[1] - halfY, this.centre[0] + halfX, this.centre[1] + halfY];
  }
}
