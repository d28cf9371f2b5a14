// What the browser holds of a slide, within its budget. The painter is a fake: it counts.
import assert from "node:assert/strict";
import { test } from "node:test";

import { BlockStore } from "../../viewer/static/viewer/engine/store.js";

const grid = { level: { downsample: 1 }, planeBytes: 100, blockBytes: 200, perBatch: 2, count: 8 };

function storeOf(budget) {
  const card = { blocks: 0, uploads: 0 };
  const painter = {
    allocate: () => (card.blocks++, { texture: {}, present: new Set() }),
    upload: (block, _, pack, planes) => {
      card.uploads += planes.size;
      [0, 1, 2, 3].forEach((i) => (planes.has(4 * pack + i) ? block.present.add(4 * pack + i) : block.present.delete(4 * pack + i)));
    },
    release: () => card.blocks--,
  };
  const store = new BlockStore(painter, budget);
  const come = (batch, planes = [1, 1, 1, 1]) =>
    store.keep({ grid, batch, channels: [0, 1] }, planes.map((there) => (there ? new ArrayBuffer(100) : null)));
  return { store, card, come };
}

test("a block is missing, then decoded, then on the card, and is held once", () => {
  const { store, card, come } = storeOf(4000);
  store.begin([0, 1]);
  assert.equal(store.take(grid, 0, [0, 1]).state, "missing");
  come(0);
  assert.equal(store.bytes, 400);
  assert.equal(store.take(grid, 0, [0, 1]).state, "ready");
  assert.deepEqual([store.bytes, card.blocks, card.uploads], [400, 1, 2]); // two planes wait, two are on the card
  assert.equal(store.has(grid, 1, [0, 1]), true);
  assert.equal(store.has(grid, 2, [0]), false);
});

const planes = (count) => Array.from({ length: count }, () => new ArrayBuffer(100));

test("a channel that is switched on comes with what is shown of its pack", () => {
  const { store, card } = storeOf(4000);
  store.keep({ grid, batch: 0, channels: [0] }, planes(2));
  store.begin([0]);
  assert.equal(store.take(grid, 0, [0]).state, "ready");
  store.begin([0, 1]);
  assert.equal(store.take(grid, 0, [0, 1]).state, "missing");
  store.keep({ grid, batch: 0, channels: [0, 1] }, planes(4));
  assert.equal(store.take(grid, 0, [0, 1]).state, "ready");
  assert.equal(card.blocks, 1);
});

test("a channel that is switched off is still there when it is switched on again", () => {
  const { store, come, card } = storeOf(4000);
  come(0);
  for (const shown of [[0, 1], [1], [0, 1]]) {
    store.begin(shown);
    assert.equal(store.take(grid, 0, shown).state, "ready");
  }
  assert.equal(card.uploads, 2);
});

test("passes that are moved apart share a pack, and neither drops the other's channel", () => {
  const { store, come } = storeOf(4000);
  come(0);
  store.begin([0, 1]);
  const states = [[0], [1], [0], [1]].map((channels) => store.take(grid, 0, channels).state);
  assert.deepEqual(states, Array(4).fill("ready"));
});

test("channels of another pack come by themselves", () => {
  const { store, card } = storeOf(8000);
  store.keep({ grid, batch: 0, channels: [0, 5] }, planes(4));
  store.begin([0]);
  assert.equal(store.take(grid, 0, [0]).state, "ready");
  store.begin([0, 5]);
  assert.equal(store.take(grid, 0, [0, 5]).state, "ready");
  assert.equal(card.uploads, 2);
});

test("what the slide does not have is neither asked for again nor painted", () => {
  const { store, come } = storeOf(4000);
  come(0, [0, 0, 1, 1]);
  store.begin([0, 1]);
  assert.deepEqual(store.take(grid, 0, [0, 1]), { block: null, state: "absent" });
  assert.equal(store.has(grid, 0, [0, 1]), true);
});

test("the budget holds, whatever comes, and a frame's own blocks are never shed for others", () => {
  const { store, card, come } = storeOf(1600); // 400 for planes, 1200 for the card: six blocks
  for (let round = 0; round < 50; round++) {
    store.begin([0, 1]);
    const held = [];
    for (let block = 0; block < 8; block++) {
      const { state, block: texture } = store.take(grid, (block + round) % 8, [0, 1]);
      if (state === "missing") {
        come(Math.floor(((block + round) % 8) / 2));
      } else if (texture) {
        held.push(texture);
      }
      assert.ok(store.bytes <= store.budget, `${store.bytes} bytes`);
    }
    assert.ok(held.length <= 6 && card.blocks <= 6);
  }
  assert.ok(card.uploads > 12);
});

test("no more is asked for than there is room for", () => {
  const { store } = storeOf(1600);
  store.begin([0, 1]);
  const states = [...Array(8).keys()].map((block) => store.take(grid, block, [0, 1]).state);
  assert.deepEqual(states, [...Array(6).fill("missing"), "full", "full"]);
  assert.equal(store.fits(grid, 6), true);
  assert.equal(store.fits(grid, 7), false);
});

test("a card that was lost begins anew", () => {
  const { store, card, come } = storeOf(4000);
  come(0);
  store.begin([0, 1]);
  store.take(grid, 0, [0, 1]);
  store.lost();
  assert.equal(store.take(grid, 0, [0, 1]).state, "missing");
  assert.equal(card.blocks, 0);
});
