/**
 * @file Between the map (y up) and the record (GeoJSON in level-1 px, y down).
 */

/** @typedef {"Polygon" | "MultiPolygon" | "LineString" | "Point"} ShapeType */
/** A number, or positions nested as deep as the type says. @typedef {number | Nested[]} Nested */
/** @typedef {{type: ShapeType, coordinates: Nested[]}} ShapeJson */

/** @param {number} value px, kept to a hundredth */
function rounded(value) {
  return Math.round(value * 100) / 100;
}

/**
 * Every position of nested coordinates, turned over.
 *
 * @param {Nested[]} nested
 * @param {(value: number) => number} keep
 * @returns {Nested[]}
 */
function turned(nested, keep) {
  const [x, y] = nested;
  return typeof x === "number" && typeof y === "number"
    ? [keep(x), keep(0 - y)]
    : nested.map((inner) => (typeof inner === "number" ? inner : turned(inner, keep)));
}

/**
 * @param {string} type
 * @param {Nested[]} coordinates of the map
 * @returns {ShapeJson}
 */
export function toRecord(type, coordinates) {
  return { type: /** @type {ShapeType} */ (type), coordinates: turned(coordinates, rounded) };
}

/**
 * @param {ShapeJson} shape
 * @returns {Nested[]} coordinates of the map
 */
export function toMap({ coordinates }) {
  return turned(coordinates, (value) => value);
}

/**
 * An ellipse inside the box of two corners, as a closed ring.
 *
 * @param {number[]} corner
 * @param {number[]} opposite
 * @param {number} [vertices]
 * @returns {number[][]}
 */
export function ellipseRing([x0 = 0, y0 = 0], [x1 = 0, y1 = 0], vertices = 64) {
  const ring = [];
  for (let i = 0; i < vertices; i++) {
    const angle = (2 * Math.PI * i) / vertices;
    ring.push([
      (x0 + x1) / 2 + (Math.abs(x1 - x0) / 2) * Math.cos(angle),
      (y0 + y1) / 2 + (Math.abs(y1 - y0) / 2) * Math.sin(angle),
    ]);
  }
  ring.push([...(ring[0] ?? [])]);
  return ring;
}

/**
 * The closed ring of a box.
 *
 * @param {number[]} corner
 * @param {number[]} opposite
 * @returns {number[][]}
 */
export function boxRing([x0 = 0, y0 = 0], [x1 = 0, y1 = 0]) {
  const [left, right] = [Math.min(x0, x1), Math.max(x0, x1)];
  const [low, high] = [Math.min(y0, y1), Math.max(y0, y1)];
  return [[left, low], [right, low], [right, high], [left, high], [left, low]];
}

/**
 * The enclosed area of a shape, px²: outer rings less their holes.
 *
 * @param {ShapeJson} shape
 * @returns {number} 0 for points and lines
 */
export function shapeArea({ type, coordinates }) {
  const polygons = type === "MultiPolygon" ? coordinates : type === "Polygon" ? [coordinates] : [];
  return /** @type {number[][][][]} */ (polygons).reduce((total, rings) => {
    const [outer = 0, ...holes] = rings.map(ringArea);
    return total + outer - holes.reduce((sum, hole) => sum + hole, 0);
  }, 0);
}

/**
 * The enclosed area of a ring, px² (shoelace).
 *
 * @param {number[][]} ring
 */
export function ringArea(ring) {
  let twice = 0;
  ring.forEach(([x = 0, y = 0], i) => {
    const [nextX = 0, nextY = 0] = ring[(i + 1) % ring.length] ?? [];
    twice += x * nextY - nextX * y;
  });
  return Math.abs(twice) / 2;
}

/**
 * How long a line is, px; 0 for everything else.
 *
 * @param {ShapeJson} shape
 */
export function shapeLength({ type, coordinates }) {
  const path = type === "LineString" ? /** @type {number[][]} */ (coordinates) : [];
  return path.slice(1).reduce((sum, [x = 0, y = 0], i) => {
    const [fromX = 0, fromY = 0] = path[i] ?? [];
    return sum + Math.hypot(x - fromX, y - fromY);
  }, 0);
}

/**
 * The same shape elsewhere.
 *
 * @param {ShapeJson} shape
 * @param {number} right px
 * @param {number} down px
 * @returns {ShapeJson}
 */
export function shifted({ type, coordinates }, right, down) {
  /** @type {(nested: Nested[]) => Nested[]} */
  const moved = (nested) => {
    const [x, y] = nested;
    return typeof x === "number" && typeof y === "number"
      ? [rounded(x + right), rounded(y + down)]
      : nested.map((inner) => (typeof inner === "number" ? inner : moved(inner)));
  };
  return { type, coordinates: moved(coordinates) };
}

/**
 * The box round a shape: left, top, right, bottom.
 *
 * @param {ShapeJson} shape
 * @returns {[number, number, number, number]}
 */
export function boxOf({ coordinates }) {
  /** @type {[number, number, number, number]} */
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  const add = (/** @type {Nested[]} */ nested) => {
    const [x, y] = nested;
    if (typeof x === "number" && typeof y === "number") {
      box[0] = Math.min(box[0], x);
      box[1] = Math.min(box[1], y);
      box[2] = Math.max(box[2], x);
      box[3] = Math.max(box[3], y);
    } else {
      nested.forEach((inner) => typeof inner !== "number" && add(inner));
    }
  };
  add(coordinates);
  return box;
}
