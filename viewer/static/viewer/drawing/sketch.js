/**
 * @file The drawing of one new shape: which OpenLayers tool draws what, and how large it is while it grows.
 */

import { Draw, Polygon } from "../npm.js";
import { boxRing, ellipseRing } from "./geometry.js";
import { recordOf } from "./shapes.js";

/** @typedef {import("./draft.js").Kind} Kind */
/** @typedef {import("./geometry.js").ShapeJson} ShapeJson */
/** @typedef {import("ol/geom/SimpleGeometry.js").default} SimpleGeometry */
/** @typedef {import("ol/geom/Polygon.js").default} PolygonType */
/** @typedef {import("ol/interaction/Draw.js").Options} DrawOptions */
/** What is drawn by hand; a cut is a line that stays nowhere. @typedef {Kind | "cut"} Drawn */

/** @param {(from: number[], to: number[]) => number[][]} ring @returns {DrawOptions} */
function boxed(ring) {
  return {
    type: "Circle",
    freehand: true,
    geometryFunction: (corners, existing) => {
      const [from = [0, 0], to = [0, 0]] = /** @type {number[][]} */ (corners);
      const shape = /** @type {PolygonType} */ (existing ?? new Polygon([]));
      shape.setCoordinates([ring(from, to)]);
      return shape;
    },
  };
}

/** @type {Record<Drawn, DrawOptions>} */
const WAYS = {
  rectangle: boxed(boxRing),
  ellipse: boxed((from, to) => ellipseRing(from, to)),
  freehand: { type: "Polygon", freehand: true },
  polygon: { type: "Polygon" },
  line: { type: "LineString" },
  ruler: { type: "LineString", maxPoints: 2 },
  point: { type: "Point" },
  cut: { type: "LineString", freehand: true },
};

/**
 * @param {Drawn} kind
 * @param {{onGrow: (shape: ShapeJson | null) => void, onDrawn: (shape: ShapeJson) => void}} events
 */
export function createSketch(kind, { onGrow, onDrawn }) {
  const draw = new Draw({ ...WAYS[kind], stopClick: true });
  draw.on("drawstart", ({ feature }) => {
    const shape = /** @type {SimpleGeometry} */ (feature.getGeometry());
    shape.on("change", () => onGrow(recordOf(shape)));
  });
  draw.on("drawabort", () => onGrow(null));
  draw.on("drawend", ({ feature }) => {
    onGrow(null);
    const shape = /** @type {SimpleGeometry} */ (feature.getGeometry());
    const [left = 0, low = 0, right = 0, high = 0] = shape.getExtent();
    const area = shape instanceof Polygon ? shape.getArea() : right - left + high - low;
    if (area > 0 || kind === "point") {
      onDrawn(recordOf(shape));
    }
  });
  return draw;
}
