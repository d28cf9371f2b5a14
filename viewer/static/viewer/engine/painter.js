/**
 * @file All WebGL calls of the viewer: two programs, one quad, one texture array per block.
 */

import { along, nearest, Program, requireRoom, Sums } from "./gl.js";
import { uniforms } from "./mixing.js";
import { FRAGMENT, RESOLVE } from "./shader.js";

/** @typedef {import("../types.js").ChannelState} ChannelState */
/** @typedef {import("../types.js").ColourProfile} ColourProfile */
/** @typedef {import("../types.js").Picture} Picture */
/** @typedef {import("../types.js").SlideHeader} SlideHeader */
/** @typedef {import("./blocks.js").BlockGrid} BlockGrid */
/** @typedef {[number, number, number]} Colour 0..1 */

/**
 * @typedef {object} BlockTexture
 * @property {WebGLTexture} texture layer = slot × channels + channel
 * @property {Set<number>} present channels uploaded
 */

/**
 * @typedef {object} Quad one part of a field on the screen
 * @property {WebGLTexture} texture
 * @property {number} layer first texture layer
 * @property {[number, number]} origin clip coordinates
 * @property {[number, number]} across
 * @property {[number, number]} down
 * @property {import("./camera.js").Anchor} anchor of its field
 * @property {import("./blocks.js").Part} part
 */

/**
 * @typedef {object} Sampling
 * @property {[number, number]} stepX texels per screen pixel, to the right
 * @property {[number, number]} stepY and down
 * @property {[number, number]} texels of a field
 * @property {number} taps
 * @property {boolean} smooth
 * @property {number} border texels; 0 for the pixels themselves
 */

const CURVE_STEPS = 1024;
const WHOLE = { origin: [-1, 1], across: [2, 0], down: [0, -2] };

