/**
 * @file Choosing shapes on the map: by a click, by a box (Ctrl and drag), the next and the one before.
 */

import { DragBox, platformModifierKeyOnly } from "../npm.js";
import { shapeArea } from "./geometry.js";

/** @typedef {import("./shapes.js").Shapes} Shapes */
/** @typedef {import("ol/Map.js").default} OlMapType */

const REACH_PX = 6;

/**
 * What lies under a place: an outline before an area, the smaller before the larger.
 *
 * @param {OlMapType} map
 * @param {Shapes} shapes
 * @param {number[]} coordinate
 * @returns {string | null}
 */
export function under(map, shapes, [x = 0, y = 0]) {
  const reach = REACH_PX * (map.getView().getResolution() ?? 1);
  const found = shapes.touching([x - reach, y - reach, x + reach, y + reach]).map((draft) => {
    const [nearX = 0, nearY = 0] = shapes.feature(draft.client_id)?.getGeometry()?.getClosestPoint([x, y]) ?? [];
    const inside = draft.kind !== "point" && nearX === x && nearY === y; // the closest point of an area is itself
    return { id: draft.client_id, inside, area: shapeArea(draft.geometry) };
  });
  found.sort((one, other) => Number(one.inside) - Number(other.inside) || one.area - other.area);
  return found[0]?.id ?? null;
}

/**
 * @param {OlMapType} map
 * @param {Shapes} shapes
 * @param {{active: () => boolean, onChoose: (ids: string[]) => void}} tool
 */
export function createPicking(map, shapes, { active, onChoose }) {
  map.on("click", (event) => {
    if (!active()) {
      return;
    }
    const hit = under(map, shapes, event.coordinate);
    const chosen = shapes.chosen;
    if (!event.originalEvent.shiftKey) {
      onChoose(hit ? [hit] : []);
    } else if (hit) {
      onChoose(chosen.includes(hit) ? chosen.filter((id) => id !== hit) : [...chosen, hit]);
    }
  });
  const box = new DragBox({ condition: (event) => active() && platformModifierKeyOnly(event), className: "viewer-box" });
  box.on("boxend", () => {
    onChoose(shapes.touching(box.getGeometry().getExtent()).map(({ client_id: id }) => id));
  });
  return box;
}

/**
 * The next in a list, or the one before, round and round.
 *
 * @param {string[]} ids
 * @param {string | undefined} from
 * @param {1 | -1} step
 */
export function neighbour(ids, from, step) {
  const at = from ? ids.indexOf(from) : -1;
  const start = at < 0 && step < 0 ? 0 : at;
  return ids[(start + step + ids.length) % ids.length] ?? null;
}
