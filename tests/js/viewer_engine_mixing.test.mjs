// From intensities to colours, and the link that keeps them.
import assert from "node:assert/strict";
import { test } from "node:test";

import { effective, glass, MAX_SHOWN, mix, passes, rgb, uniforms } from "../../viewer/static/viewer/engine/mixing.js";
import { readPlace, readState, writeLink } from "../../viewer/static/viewer/link.js";

const channel = { name: "DAPI", shown: true, colour: "#ff0000", opacity: 1, low: 100, high: 300, gamma: 1, dx: 0, dy: 0 };
const plain = { brightness: 0, contrast: 1, gamma: 1 };

function state(channels = [channel, { ...channel, colour: "#00ff00" }]) {
  const switches = { profile: true, registered: true, borders: false, mirrored: false };
  return { channels: structuredClone(channels), picture: { ...plain }, ...switches, z: 1, t: 0 };
}

test("the shader's sum: window, gamma, mixer, opacity, status", () => {
  assert.deepEqual(mix([200], [channel]), [128, 0, 0]);
  assert.deepEqual(mix([50], [channel]), [0, 0, 0]);
  assert.deepEqual(mix([200], [{ ...channel, gamma: 2 }]), [64, 0, 0]);
  assert.deepEqual(mix([200], [{ ...channel, opacity: 0.5 }]), [64, 0, 0]);
  assert.deepEqual(mix([200], [{ ...channel, shown: false }]), [0, 0, 0]);
  assert.deepEqual(mix([300, 300], [channel, { ...channel, colour: "#ff8000" }]), [255, 128, 0]);
});

test("brightness and contrast are a window too", () => {
  const bright = { brightness: 0.25, contrast: 1, gamma: 1 };
  assert.deepEqual(mix([200], [channel], bright), [191, 0, 0]);
  const { low, high } = effective(channel, { brightness: 0, contrast: 2, gamma: 1 });
  assert.deepEqual([low, high], [150, 250]);
  assert.deepEqual(mix([200], [channel], { ...plain, gamma: 2 }), [64, 0, 0]);
});

test("glass is white through what is shown, and darkness is dark", () => {
  const white = state([{ ...channel, low: 0, high: 255 }, { ...channel, colour: "#0000ff", low: 0, high: 255 }]);
  assert.deepEqual(glass(white, [0, 1], "brightfield"), [1, 0, 1]);
  assert.deepEqual(glass(white, [0, 1], "fluorescence"), [0, 0, 0]);
  assert.deepEqual(glass(white, [], "brightfield"), [0, 0, 0]);
});

test("channels that are moved alike are painted together, at most sixteen", () => {
  const channels = Array.from({ length: 20 }, (_, i) => ({ ...channel, dx: i % 2, shown: i !== 4 }));
  const [still, moved] = passes(channels);
  assert.deepEqual([still.dx, moved.dx], [0, 1]);
  assert.equal(still.channels.includes(4), false);
  assert.equal(still.channels.length + moved.channels.length, MAX_SHOWN);
});

test("uniforms are those of the channels painted, and a window is never empty", () => {
  const { packs, mixer, low, high, curved } = uniforms([channel, { ...channel, low: 9, high: 9, gamma: 1, colour: "#0000ff" }], [1]);
  assert.deepEqual([packs, curved], [[0], false]);
  assert.deepEqual([...mixer.slice(0, 6)], [0, 0, 0, 0, 0, 1]);
  assert.deepEqual([low[1], high[1]], [9, 10]);
  assert.deepEqual(rgb("nonsense"), [1, 1, 1]);
});

test("channels are painted by fours, wherever those that are shown lie", () => {
  const channels = Array.from({ length: 10 }, (_, i) => ({ ...channel, low: i, high: i + 1, gamma: 2 }));
  const { packs, low, curved } = uniforms(channels, [1, 9]);
  assert.deepEqual([packs, curved, low[1], low[4 + 1]], [[0, 2], true, 1, 9]);
  assert.deepEqual(uniforms(channels, []).packs, [0]);
});

test("a link brings back the place it was made from", () => {
  const place = { x: 1200.123456789, y: 800, resolution: 2 / 3, rotation: Math.PI / 2 };
  assert.deepEqual(readPlace(writeLink(place, state(), state())), place);
  for (const hash of ["", "#help", "#x=1&y=2", "#x=1&y=2&s=0", "#x=a&y=2&s=1"]) {
    assert.equal(readPlace(hash), null);
  }
});

test("a link brings back everything that is painted, and says only what differs", () => {
  const place = { x: 1, y: 2, resolution: 3, rotation: 0 };
  assert.equal(writeLink(place, state(), state()), "#x=1&y=2&s=3");
  const changed = state();
  Object.assign(changed, { z: 0, t: 4, mirrored: true, registered: false, borders: true, profile: false });
  Object.assign(changed.picture, { brightness: -0.1, contrast: 1.3, gamma: 0.7 });
  Object.assign(changed.channels[1], { shown: false, colour: "#123abc", low: 7, gamma: 10 ** 0.31, opacity: 0.4, dx: -1.5, dy: 3 });
  const link = writeLink(place, changed, state());
  assert.deepEqual(readState(link, state()), changed);
  assert.equal(writeLink(place, readState(link, state()), state()), link);
});

test("what makes no sense in a link is left out", () => {
  for (const hash of ["#z=-1&t=x&m=2", "#c0=1,red,1,2,1,1,0,0", "#c0=1,ff0000,1,2", "#i=0,0,1", "#i=0,1", "#c0=1,ff0000,1,NaN,1,1,0,0"]) {
    assert.deepEqual(readState(hash, state()), state(), hash);
  }
});

test("two slides share an address, and what is not ours stays in it", () => {
  const place = { x: 1, y: 2, resolution: 3, rotation: 0 };
  const first = writeLink(place, state(), state(), { hash: "#annotation=7&x=9" });
  assert.equal(first, "#x=1&y=2&s=3&annotation=7");
  const both = writeLink({ ...place, x: 5 }, state(), state(), { hash: first, prefix: "2" });
  assert.equal(readPlace(both).x, 1);
  assert.equal(readPlace(both, "2").x, 5);
});
