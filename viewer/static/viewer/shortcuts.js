/**
 * @file The viewer's keys.
 */

import { presets } from "./engine/zoom.js";

/** @typedef {import("./keys.js").KeyBinding} KeyBinding */
/** @typedef {import("./types.js").Viewer} Viewer */

const PAN_PX = 120;

/**
 * @param {Viewer} viewer
 * @returns {KeyBinding[]}
 */
function moving({ header, state, view, whole }) {
  const zoom = (/** @type {number} */ factor) => view.animate({ resolution: (view.getResolution() ?? 1) * factor, duration: 120 });
  const pan = (/** @type {number} */ right, /** @type {number} */ down) => {
    const step = PAN_PX * (view.getResolution() ?? 1);
    const [x = 0, y = 0] = view.getCenter() ?? [];
    const turn = view.getRotation();
    const across = state.mirrored ? -right : right;
    const dx = across * Math.cos(turn) + down * Math.sin(turn);
    const dy = down * Math.cos(turn) - across * Math.sin(turn);
    view.animate({ center: [x + dx * step, y - dy * step], duration: 100 });
  };
  const steps = presets(header.magnification, header.pixelSizeUm).map(({ label, resolution }, i) => {
    return { key: `Shift+${i + 1}`, help: label, run: () => view.animate({ resolution, duration: 200 }) };
  });
  return [
    { key: "+", help: "zoom in", run: () => zoom(0.5) },
    { key: "-", help: "zoom out", run: () => zoom(2) },
    { key: "0", help: "whole slide", run: whole },
    ...steps,
    { key: "ArrowLeft", help: "pan (all four arrows)", run: () => pan(-1, 0) },
    { key: "ArrowRight", help: "", run: () => pan(1, 0) },
    { key: "ArrowUp", help: "", run: () => pan(0, -1) },
    { key: "ArrowDown", help: "", run: () => pan(0, 1) },
  ];
}

/**
 * @param {Viewer} viewer
 * @param {import("./panel/channels.js").ChannelPanel} channels
 * @param {import("./panel/view.js").ViewPanel} lies
 * @param {() => void} copyLink
 * @returns {KeyBinding[]}
 */
export function shortcuts(viewer, channels, lies, copyLink) {
  const { header } = viewer;
  const toggles = viewer.state.channels.slice(0, 9).map(({ name }, i) => {
    return { key: String(i + 1), help: `${name} on or off`, run: () => channels.toggle(i) };
  });
  /** @type {KeyBinding[]} */
  const depth = [
    { key: "PageUp", help: "focus layer up", run: () => lies.go("z", 1) },
    { key: "PageDown", help: "focus layer down", run: () => lies.go("z", -1) },
  ];
  /** @type {KeyBinding[]} */
  const time = [
    { key: "Shift+PageUp", help: "time point forward", run: () => lies.go("t", 1) },
    { key: "Shift+PageDown", help: "time point back", run: () => lies.go("t", -1) },
  ];
  /** @type {KeyBinding[]} */
  const fields = [
    { key: "b", help: "field borders", run: () => lies.flip("borders") },
    { key: "g", help: "registration", run: () => lies.flip("registered") },
  ];
  return [
    ...moving(viewer),
    { key: ",", help: "turn left by 90°", run: () => lies.turn(-1) },
    { key: ".", help: "turn right by 90°", run: () => lies.turn(1) },
    { key: "n", help: "upright", run: () => lies.upright() },
    { key: "h", help: "mirror", run: () => lies.flip("mirrored") },
    ...(header.layers > 1 && header.kind === "mosaic" ? depth : []),
    ...(header.times > 1 && header.kind === "mosaic" ? time : []),
    ...(header.kind === "mosaic" ? fields : []),
    ...toggles,
    { key: "a", help: "auto-window", run: () => channels.autoWindow() },
    { key: "u", help: "copy the link to this view", run: copyLink },
  ];
}
