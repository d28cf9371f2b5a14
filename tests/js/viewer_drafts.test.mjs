// What the viewer says of an annotation is true: saved means that the server has it.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Drafts } from "../../viewer/static/viewer/drawing/drafts.js";
import { ellipseRing, ringArea, shapeArea, toMap, toRecord } from "../../viewer/static/viewer/drawing/geometry.js";
import { Deeds } from "../../viewer/static/viewer/drawing/deeds.js";

const SHAPE = { kind: "rectangle", geometry: { type: "Polygon", coordinates: [[[0, 0], [4, 0], [4, 3], [0, 0]]] } };
const tick = () => new Promise((done) => setTimeout(done, 2));

/** What waits on this machine. */
function memory(kept = []) {
  const entries = new Map(kept.map((one) => [one.draft.client_id, one]));
  return { entries, put: (one) => entries.set(one.draft.client_id, structuredClone(one)), drop: (id) => entries.delete(id), all: async () => kept };
}

/** A server whose next answers are given; without one it saves. */
function lab(answers = [], outbox = memory()) {
  const requests = [];
  const timers = [];
  const send = async (url, { method, body }) => {
    const sent = body ? JSON.parse(body) : null;
    requests.push({ method, url, body: sent });
    const answer = answers.shift() ?? { status: method === "DELETE" ? 204 : 200 };
    if (answer.gone) {
      throw new TypeError("network");
    }
    await answer.wait;
    const json = answer.json ?? { version: (sent?.version ?? 0) + 1 };
    const text = answer.cut ? '{"version": ' : JSON.stringify(json);
    return new Response(answer.status === 204 ? null : text, { status: answer.status });
  };
  const drafts = new Drafts({
    url: "/api/annotations/", slide: "s1", csrf: "c", author: "paul", outbox, onChange: () => {}, send,
    later: (run, ms) => timers.push({ run, ms }),
  });
  return { drafts, requests, timers, outbox };
}

test("a shape is saved once the server has answered", async () => {
  let release;
  const { drafts, requests } = lab([{ status: 201, wait: new Promise((done) => (release = done)) }]);
  const draft = drafts.add(SHAPE);
  await tick();
  assert.equal(draft.state, "saving");
  assert.equal(drafts.unsaved, 1);
  release();
  await tick();
  assert.deepEqual([draft.state, draft.version, drafts.unsaved], ["saved", 1, 0]);
  assert.equal(requests[0].body.client_id, draft.client_id);
});

test("lost answers are asked for again under the same id, later each time", async () => {
  const { drafts, requests, timers } = lab([{ gone: true }, { status: 502 }, { status: 429 }]);
  const draft = drafts.add(SHAPE);
  for (let i = 0; i < 3; i++) {
    await tick();
    assert.equal(draft.state, "waiting");
    timers[i].run();
  }
  await tick();
  assert.equal(draft.state, "saved");
  assert.deepEqual(timers.map(({ ms }) => ms), [1000, 2000, 4000]);
  assert.equal(new Set(requests.map(({ body }) => body.client_id)).size, 1);
});

test("an edit during a save is sent after it, on top of its version", async () => {
  let release;
  const { drafts, requests } = lab([{ status: 201, wait: new Promise((done) => (release = done)) }]);
  const draft = drafts.add(SHAPE);
  await tick();
  drafts.edit(draft.client_id, { label: "tumour" });
  release();
  await tick();
  assert.deepEqual(requests.map(({ method }) => method), ["POST", "PATCH"]);
  assert.deepEqual([requests[1].body.label, requests[1].body.version], ["tumour", 1]);
  assert.deepEqual([draft.state, draft.version], ["saved", 2]);
});

const CONFLICT = {
  status: 409,
  json: { error: { code: "conflict", message: "Changed.", detail: { current: { ...SHAPE, label: "theirs", version: 9 } } } },
};

test("a conflict shows both and is never called saved; mine goes over theirs when I say so", async () => {
  const { drafts, requests } = lab([{ status: 201 }, CONFLICT]);
  const draft = drafts.add(SHAPE);
  await tick();
  drafts.edit(draft.client_id, { label: "mine" });
  await tick();
  assert.deepEqual([draft.state, draft.label, draft.theirs.label], ["conflict", "mine", "theirs"]);
  drafts.edit(draft.client_id, { comment: "still mine" });
  await tick();
  assert.equal(requests.length, 2);
  drafts.settle(draft.client_id, "mine");
  await tick();
  assert.deepEqual([requests[2].body.version, requests[2].body.label, draft.state], [9, "mine", "saved"]);
});

test("theirs replaces mine when I say so", async () => {
  const { drafts } = lab([{ status: 201 }, CONFLICT]);
  const draft = drafts.add(SHAPE);
  await tick();
  const id = draft.client_id;
  drafts.edit(id, { label: "mine" });
  await tick();
  drafts.settle(id, "theirs");
  assert.deepEqual([draft.state, draft.label, draft.version, drafts.get(id)], ["saved", "theirs", 9, draft]);
});

