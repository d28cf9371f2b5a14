// @ts-check
/**
 * @file Live parts. `<div data-live="/fragment/" data-events="/stream/">` is fetched again whenever the stream of
 * server-sent events says that something changed; without a stream (or while it is broken) every two seconds.
 *
 * What changed is mended in place, so that focus, scroll and a half-typed word stay where they are. Tabs that show the
 * same thing share one stream. A fragment that comes without `data-live` is the last one. `data-include` names a field
 * whose value goes with every question.
 *
 * An event "parts" brings the changed elements themselves, `{id: html}`, for a fragment with `data-parts`; other
 * fragments are fetched again for it. What comes for all browsers alike has no token in its forms: it gets this page's.
 */

const EVERY_MS = 2_000;
const LATER_MS = 20_000; // when to try a broken stream again

/** @param {Node} node */
const nameOf = (node) => (node instanceof Element ? `${node.nodeName}#${node.id || node.getAttribute("data-key") || ""}` : node.nodeName);

/** @param {Element} now @param {Element} wanted */
function mendAttributes(now, wanted) {
  for (const { name } of [...now.attributes]) {
    if (!wanted.hasAttribute(name) && !(name === "open" && now instanceof HTMLDetailsElement)) now.removeAttribute(name);
  }
  for (const { name, value } of wanted.attributes) {
    if (now.getAttribute(name) !== value) now.setAttribute(name, value);
  }
}

/** Make `now` look like `wanted` with as few changes as can be. @param {Node} now @param {Node} wanted */
export function mend(now, wanted) {
  if (nameOf(now) !== nameOf(wanted)) {
    now.parentNode?.replaceChild(wanted, now);
    return;
  }
  if (!(now instanceof Element && wanted instanceof Element)) {
    if (now.nodeValue !== wanted.nodeValue) now.nodeValue = wanted.nodeValue;
    return;
  }
  mendAttributes(now, wanted);
  const before = [...now.childNodes];
  const after = [...wanted.childNodes]; // a copy: what is exchanged leaves its parent
  after.forEach((child, index) => {
    if (index < before.length) mend(before[index], child);
    else now.append(child);
  });
  for (const extra of before.slice(after.length)) extra.remove();
}

/** The other tabs that show the same thing. @param {string} address @param {(said: string) => void} hear */
function shared(address, hear) {
  const channel = "BroadcastChannel" in window ? new BroadcastChannel(`live:${address}`) : null;
  channel?.addEventListener("message", (event) => hear(event.data));
  return { tell: (/** @type {string} */ said) => channel?.postMessage(said), close: () => channel?.close() };
}

/** The element that this HTML describes. @param {string} html */
const elementOf = (html) => new DOMParser().parseFromString(html, "text/html").body.firstElementChild;

const NO_TOKEN = "input[name=csrfmiddlewaretoken][value=of-this-page]";
const token = document.querySelector("input[name=csrfmiddlewaretoken]")?.getAttribute("value") ?? "";

/** @param {Element | null} part */
function withToken(part) {
  for (const field of part?.querySelectorAll(NO_TOKEN) ?? []) field.setAttribute("value", token);
  return part;
}

/** @param {string | URL} address */
async function ask(address) {
  const answer = await fetch(address, { headers: { "HX-Request": "true" } }).catch(() => null);
  document.body.dispatchEvent(new Event(answer?.ok ? "live:back" : "live:away"));
  if (!answer?.ok) return null;
  if (answer.redirected) location.reload(); // logged out meanwhile
  return answer.redirected ? null : elementOf(await answer.text());
}

class Live {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.busy = false;
    this.again = false;
    this.timer = 0;
    /** What was said while an answer was on its way: it may be older. @type {string[]} */
    this.after = [];
    /** @type {EventSource | null} */
    this.stream = null;
    /** @type {(value?: unknown) => void} */
    this.release = () => {};
    const events = root.dataset.events;
    this.others = events ? shared(events, (said) => this.hear(said)) : null;
    if (events) this.listen(events);
    else this.poll();
    document.addEventListener("visibilitychange", () => void (!document.hidden && this.look()));
  }

  /** One tab of this browser holds the stream and tells the others. @param {string} address */
  listen(address) {
    const hold = () => new Promise((done, fail) => {
      this.release = done;
      this.open(address, fail);
    });
    this.held(`live:${address}`, hold).catch(() => {
      if (!this.root.dataset.live) return;
      this.poll();
      setTimeout(() => { clearInterval(this.timer); this.listen(address); }, LATER_MS);
    });
  }

  /** A tab that comes later may have missed what the stream said before. @param {string} name @param {() => Promise<unknown>} hold */
  held(name, hold) {
    if (!navigator.locks) return hold();
    return navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      if (lock) return hold();
      void this.look();
      return navigator.locks.request(name, hold);
    });
  }

  /** @param {string} address @param {(reason: Error) => void} fail */
  open(address, fail) {
    if (!("EventSource" in window)) return fail(new Error("this browser has no streams"));
    this.stream = new EventSource(address);
    const heard = (/** @type {MessageEvent<string>} */ event) => { this.others?.tell(event.data); this.hear(event.data); };
    this.stream.addEventListener("message", heard);
    this.stream.addEventListener("parts", heard);
    this.stream.addEventListener("error", () => {
      if (this.stream?.readyState !== EventSource.CLOSED) return; // the browser connects again by itself
      fail(new Error("the stream has ended"));
    });
  }

  /** @param {string} said */
  hear(said) {
    if (!said.startsWith("{") || !("parts" in this.root.dataset)) void this.look();
    else if (this.busy) this.after.push(said);
    else this.exchange(said);
  }

  /** @param {string} said */
  exchange(said) {
    for (const [id, html] of Object.entries(JSON.parse(said))) {
      const now = document.getElementById(id);
      if (now && this.root.contains(now)) this.put(now, withToken(elementOf(html)));
    }
  }

  /** @param {Element} now @param {Element | null} wanted */
  put(now, wanted) {
    if (!wanted) return;
    mend(now, wanted);
    /** @type {any} */ (window).htmx?.process(now);
  }

  poll() {
    clearInterval(this.timer);
    this.timer = window.setInterval(() => void (!document.hidden && this.look()), EVERY_MS);
  }

  async look() {
    if (!this.root.isConnected) return this.end();
    if (!this.root.dataset.live) return;
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    try {
      await this.fetch();
    } finally {
      this.busy = false;
    }
    if (this.again) {
      this.again = false;
      void this.look();
    }
  }

  address() {
    const address = new URL(this.root.dataset.live ?? "", location.href);
    const field = this.root.dataset.include ? document.querySelector(this.root.dataset.include) : null;
    if (field instanceof HTMLInputElement && field.value) address.searchParams.set(field.name, field.value);
    return address;
  }

  async fetch() {
    this.put(this.root, await ask(this.address()));
    for (const said of this.after.splice(0)) this.exchange(said);
    if (!this.root.dataset.live) this.end();
  }

  end() {
    clearInterval(this.timer);
    this.stream?.close();
    this.release();
    this.others?.close();
  }
}

/** @type {WeakSet<Element>} */
const known = new WeakSet();

function begin() {
  for (const root of document.querySelectorAll("[data-live]")) {
    if (!(root instanceof HTMLElement) || known.has(root)) continue;
    known.add(root);
    new Live(root);
  }
}

begin();
document.body.addEventListener("htmx:load", begin); // a part that was exchanged may hold a live part
