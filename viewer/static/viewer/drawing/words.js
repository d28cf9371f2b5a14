/**
 * @file The vocabulary of the study: a button and a key for each word, for the chosen shapes and for the next ones.
 */

/** @typedef {{label: string, colour: string, key: string}} Word */
/** @typedef {import("./tools.js").DrawingTools} DrawingTools */

/**
 * @param {HTMLElement} root where the words stand
 * @param {HTMLDataListElement} suggestions for the label that is typed
 * @param {Word[]} words
 * @param {DrawingTools} tools
 * @param {boolean} readOnly
 */
export function showWords(root, suggestions, words, tools, readOnly) {
  root.hidden = words.length === 0 || readOnly;
  root.replaceChildren(...words.map((word) => buttonOf(word, () => choose(word.label))));
  suggestions.replaceChildren(...words.map(({ label }) => new Option(label, label)));
  /** @param {string} label */
  function choose(label) {
    const off = tools.word === label && tools.chosen.length === 0;
    tools.label(off ? "" : label);
    for (const button of root.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.word === tools.word));
    }
  }
  return words.filter(({ key }) => key).map(({ key, label }) => ({
    key, help: `label: ${label}`, run: () => choose(label),
  }));
}

/** @param {Word} word @param {() => void} run */
function buttonOf({ label, colour, key }, run) {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.word = label;
  button.setAttribute("aria-pressed", "false");
  button.style.setProperty("--word", colour);
  button.append(label);
  if (key) {
    const cap = document.createElement("kbd");
    cap.textContent = key;
    button.append(" ", cap);
  }
  button.addEventListener("click", run);
  return button;
}
