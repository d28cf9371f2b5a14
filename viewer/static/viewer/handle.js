/**
 * @file The one door into a running viewer, for scripts that stand beside it: `const viewer = await viewerOf(root)`.
 *
 * The element also tells what happens: `viewer:view` when the view comes to rest, with its place, focus layer and time point.
 */

/** @typedef {import("./types.js").Viewer} Viewer */

/** @type {WeakMap<Element, {promise: Promise<Viewer>, resolve: (viewer: Viewer) => void}>} */
const doors = new WeakMap();

/** @param {Element} root */
function door(root) {
  const { promise, resolve } = promised();
  const found = doors.get(root) ?? { promise, resolve };
  doors.set(root, found);
  return found;
}

function promised() {
  /** @type {(viewer: Viewer) => void} */
  let resolve = () => {};
  const promise = new Promise((/** @type {(viewer: Viewer) => void} */ done) => (resolve = done));
  return { promise, resolve };
}

/**
 * @param {Element} root with `data-viewer`
 * @returns {Promise<Viewer>} when it paints
 */
export function viewerOf(root) {
  return door(root).promise;
}

/** @param {Viewer} viewer */
export function announce(viewer) {
  door(viewer.root).resolve(viewer);
}