export class Painter {
  #gl;
  #channels;
  #wide;
  #profile;
  #mosaic;
  #resolve;
  #sums;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {SlideHeader} header
   * @throws {Error} where the browser cannot paint this slide
   */
  constructor(canvas, header) {
    const gl = canvas.getContext("webgl2", { antialias: false, alpha: false, preserveDrawingBuffer: true });
    if (!gl) {
      throw new Error("This browser has no WebGL 2, which the viewer paints with.");
    }
    requireRoom(gl, header);
    this.#gl = gl;
    this.#channels = header.channels.length;
    this.#wide = header.dtype === "uint16";
    this.#profile = header.profile?.matrix && header.profile.curves ? header.profile : null;
    ({ mosaic: this.#mosaic, resolve: this.#resolve, sums: this.#sums } = this.#start());
  }

  #start() {
    const gl = this.#gl;
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, 0, 1, 0, 0, 1, 1, 1]), gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0); // `link` puts a_corner there
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    this.#uploadCurves();
    return { mosaic: new Program(gl, FRAGMENT), resolve: new Program(gl, RESOLVE), sums: new Sums(gl) };
  }

  /** Makes everything anew: the graphics context was lost and is back. */
  restart() {
    ({ mosaic: this.#mosaic, resolve: this.#resolve, sums: this.#sums } = this.#start());
  }

  /** Bytes of the pictures that sums are made in. */
  get sumBytes() {
    return this.#sums.bytes;
  }

  #uploadCurves() {
    const gl = this.#gl;
    const curves = this.#profile?.curves ?? [[0, 1], [0, 1], [0, 1]];
    const table = Float32Array.from({ length: 3 * CURVE_STEPS }, (_, i) =>
      along(curves[Math.floor(i / CURVE_STEPS)] ?? [0, 1], (i % CURVE_STEPS) / (CURVE_STEPS - 1)),
    );
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R32F, CURVE_STEPS, 3, 0, gl.RED, gl.FLOAT, table);
    nearest(gl, gl.TEXTURE_2D);
    gl.activeTexture(gl.TEXTURE0);
  }

  /**
   * @param {BlockGrid} grid
   * @returns {BlockTexture}
   */
  allocate({ level }) {
    const gl = this.#gl;
    const texture = gl.createTexture();
    const layers = level.fieldsPerChunk * this.#channels;
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, texture);
    const format = this.#wide ? gl.R16UI : gl.R8UI;
    gl.texStorage3D(gl.TEXTURE_2D_ARRAY, 1, format, level.chunkWidth, level.chunkHeight, layers);
    nearest(gl, gl.TEXTURE_2D_ARRAY);
    return { texture, present: new Set() };
  }

  /**
   * Uploads one channel of a block.
   *
   * @param {BlockTexture} target
   * @param {BlockGrid} grid
   * @param {number} channel
   * @param {ArrayBuffer} plane (fieldsPerChunk, chunkHeight, chunkWidth)
   */
  upload(target, { level }, channel, plane) {
    const gl = this.#gl;
    const pixels = this.#wide ? new Uint16Array(plane) : new Uint8Array(plane);
    const type = this.#wide ? gl.UNSIGNED_SHORT : gl.UNSIGNED_BYTE;
    const area = level.chunkWidth * level.chunkHeight;
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, target.texture);
    for (let slot = 0; slot < Math.min(level.fieldsPerChunk, Math.floor(pixels.length / area)); slot++) {
      gl.texSubImage3D(
        gl.TEXTURE_2D_ARRAY, 0, 0, 0, slot * this.#channels + channel, level.chunkWidth, level.chunkHeight, 1,
        gl.RED_INTEGER, type, pixels, slot * area,
      );
    }
    target.present.add(channel);
  }

  /** @param {BlockTexture} block */
  release(block) {
    this.#gl.deleteTexture(block.texture);
  }

  /**
   * Begins a picture on the canvas, or one of several that are added up.
   *
   * @param {Colour} background
   * @param {boolean} profiled
   * @param {boolean} sum
   */
  begin(background, profiled, sum) {
    const gl = this.#gl;
    if (sum) {
      this.#sums.fit();
    } else {
      this.#sums.drop();
    }
    gl.bindFramebuffer(gl.FRAMEBUFFER, sum ? (this.#sums.pass?.frame ?? null) : null);
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.clearColor(...background, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    this.#prepare(this.#mosaic, profiled, sum);
  }

  /**
   * @param {Program} program
   * @param {boolean} profiled
   * @param {boolean} sum
   */
  #prepare(program, profiled, sum) {
    const gl = this.#gl;
    program.use();
    gl.uniform1i(program.at("u_curves"), 1);
    gl.uniform1i(program.at("u_profiled"), profiled && this.#profile ? 1 : 0);
    gl.uniformMatrix3fv(program.at("u_to_srgb"), true, this.#profile?.matrix ?? [1, 0, 0, 0, 1, 0, 0, 0, 1]);
    gl.uniform1i(program.at("u_sum"), sum ? 1 : 0);
  }

  /**
   * @param {readonly ChannelState[]} channels
   * @param {readonly number[]} indices
   * @param {Picture} picture
   */
  show(channels, indices, picture) {
    const gl = this.#gl;
    const { channel, window, gamma, mixer } = uniforms(channels, indices, picture);
    gl.uniform1i(this.#mosaic.at("u_pixels"), 0);
    gl.uniform1i(this.#mosaic.at("u_shown"), indices.length);
    gl.uniform1iv(this.#mosaic.at("u_channel"), channel);
    gl.uniform2fv(this.#mosaic.at("u_window"), window);
    gl.uniform1fv(this.#mosaic.at("u_gamma"), gamma);
    gl.uniform3fv(this.#mosaic.at("u_mixer"), mixer);
  }

  /**
   * Paints quads of one zoom layer, the first lowest.
   *
   * @param {readonly Quad[]} quads
   * @param {Sampling} sampling
   */
  paint(quads, sampling) {
    const gl = this.#gl;
    const at = (/** @type {string} */ name) => this.#mosaic.at(name);
    gl.uniform2f(at("u_step_x"), ...sampling.stepX);
    gl.uniform2f(at("u_step_y"), ...sampling.stepY);
    gl.uniform2f(at("u_texels"), ...sampling.texels);
    gl.uniform1i(at("u_taps"), sampling.taps);
    gl.uniform1i(at("u_smooth"), sampling.smooth ? 1 : 0);
    gl.uniform1f(at("u_border"), sampling.border);
    for (const { texture, layer, anchor, part, ...corners } of quads) {
      gl.bindTexture(gl.TEXTURE_2D_ARRAY, texture);
      gl.uniform1i(at("u_slot"), layer);
      gl.uniform2f(at("u_pivot"), ...anchor.pivot);
      gl.uniform2f(at("u_base"), ...anchor.base);
      gl.uniform4f(at("u_part"), part.left, part.top, part.right, part.bottom);
      this.#draw(this.#mosaic, corners);
    }
  }

  /**
   * @param {Program} program
   * @param {{origin: number[], across: number[], down: number[]}} corners
   */
  #draw(program, { origin, across, down }) {
    const gl = this.#gl;
    gl.uniform2fv(program.at("u_origin"), origin);
    gl.uniform2fv(program.at("u_across"), across);
    gl.uniform2fv(program.at("u_down"), down);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  /**
   * Adds what was painted since `begin` to the sum.
   *
   * @param {boolean} first of the frame: the sum is emptied before
   */
  add(first) {
    const gl = this.#gl;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.#sums.all?.frame ?? null);
    if (first) {
      gl.clearColor(0, 0, 0, 1);
      gl.clear(gl.COLOR_BUFFER_BIT);
    }
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE);
    this.#copy(this.#sums.pass?.picture ?? null, false, true);
    gl.disable(gl.BLEND);
  }

  /**
   * Puts the sum on the canvas.
   *
   * @param {boolean} profiled
   */
  finish(profiled) {
    this.#gl.bindFramebuffer(this.#gl.FRAMEBUFFER, null);
    this.#copy(this.#sums.all?.picture ?? null, profiled, false);
    this.#prepare(this.#mosaic, profiled, false);
  }

  /**
   * @param {WebGLTexture | null} picture
   * @param {boolean} profiled
   * @param {boolean} sum
   */
  #copy(picture, profiled, sum) {
    const gl = this.#gl;
    this.#prepare(this.#resolve, profiled, sum);
    gl.bindTexture(gl.TEXTURE_2D, picture);
    gl.uniform1i(this.#resolve.at("u_picture"), 0);
    this.#draw(this.#resolve, WHOLE);
  }
}
