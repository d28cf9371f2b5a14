// @ts-check
/**
 * @file Two people look at one slide together. Each page tells once a second where it looks, and goes where the followed
 * colleague does. Both speak the viewer's own tongue, the link to a view in the address: `#x=…&y=…&s=…&r=…&z=…&t=…`.
 */

const EVERY_MS = 1_000;
const NAMES = ["x", "y", "s", "r", "z", "t"];

/** @param {HTMLElement} root */
function start(root) {
  const { live = "", csrf = "" } = root.dataset;
  const said = root.querySelector("[data-live-said]");
  let told = "";
  const tell = async () => {
    const place = placeOf(location.hash);
    const fresh = JSON.stringify(place) !== told || Math.random() < 0.1; // what is kept is kept for seconds only
    if (!fresh || Object.keys(place).length === 0) return;
    told = JSON.stringify(place);
    const body = new URLSearchParams(place);
    await fetch(live, { method: "POST", body, headers: { "X-CSRFToken": csrf }, credentials: "same-origin" });
  };
  const follow = async () => {
    const box = root.querySelector("[data-live-follow]:checked");
    if (!(box instanceof HTMLInputElement)) return say(said, "");
    const answer = await fetch(`${live}?who=${box.dataset.liveFollow}`, { credentials: "same-origin" });
    if (!answer.ok) return say(said, "They do not look at it with you any more.");
    const { place } = await answer.json();
    say(said, place ? "" : "They are not at this slide just now.");
    if (place) goTo(place);
  };
  const turn = async () => {
    try {
      await (root.querySelector("[data-live-follow]:checked") ? follow() : tell());
    } catch {
      say(said, "The network is away; it is tried again.");
    }
    setTimeout(turn, EVERY_MS);
  };
  root.addEventListener("change", (event) => {
    for (const box of root.querySelectorAll("[data-live-follow]")) {
      if (box instanceof HTMLInputElement && box !== event.target) box.checked = false;
    }
  });
  turn();
}

/**
 * @param {string} hash
 * @returns {Record<string, string>}
 */
function placeOf(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  return Object.fromEntries(NAMES.flatMap((name) => (given.has(name) ? [[name, given.get(name) ?? ""]] : [])));
}

/**
 * Changes only what the place says: windows and colours stay as this reader has set them.
 *
 * @param {Record<string, number>} place
 */
function goTo(place) {
  const given = new URLSearchParams(location.hash.replace(/^#/, ""));
  for (const name of NAMES) {
    const value = place[name];
    if (value === undefined) given.delete(name);
    else given.set(name, String(value));
  }
  const there = `#${given}`;
  if (there !== location.hash) location.replace(there);
}

/**
 * @param {Element | null} output
 * @param {string} words
 */
function say(output, words) {
  if (output && output.textContent !== words) output.textContent = words;
}

const root = document.querySelector("[data-live]");
if (root instanceof HTMLElement) start(root);