test("a refusal is told with its reason and not retried by itself", async () => {
  const { drafts, timers } = lab([{ status: 400, json: { error: { code: "bad_input", message: "Too small." } } }]);
  const draft = drafts.add(SHAPE);
  await tick();
  assert.deepEqual([draft.state, draft.problem, timers.length], ["refused", "Too small.", 0]);
  drafts.retry();
  await tick();
  assert.equal(draft.state, "saved");
});

test("deleting what may have reached the server deletes it there", async () => {
  const { drafts, requests, timers } = lab([{ gone: true }]);
  const draft = drafts.add(SHAPE);
  await tick();
  drafts.edit(draft.client_id, { deleted: true });
  await tick();
  timers.forEach(({ run }) => run());
  await tick();
  assert.deepEqual(requests.map(({ method }) => method), ["POST", "POST", "DELETE"]);
  assert.deepEqual([drafts.all.length, drafts.unsaved], [0, 0]);
});

test("a deleted annotation counts as unsaved until the server has deleted it", async () => {
  const { drafts } = lab([{ status: 201 }, { status: 500 }]);
  const draft = drafts.add(SHAPE);
  await tick();
  drafts.edit(draft.client_id, { deleted: true });
  await tick();
  assert.deepEqual([drafts.all.length, drafts.unsaved], [0, 1]);
});

test("all pages of what was drawn are read", async () => {
  const row = (id) => ({ ...SHAPE, client_id: id, label: "", comment: "", version: 3 });
  const { drafts, requests } = lab([
    { status: 200, json: { results: [row("a")], next: "/api/annotations/?offset=1" } },
    { status: 200, json: { results: [row("b")], next: null } },
  ]);
  await drafts.load();
  assert.deepEqual(drafts.all.map(({ client_id: id, state }) => [id, state]), [["a", "saved"], ["b", "saved"]]);
  assert.equal(requests[1].url, "/api/annotations/?offset=1");
});

test("a list that cannot be read is an error, never an empty list; a closed one is read only", async () => {
  await assert.rejects(lab([{ status: 500 }]).drafts.load(), /could not be read/);
  const { drafts } = lab([{ status: 403 }]);
  await drafts.load();
  assert.equal(drafts.readOnly, true);
});

test("geometry goes to the record y down and back", () => {
  const rings = [[[1.004, -2], [3, -4], [1.004, -2]]];
  const record = toRecord("Polygon", rings);
  assert.deepEqual(record.coordinates[0][0], [1, 2]);
  assert.deepEqual(toMap(record)[0][1], [3, -4]);
  assert.deepEqual(toRecord("Point", [5, -6]), { type: "Point", coordinates: [5, 6] });
  assert.deepEqual(toMap({ type: "MultiPolygon", coordinates: [[[[1, 2]]]] }), [[[[1, -2]]]]);
});

test("an area is that of the outer rings less the holes", () => {
  const box = (size) => [[0, 0], [size, 0], [size, size], [0, size], [0, 0]];
  assert.equal(shapeArea({ type: "Polygon", coordinates: [box(4), box(2)] }), 12);
  assert.equal(shapeArea({ type: "MultiPolygon", coordinates: [[box(4)], [box(2)]] }), 20);
  assert.equal(shapeArea({ type: "Point", coordinates: [1, 2] }), 0);
});

test("an ellipse fills its box", () => {
  const ring = ellipseRing([0, 0], [40, 20]);
  assert.deepEqual(ring[0], ring.at(-1));
  assert.equal(Math.max(...ring.map(([x]) => x)), 40);
  assert.ok(Math.abs(ringArea(ring) / (Math.PI * 20 * 10) - 1) < 0.01);
});

test("what came to the server by another way is taken over, and nothing of mine is touched", async () => {
  const row = (client_id, label) => ({ ...SHAPE, client_id, label, version: 1, author: "paul" });
  const results = [];
  const { drafts } = lab([{ status: 201 }, { status: 200, json: { results, next: null } }]);
  const mine = drafts.add({ ...SHAPE, label: "mine" });
  await tick();
  results.push(row("found", "nucleus"), row(mine.client_id, "theirs"));
  await drafts.catchUp();
  assert.deepEqual(drafts.all.map(({ label }) => label), ["mine", "nucleus"]);
  assert.equal(drafts.get("found").state, "saved");
  await assert.rejects(lab([{ status: 500 }]).drafts.catchUp(), /could not be read/);
});

test("a reload sends what waited, word for word what was under way, then what was changed meanwhile", async () => {
  const { outbox, drafts } = lab([{ gone: true }]);
  const { client_id: id } = drafts.add(SHAPE);
  await tick();
  drafts.edit(id, { label: "tumour" });
  const kept = [...outbox.entries.values()];
  const after = lab([{ status: 200, json: { results: [], next: null } }], memory(kept));
  await after.drafts.load();
  await tick();
  assert.deepEqual(after.requests.slice(1).map(({ method, body }) => [method, body.label]), [["POST", ""], ["PATCH", "tumour"]]);
  assert.equal(new Set(after.requests.slice(1).map(({ body }) => body.client_id)).size, 1);
  assert.deepEqual([after.drafts.get(id).state, after.outbox.entries.size], ["saved", 0]);
});

