// @ts-check
/**
 * @file Live parts. `<div data-live="/fragment/" data-events="/stream/">` is fetched again whenever the stream of
 * server-sent events says that something changed; without a stream (or while it is broken) every two seconds.
 *
 * What changed is mended in place, so that focus, scroll and a half-typed word stay where they are. Tabs that show the
 * same thing share one stream. A fragment that comes without `data-live` is the last one. `data-include` names a field
 * whose value goes with every question.
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

/** The other tabs that show the same thing. @param {string} address @param {() => void} onTick */
function shared(address, onTick) {
  const channel = "BroadcastChannel" in window ? new BroadcastChannel(`live:${address}`) : null;
  channel?.addEventListener("message", onTick);
  return { tell: () => channel?.postMessage("tick"), close: () => channel?.close() };
}

class Live {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.busy = false;
    this.again = false;
    this.timer = 0;
    /** @type {EventSource | null} */
    this.stream = null;
    /** @type {(value?: unknown) => void} */
    this.release = () => {};
    const events = root.dataset.events;
    this.others = events ? shared(events, () => void this.look()) : null;
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
    const held = navigator.locks ? navigator.locks.request(`live:${address}`, hold) : hold();
    held.catch(() => {
      if (!this.root.dataset.live) return;
      this.poll();
      setTimeout(() => { clearInterval(this.timer); this.listen(address); }, LATER_MS);
    });
  }

  /** @param {string} address @param {(reason: Error) => void} fail */
  open(address, fail) {
    this.stream = new EventSource(address);
    this.stream.addEventListener("message", () => { this.others?.tell(); void this.look(); });
    this.stream.addEventListener("error", () => {
      if (this.stream?.readyState !== EventSource.CLOSED) return; // the browser connects again by itself
      fail(new Error("the stream has ended"));
    });
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
    const answer = await fetch(this.address(), { headers: { "HX-Request": "true" } }).catch(() => null);
    if (!answer?.ok) {
      document.body.dispatchEvent(new Event("live:away"));
      return;
    }
    if (answer.redirected) {
      location.reload(); // logged out meanwhile
      return;
    }
    document.body.dispatchEvent(new Event("live:back"));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const wanted = page.body.firstElementChild;
    if (wanted) mend(this.root, wanted);
    /** @type {any} */ (window).htmx?.process(this.root);
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
