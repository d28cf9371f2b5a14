/**
 * @file Where the fields of view lie, and which of them a viewport meets (an R-tree, as the mosaic may be irregular).
 */

/** @typedef {import("../types.js").SlideHeader} SlideHeader */
/** @typedef {import("../types.js").FieldsHeader} FieldsHeader */
/** @typedef {[minX: number, minY: number, maxX: number, maxY: number]} Box */

/**
 * The little of Flatbush that is used: what a test may replace.
 *
 * @typedef {object} SpatialIndex
 * @property {(minX: number, minY: number, maxX: number, maxY: number) => number} add
 * @property {() => void} finish
 * @property {(minX: number, minY: number, maxX: number, maxY: number, filter?: (index: number) => boolean) => number[]} search
 */
/** @typedef {new (count: number) => SpatialIndex} SpatialIndexClass */

export class MosaicLayout {
  #fields;
  #stage;
  #registered;

  /**
   * @param {FieldsHeader} fields
   * @param {SpatialIndexClass} Index
   */
  constructor(fields, Index) {
    this.#fields = fields;
    this.#stage = build(fields, fields.x, fields.y, Index);
    this.#registered =
      fields.registeredX && fields.registeredY ? build(fields, fields.registeredX, fields.registeredY, Index) : null;
  }

  get count() {
    return this.#fields.x.length;
  }

  /** Of a field, level-1 px. @returns {[number, number]} */
  get size() {
    return [this.#fields.width, this.#fields.height];
  }

  get hasRegistration() {
    return this.#registered !== null;
  }

  /**
   * @param {number} index of the field
   * @param {boolean} registered
   * @returns {[number, number]} its top-left corner, level-1 px
   */
  origin(index, registered) {
    const { x, y, registeredX, registeredY } = this.#fields;
    return registered && registeredX && registeredY
      ? [registeredX[index] ?? 0, registeredY[index] ?? 0]
      : [x[index] ?? 0, y[index] ?? 0];
  }

  /**
   * Fields that meet the box, in painting order: a later field lies over an earlier one, as the server composes them.
   *
   * @param {Box} box level-1 px
   * @param {{registered: boolean, z: number, t: number}} options
   * @returns {number[]}
   */
  query(box, { registered, z, t }) {
    const index = (registered && this.#registered) || this.#stage;
    const here = (/** @type {number} */ i) => this.#fields.z[i] === z && this.#fields.t[i] === t;
    return index.search(...box, here).sort((a, b) => a - b);
  }
}

/**
 * @param {FieldsHeader} fields
 * @param {number[]} xs
 * @param {number[]} ys
 * @param {SpatialIndexClass} Index
 */
function build(fields, xs, ys, Index) {
  const index = new Index(xs.length);
  xs.forEach((x, i) => {
    const y = ys[i] ?? 0;
    index.add(x, y, x + fields.width, y + fields.height);
  });
  index.finish();
  return index;
}