test("nothing leaves this machine's memory before the server has it", async () => {
  const { drafts, outbox, timers } = lab([{ status: 503 }]);
  const draft = drafts.add(SHAPE);
  await tick();
  assert.equal(outbox.entries.has(draft.client_id), true);
  timers[0].run();
  await tick();
  assert.deepEqual([draft.state, outbox.entries.size], ["saved", 0]);
});

test("an answer that was cut off is asked for again", async () => {
  const { drafts, requests, timers } = lab([{ status: 201, json: undefined, cut: true }]);
  const draft = drafts.add(SHAPE);
  await tick();
  assert.equal(draft.state, "waiting");
  timers[0].run();
  await tick();
  assert.deepEqual([requests.length, draft.state], [2, "saved"]);
});

test("a server that is down is asked by one pause, not by every annotation, and four at a time when it is back", async () => {
  const { drafts, requests, timers } = lab(Array.from({ length: 4 }, () => ({ status: 503 })));
  for (let i = 0; i < 20; i++) {
    drafts.add(SHAPE);
  }
  await tick();
  assert.deepEqual([requests.length, timers.length, drafts.unsaved], [4, 1, 20]);
  timers[0].run();
  await tick();
  assert.equal(drafts.unsaved, 0);
  assert.equal(requests.length, 24);
});

test("keeping both makes mine a new one beside theirs", async () => {
  const { drafts } = lab([{ status: 201 }, CONFLICT]);
  const { client_id: id } = drafts.add(SHAPE);
  await tick();
  drafts.edit(id, { label: "mine" });
  await tick();
  drafts.settle(id, "both");
  await tick();
  assert.deepEqual(drafts.all.map(({ label, state }) => [label, state]), [["theirs", "saved"], ["mine", "saved"]]);
});

test("a refused change can be given up: what the server has stands", async () => {
  const refusal = { status: 409, json: { error: { message: "The slide is signed off.", detail: { current: null } } } };
  const { drafts, outbox } = lab([{ status: 201 }, refusal]);
  const draft = drafts.add({ ...SHAPE, label: "first" });
  await tick();
  drafts.edit(draft.client_id, { label: "second" });
  await tick();
  assert.deepEqual([draft.state, drafts.stuck], ["refused", 1]);
  drafts.discard(draft.client_id);
  assert.deepEqual([draft.state, draft.label, outbox.entries.size], ["saved", "first", 0]);
});

test("undo and redo after a save are the next versions, also of a deletion", async () => {
  const { drafts, requests } = lab();
  const deeds = new Deeds(drafts);
  const [id] = deeds.do([], [SHAPE]);
  await tick();
  deeds.do([{ id, to: { label: "tumour" } }]);
  await tick();
  deeds.do([{ id, to: { deleted: true } }]);
  await tick();
  deeds.undo();
  deeds.undo();
  await tick();
  assert.deepEqual(requests.map(({ method }) => method), ["POST", "PATCH", "DELETE", "PATCH", "PATCH"]);
  assert.deepEqual([drafts.get(id).label, drafts.get(id).version, drafts.get(id).state], ["", 5, "saved"]);
  deeds.redo();
  await tick();
  assert.deepEqual([drafts.get(id).label, drafts.unsaved], ["tumour", 0]);
});

test("one deed is undone whole, and a new deed ends the redo", async () => {
  const { drafts } = lab();
  const deeds = new Deeds(drafts);
  const [a, b] = deeds.do([], [SHAPE, SHAPE]);
  const [c] = deeds.do([{ id: a, to: { label: "left" } }, { id: b, to: { deleted: true } }], [SHAPE]);
  deeds.undo();
  await tick();
  assert.deepEqual([a, b, c].map((id) => drafts.get(id).deleted), [false, false, true]);
  assert.equal(drafts.get(a).label, "");
  deeds.do([{ id: a, to: { comment: "new" } }]);
  assert.equal(deeds.redo(), false);
});

test("nobody changes a colleague's annotation, nor one that is signed off", async () => {
  const row = (id, facts) => ({ ...SHAPE, client_id: id, label: "", comment: "", version: 1, author: "paul", ...facts });
  const results = [row("a", { author: "petra" }), row("b", { locked: true }), row("c")];
  const { drafts, requests } = lab([{ status: 200, json: { results, next: null } }]);
  await drafts.load();
  const deeds = new Deeds(drafts);
  deeds.do(["a", "b", "c"].map((id) => ({ id, to: { deleted: true } })));
  await tick();
  assert.deepEqual(requests.slice(1).map(({ method, body }) => [method, body.client_id]), [["DELETE", "c"]]);
});
