/**
 * @file The keys of drawing. The keys of a study's words come after these and win.
 */

/** @typedef {import("./tools.js").DrawingTools} DrawingTools */
/** @typedef {import("./deeds.js").Deeds} Deeds */
/** @typedef {import("../keys.js").KeyBinding} KeyBinding */

/** @type {[string, string, import("./tools.js").Tool][]} */
const TOOLS = [
  ["v", "pan and select (Shift: one more; Ctrl and drag: a box)", "pan"],
  ["r", "rectangle", "rectangle"],
  ["e", "ellipse", "ellipse"],
  ["p", "polygon (double click ends it)", "polygon"],
  ["f", "freehand outline", "freehand"],
  ["d", "point", "point"],
  ["l", "line", "line"],
  ["m", "ruler", "ruler"],
  ["w", "brush: add to the chosen shape", "brush"],
  ["x", "brush: rub out of it", "rubber"],
  ["k", "cut the chosen shape along a line", "cut"],
];

/**
 * @param {DrawingTools} tools
 * @param {Deeds} deeds
 * @returns {KeyBinding[]}
 */
export function drawingKeys(tools, deeds) {
  return [
    ...TOOLS.map(([key, help, tool]) => ({ key, help, run: () => tools.use(tool) })),
    { key: "<", help: "smaller brush", run: () => tools.resizeBrush(0.8) },
    { key: ">", help: "larger brush", run: () => tools.resizeBrush(1.25) },
    { key: "j", help: "join the chosen shapes into one", run: () => tools.merge() },
    { key: "]", help: "next annotation", run: () => tools.walk(1) },
    { key: "[", help: "annotation before", run: () => tools.walk(-1) },
    { key: "Ctrl+c", help: "copy the chosen shapes", run: () => tools.copy() },
    { key: "Ctrl+v", help: "paste them", run: () => tools.paste() },
    { key: "Delete", help: "delete the chosen annotations", run: () => tools.deleteSelected() },
    { key: "Ctrl+z", help: "undo, also what was saved", run: () => deeds.undo() },
    { key: "Ctrl+Z", help: "redo (with Shift)", run: () => deeds.redo() },
    { key: "Escape", help: "put the tool down, choose nothing", run: () => tools.escape() },
  ];
}
