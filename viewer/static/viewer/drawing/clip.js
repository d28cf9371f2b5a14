/**
 * @file Union, difference and cutting of shapes, by Clipper2 on whole hundredths of a pixel: the grid of the record.
 *
 * On a grid of integers the answer is exact; what goes in valid or not comes out as simple rings.
 */

/** @typedef {import("./geometry.js").ShapeJson} ShapeJson */
/** @typedef {typeof import("clipper2-ts")} Clipper2 */
/** @typedef {import("clipper2-ts").Paths64} Paths */
/** @typedef {number[][]} Ring */

const GRID = 100;
/** How wide a cut is, px: the least that parts two shapes on the grid. */
const CUT_PX = 0.02;
/** Shapes smaller than this are crumbs of a brush, px². */
const CRUMB_PX2 = 0.5;

export class Clip {
  #library;

  /** @param {Clipper2} library */
  constructor(library) {
    this.#library = library;
  }

  /**
   * @param {ShapeJson[]} shapes
   * @returns {ShapeJson | null} null when nothing is left
   */
  union(shapes) {
    return asOne(this.#parts(this.#joined(shapes.flatMap((shape) => paths(shape)))));
  }

  /** @param {ShapeJson} shape @param {ShapeJson} taken @returns {ShapeJson | null} */
  difference(shape, taken) {
    return asOne(this.#without(shape, this.#joined(paths(taken))));
  }

  /**
   * The parts of a shape on the sides of a line; one when the line does not part it.
   *
   * @param {ShapeJson} shape
   * @param {ShapeJson} line
   * @returns {ShapeJson[]}
   */
  split(shape, line) {
    const knife = this.#swept(/** @type {Ring} */ (line.coordinates), CUT_PX / 2);
    return this.#without(shape, knife).map((rings) => ({ type: "Polygon", coordinates: rings }));
  }

  /**
   * What a round brush covers on its way.
   *
   * @param {Ring} path
   * @param {number} radius px
   * @returns {ShapeJson | null}
   */
  brushed(path, radius) {
    return asOne(this.#parts(this.#swept(path, radius)));
  }

  /** @param {Ring} path @param {number} radius */
  #swept(path, radius) {
    const { inflatePaths, JoinType, EndType } = this.#library;
    const tolerance = Math.max(1, radius * GRID * 0.005);
    return inflatePaths([grid(path)], radius * GRID, JoinType.Round, EndType.Round, 2, tolerance);
  }

  /** @param {ShapeJson} shape @param {Paths} taken */
  #without(shape, taken) {
    const { difference, FillRule } = this.#library;
    return this.#parts(difference(this.#joined(paths(shape)), taken, FillRule.NonZero));
  }

  /**
   * A hole is stored in whatever direction its author's program drew it: every polygon is cleaned by itself first.
   *
   * @param {Paths[]} polygons
   * @returns {Paths}
   */
  #joined(polygons) {
    const { union, FillRule } = this.#library;
    return union(polygons.flatMap((rings) => union(rings, FillRule.EvenOdd)), FillRule.NonZero);
  }

  /**
   * Outer rings with their holes.
   *
   * @param {Paths} found
   * @returns {Ring[][]}
   */
  #parts(found) {
    const { PolyTree64, booleanOpWithPolyTree, ClipType, FillRule } = this.#library;
    const tree = new PolyTree64();
    booleanOpWithPolyTree(ClipType.Union, found, null, tree, FillRule.NonZero);
    /** @type {Ring[][]} */
    const parts = [];
    const gather = (/** @type {import("clipper2-ts").PolyPath64} */ outer) => {
      const holes = Array.from({ length: outer.count }, (_, i) => outer.child(i));
      const rings = [outer, ...holes].map(({ polygon }) => ring(polygon ?? []));
      parts.push(rings);
      holes.forEach((hole) => Array.from({ length: hole.count }, (_, i) => gather(hole.child(i))));
    };
    Array.from({ length: tree.count }, (_, i) => gather(tree.child(i)));
    return parts.filter(([outer = []]) => size(outer) >= CRUMB_PX2);
  }
}

/** @param {Ring} points */
function grid(points) {
  return points.map(([x = 0, y = 0]) => ({ x: Math.round(x * GRID), y: Math.round(y * GRID) }));
}

/** @param {import("clipper2-ts").Path64} path @returns {Ring} closed */
function ring(path) {
  const points = path.map(({ x, y }) => [x / GRID, y / GRID]);
  return [...points, [...(points[0] ?? [])]];
}

/** @param {Ring} outer */
function size(outer) {
  return Math.abs(outer.reduce((sum, [x = 0, y = 0], i) => {
    const [nextX = 0, nextY = 0] = outer[(i + 1) % outer.length] ?? [];
    return sum + x * nextY - nextX * y;
  }, 0)) / 2;
}

/**
 * @param {ShapeJson} shape
 * @returns {Paths[]} one for each polygon of it
 */
function paths({ type, coordinates }) {
  const polygons = /** @type {Ring[][]} */ (type === "MultiPolygon" ? coordinates : [coordinates]);
  return polygons.map((rings) => rings.map(grid));
}

/** @param {Ring[][]} parts @returns {ShapeJson | null} */
function asOne(parts) {
  if (parts.length === 0) {
    return null;
  }
  return parts.length === 1
    ? { type: "Polygon", coordinates: parts[0] ?? [] }
    : { type: "MultiPolygon", coordinates: parts };
}
