/**
 * @file The keyboard map. The page's help is written from it.
 */

/** @typedef {{key: string, help: string, run: () => void}} KeyBinding */

/** The viewer that keys speak to: the one that was last touched. @type {HTMLElement | null} */
let active = null;

/** @param {EventTarget | null} target whether the person is writing text */
function writing(target) {
  const element = target instanceof HTMLElement ? target : null;
  return Boolean(element?.closest("textarea, select, input:not([type=range]):not([type=checkbox]):not([type=color])"));
}

/**
 * The names of a pressed key as bindings write them, the surest first: "Ctrl+z", "Shift+1", "Delete", "+".
 *
 * @param {KeyboardEvent} event
 * @returns {string[]}
 */
export function keyNames(event) {
  const held = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  const place = /^(?:Digit(\d)|(Page(?:Up|Down)))$/.exec(event.code ?? "");
  const named = event.shiftKey && place ? [`${held}Shift+${place[1] ?? place[2]}`] : [];
  return [...named, held + event.key];
}

/**
 * Listens to the keyboard for one viewer.
 *
 * @param {HTMLElement} root of the viewer
 * @param {HTMLElement} help a definition list, written from the bindings
 * @returns {(bindings: KeyBinding[]) => void} adds bindings; of two for one key the later wins
 */
export function listenToKeys(root, help) {
  /** @type {Map<string, KeyBinding>} */
  const byKey = new Map();
  active ??= root;
  ["pointerdown", "focusin"].forEach((type) => root.addEventListener(type, () => (active = root), { capture: true }));
  document.addEventListener("keydown", (event) => {
    const name = keyNames(event).find((key) => byKey.has(key));
    if (name && active === root && !writing(event.target) && !event.altKey && !slides(event)) {
      event.preventDefault();
      byKey.get(name)?.run();
    }
  });
  return (bindings) => {
    bindings.forEach((binding) => byKey.set(binding.key, binding));
    help.replaceChildren(...[...byKey.values()].filter(({ help: text }) => text).map(explained));
  };
}

/** @param {KeyBinding} binding */
function explained({ key, help }) {
  const term = document.createElement("dt");
  const meaning = document.createElement("dd");
  const cap = document.createElement("kbd");
  cap.textContent = key === " " ? "Space" : key;
  term.append(cap);
  meaning.textContent = help;
  const row = document.createElement("div");
  row.append(term, meaning);
  return row;
}

/**
 * Whether the key belongs to the slider that has the focus.
 *
 * @param {KeyboardEvent} event
 */
function slides(event) {
  const range = event.target instanceof HTMLInputElement && event.target.type === "range";
  return range && /^(Arrow|Page|Home|End)/.test(event.key);
}
