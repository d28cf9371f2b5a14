/**
 * @file Dragging a corner of the selected rectangle or ellipse, which stays a rectangle or an ellipse.
 */

import { Pointer } from "../npm.js";
import { boxRing, ellipseRing } from "./geometry.js";

/** @typedef {import("ol/Feature.js").default<import("ol/geom/Polygon.js").default>} Shape */

const REACH_PX = 9;

/**
 * @param {() => Shape | null} selected
 * @param {{onEnd: (shape: Shape) => void}} events
 */
export function createResize(selected, { onEnd }) {
  /** The corner that stays. @type {number[] | null} */
  let fixed = null;
  /** @type {Shape | null} */
  let shape = null;

  return new Pointer({
    handleDownEvent({ map, pixel }) {
      const candidate = selected();
      const boxed = ["rectangle", "ellipse"].includes(candidate?.get("kind"));
      const extent = boxed ? candidate?.getGeometry()?.getExtent() : null;
      if (!candidate || !extent) {
        return false;
      }
      const corners = boxRing(extent.slice(0, 2), extent.slice(2, 4)).slice(0, 4);
      const hit = corners.findIndex((corner) => {
        const [x = 0, y = 0] = map.getPixelFromCoordinate(corner);
        return Math.hypot(x - (pixel[0] ?? 0), y - (pixel[1] ?? 0)) <= REACH_PX;
      });
      fixed = corners[(hit + 2) % 4] ?? null;
      shape = hit >= 0 ? candidate : null;
      return hit >= 0;
    },
    handleDragEvent({ coordinate }) {
      if (shape && fixed) {
        const ring = shape.get("kind") === "ellipse" ? ellipseRing(fixed, coordinate) : boxRing(fixed, coordinate);
        shape.getGeometry()?.setCoordinates([ring]);
      }
    },
    handleUpEvent() {
      if (shape) {
        onEnd(shape);
      }
      shape = null;
      return false;
    },
  });
}
