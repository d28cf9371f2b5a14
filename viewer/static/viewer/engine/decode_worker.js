/**
 * @file A worker that turns a framed batch of stored Blosc chunks into pixels.
 */

// @ts-ignore: resolved by the server's static files, not by the compiler; the package's types follow below
import BloscModule from "../../npm/numcodecs/dist/blosc.js";
import { readFrames } from "./frames.js";

const Blosc = /** @type {typeof import("numcodecs/blosc").default} */ (BloscModule);
const codec = Blosc.fromConfig({ id: "blosc" });

/** @param {MessageEvent<{job: number, buffer: ArrayBuffer}>} event */
async function decode({ data: { job, buffer } }) {
  try {
    /** @type {(ArrayBuffer | null)[]} */
    const planes = [];
    for (const frame of readFrames(buffer)) {
      planes.push(frame ? /** @type {ArrayBuffer} */ ((await codec.decode(frame)).buffer) : null);
    }
    const owned = planes.filter((plane) => plane !== null);
    postMessage({ job, planes }, { transfer: owned });
  } catch (error) {
    postMessage({ job, error: String(error) });
  }
}

addEventListener("message", decode);
