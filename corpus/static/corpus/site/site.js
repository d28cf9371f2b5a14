/**
 * @file The list of slides, narrowed by what is chosen and by words of the reports, whichever page it is opened at. The
 * whole list is fetched when somebody narrows it, and of the index of words only the files that the asked words are in.
 */

/** As in corpus/site/words.py. */
const SHORTEST = 2;
const LONGEST = 40;

/** As in corpus/site/listing.py: what is shown at once. */
const PER_PAGE = 200;

/** @typedef {Record<string, number[]>} Shard word to slides */
/** As corpus/site/listing.py writes it. @typedef {Record<"name" | "page" | "tissue" | "stain" | "cut" | "size", string> & {annotations: number}} Slide */

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

const body = document.querySelector("[data-slides]");
const choices = [...document.querySelectorAll("[data-choice]")].filter((choice) => choice instanceof HTMLSelectElement);
const search = document.querySelector("[data-search]");
const asked = document.querySelector("[data-words]");
const count = document.querySelector("[data-count]");
const more = document.querySelector("[data-more]");
const pages = [...document.querySelectorAll("[data-pages]")].filter((nav) => nav instanceof HTMLElement);
const asWritten = [...(body?.children ?? [])];
const said = count?.textContent ?? "";
/** @type {Promise<Slide[]> | null} */
let all = null;
/** What was found, and how much of it is shown. */
let found = { slides: /** @type {Slide[]} */ ([]), shown: 0 };
let question = 0;

function everySlide() {
  all ??= fetch("slides.json").then(async (response) => {
    if (!response.ok) {
      throw new Error(`The list could not be fetched (${response.status}).`);
    }
    return response.json();
  });
  all.catch(() => (all = null)); // the next question asks again
  return all;
}

/** @param {Slide} slide */
function row(slide) {
  const made = document.createElement("tr");
  const [head, link] = [document.createElement("th"), document.createElement("a")];
  made.dataset.slide = "";
  head.scope = "row";
  link.href = slide.page;
  link.textContent = slide.name;
  head.append(link);
  const cells = [slide.tissue, slide.stain, slide.cut, String(slide.annotations), slide.size].map((text) => {
    const cell = document.createElement("td");
    cell.textContent = text;
    return cell;
  });
  made.append(head, ...cells);
  return made;
}

function showMore() {
  const next = found.slides.slice(found.shown, found.shown + PER_PAGE);
  body?.append(...next.map(row));
  found.shown += next.length;
  if (more instanceof HTMLElement) {
    more.hidden = found.shown >= found.slides.length;
    more.textContent = `Show ${Math.min(PER_PAGE, found.slides.length - found.shown)} more`;
  }
}

/** @param {boolean} whole whether nothing is asked: the page is as it was written */
function turn(whole) {
  pages.forEach((nav) => (nav.hidden = !whole));
  body?.replaceChildren(...(whole ? asWritten : []));
  if (more instanceof HTMLElement) {
    more.hidden = true;
  }
}

async function narrow() {
  const mine = ++question;
  const text = asked instanceof HTMLInputElement ? asked.value : "";
  if (!wordsOf(text).length && choices.every(({ value }) => !value)) {
    turn(true);
    say(said);
    return;
  }
  try {
    const [slides, numbers] = await Promise.all([everySlide(), matching(text)]);
    if (mine === question) {
      show(slides, numbers);
    }
  } catch (error) {
    if (mine === question) {
      say(error instanceof Error ? error.message : String(error));
    }
  }
}

/** @param {Slide[]} slides @param {Set<number> | null} numbers */
function show(slides, numbers) {
  const chosen = (/** @type {Slide} */ slide) =>
    choices.every(({ value, dataset }) => !value || slide[/** @type {"tissue"} */ (dataset.choice)] === value);
  found = { slides: slides.filter((slide, number) => chosen(slide) && (numbers === null || numbers.has(number))), shown: 0 };
  turn(false);
  showMore();
  say(`${found.slides.length} of ${slides.length} slides`);
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
  more?.addEventListener("click", showMore);
  void narrow(); // the browser keeps what was typed when it comes back
}
