/**
 * @file How a shape looks on the slide: by what is true of it, and whether it is selected.
 */

import { Circle, Fill, Stroke, Style, Text } from "../npm.js";

/** @typedef {import("./drafts.js").Drafts} Drafts */

/** Colour and dash by state: colour is never the only sign. @type {Record<string, {colour: string, dash: number[]}>} */
const LOOKS = {
  saved: { colour: "#35d0ba", dash: [] },
  saving: { colour: "#f2c14e", dash: [8, 4] },
  unsaved: { colour: "#f2c14e", dash: [8, 4] },
  conflict: { colour: "#ff5d73", dash: [2, 5] },
  refused: { colour: "#ff5d73", dash: [2, 5] },
};

/**
 * @param {Drafts} drafts
 * @param {string} id
 * @param {boolean} selected
 */
export function look(drafts, id, selected) {
  const draft = drafts.get(id);
  const { colour, dash } = LOOKS[draft?.state ?? "unsaved"] ?? { colour: "#ffffff", dash: [] };
  const styles = [
    new Style({ stroke: new Stroke({ color: "rgba(0, 0, 0, 0.55)", width: selected ? 6 : 4 }) }),
    new Style({
      stroke: new Stroke({ color: colour, width: selected ? 3 : 2, lineDash: dash }),
      fill: new Fill({ color: selected ? "rgba(255, 255, 255, 0.10)" : "rgba(255, 255, 255, 0.01)" }),
      image: new Circle({
        radius: selected ? 7 : 5,
        fill: new Fill({ color: colour }),
        stroke: new Stroke({ color: "#000000", width: 1 }),
      }),
    }),
  ];
  if (draft?.label) {
    styles.push(new Style({
      text: new Text({
        text: draft.label, overflow: true, font: "600 13px system-ui, sans-serif",
        fill: new Fill({ color: "#ffffff" }), stroke: new Stroke({ color: "#000000", width: 3 }),
      }),
    }));
  }
  return styles;
}
