/**
 * @file The list of slides, narrowed by what is chosen and by words of the reports. Only the files of the index that the
 * asked words are in are fetched.
 */

/** As in corpus/site/words.py. */
const SHORTEST = 2;
const LONGEST = 40;

/** @typedef {Record<string, number[]>} Shard word to slides */

/** @type {Map<string, Promise<Shard>>} */
const shards = new Map();

/** @param {string} text */
function wordsOf(text) {
  const found = text.toLowerCase().normalize("NFC").match(/[\p{L}\p{N}]+/gu) ?? [];
  return found.filter((word) => word.length >= SHORTEST).map((word) => [...word].slice(0, LONGEST).join(""));
}

/**
 * @param {string} name
 * @returns {Promise<Shard>}
 */
async function fetched(name) {
  const response = await fetch(`words/${name}.json`);
  if (response.status === 404) {
    return {}; // no report has a word that begins so
  }
  if (!response.ok) {
    throw new Error(`The words could not be fetched (${response.status}).`);
  }
  return response.json();
}

/** @param {string} word */
function shardFor(word) {
  const name = /^[a-z0-9]/.test(word) ? word.charAt(0) : "other";
  const known = shards.get(name) ?? fetched(name);
  shards.set(name, known);
  known.catch(() => shards.delete(name)); // the next question asks again
  return known;
}

/** @param {string} word */
async function slidesWith(word) {
  const shard = await shardFor(word);
  const words = Object.keys(shard).filter((known) => known.startsWith(word));
  return new Set(words.flatMap((known) => shard[known] ?? []));
}

/**
 * @param {string} text
 * @returns {Promise<Set<number> | null>} slides whose report has every word, or one that begins so; null for all
 */
async function matching(text) {
  const words = wordsOf(text);
  if (!words.length) {
    return null;
  }
  const found = await Promise.all(words.map(slidesWith));
  return found.reduce((left, slides) => new Set([...left].filter((slide) => slides.has(slide))));
}

const rows = [...document.querySelectorAll("[data-slide]")].filter((row) => row instanceof HTMLElement);
const choices = [...document.querySelectorAll("[data-choice]")].filter((choice) => choice instanceof HTMLSelectElement);
const search = document.querySelector("[data-search]");
const asked = document.querySelector("[data-words]");
const count = document.querySelector("[data-count]");
let question = 0;

async function narrow() {
  const mine = ++question;
  try {
    const found = await matching(asked instanceof HTMLInputElement ? asked.value : "");
    if (mine === question) {
      show(found);
    }
  } catch (error) {
    if (mine === question) {
      say(error instanceof Error ? error.message : String(error));
    }
  }
}

/** @param {Set<number> | null} found */
function show(found) {
  let shown = 0;
  rows.forEach((row, number) => {
    const chosen = choices.every(({ value, dataset }) => !value || row.dataset[dataset.choice ?? ""] === value);
    row.hidden = !chosen || (found !== null && !found.has(number));
    shown += row.hidden ? 0 : 1;
  });
  say(shown === rows.length ? `${shown} slides` : `${shown} of ${rows.length} slides`);
}

/** @param {string} text */
function say(text) {
  if (count) {
    count.textContent = text;
  }
}

if (search instanceof HTMLElement) {
  search.hidden = false;
  search.addEventListener("input", () => void narrow());
  void narrow(); // the browser keeps what was typed when it comes back
}
