/**
 * @file The keyboard map. The page's help is written from it.
 */

/** @typedef {{key: string, help: string, run: () => void}} KeyBinding */

/** @param {EventTarget | null} target whether the person is writing text */
function writing(target) {
  const element = target instanceof HTMLElement ? target : null;
  return Boolean(element?.closest("textarea, select, input:not([type=range]):not([type=checkbox]):not([type=color])"));
}

/**
 * The name of a pressed key as bindings write it: "Ctrl+z", "Shift+R", "Delete", "+".
 *
 * @param {KeyboardEvent} event
 */
export function keyName(event) {
  return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.key}`;
}

/**
 * @param {KeyBinding[]} bindings
 * @param {HTMLElement | null} help a definition list to write them into
 */
export function bindKeys(bindings, help) {
  const byKey = new Map(bindings.map((binding) => [binding.key, binding]));
  document.addEventListener("keydown", (event) => {
    const binding = byKey.get(keyName(event));
    if (binding && !writing(event.target) && !event.altKey) {
      event.preventDefault();
      binding.run();
    }
  });
  for (const { key, help: text } of bindings.filter((binding) => binding.help)) {
    const term = document.createElement("dt");
    const meaning = document.createElement("dd");
    const cap = document.createElement("kbd");
    cap.textContent = key === " " ? "Space" : key;
    term.append(cap);
    meaning.textContent = text;
    help?.append(term, meaning);
  }
}
