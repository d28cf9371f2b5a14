/**
 * @file What WebGL needs said every time: programs, textures, and pictures that sums are made in.
 */

import { packed } from "./packing.js";
import { VERTEX } from "./shader.js";

/** @typedef {import("../types.js").SlideHeader} SlideHeader */

export class Program {
  #gl;
  #program;
  /** @type {Map<string, WebGLUniformLocation | null>} */
  #places = new Map();

  /**
   * @param {WebGL2RenderingContext} gl
   * @param {string} fragment
   */
  constructor(gl, fragment) {
    this.#gl = gl;
    this.#program = link(gl, fragment);
  }

  use() {
    this.#gl.useProgram(this.#program);
  }

  /** @param {string} name */
  at(name) {
    if (!this.#places.has(name)) {
      this.#places.set(name, this.#gl.getUniformLocation(this.#program, name));
    }
    return this.#places.get(name) ?? null;
  }
}

/** Two pictures as large as the canvas with room for sums: one pass, and all of them. */
export class Sums {
  /** @type {{picture: WebGLTexture, frame: WebGLFramebuffer}[]} */
  #pictures = [];
  #size = [0, 0];
  #gl;

  /** @param {WebGL2RenderingContext} gl */
  constructor(gl) {
    this.#gl = gl;
    gl.getExtension("EXT_color_buffer_float");
  }

  get bytes() {
    return this.#pictures.length * (this.#size[0] ?? 0) * (this.#size[1] ?? 0) * 8;
  }

  /** Makes the pictures anew when the canvas has another size. */
  fit() {
    const { drawingBufferWidth: width, drawingBufferHeight: height } = this.#gl;
    if (this.#size[0] !== width || this.#size[1] !== height) {
      this.drop();
      this.#size = [width, height];
      this.#pictures = [this.#make(width, height), this.#make(width, height)];
    }
  }

  drop() {
    this.#pictures.forEach(({ picture, frame }) => {
      this.#gl.deleteTexture(picture);
      this.#gl.deleteFramebuffer(frame);
    });
    this.#pictures = [];
    this.#size = [0, 0];
  }

  get pass() {
    return this.#pictures[0] ?? null;
  }

  get all() {
    return this.#pictures[1] ?? null;
  }

  /**
   * @param {number} width
   * @param {number} height
   */
  #make(width, height) {
    const gl = this.#gl;
    const exact = gl.getExtension("EXT_color_buffer_float") !== null; // without it sums are rounded to 8 bits
    const picture = gl.createTexture();
    const frame = gl.createFramebuffer();
    gl.bindTexture(gl.TEXTURE_2D, picture);
    gl.texStorage2D(gl.TEXTURE_2D, 1, exact ? gl.RGBA16F : gl.RGBA8, width, height);
    nearest(gl, gl.TEXTURE_2D);
    gl.bindFramebuffer(gl.FRAMEBUFFER, frame);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, picture, 0);
    return { picture, frame };
  }
}

/** Moves the canvas's own picture by way of a second one: a picture cannot be copied onto itself. */
export class Shifter {
  #gl;
  #frame;
  /** @type {WebGLTexture | null} */
  #picture = null;
  #size = [0, 0];

  /** @param {WebGL2RenderingContext} gl */
  constructor(gl) {
    this.#gl = gl;
    this.#frame = gl.createFramebuffer();
  }

  get bytes() {
    return (this.#size[0] ?? 0) * (this.#size[1] ?? 0) * 4;
  }

  /**
   * @param {number} right px
   * @param {number} down px
   */
  move(right, down) {
    const gl = this.#gl;
    const { drawingBufferWidth: width, drawingBufferHeight: height } = gl;
    this.#fit(width, height);
    gl.disable(gl.SCISSOR_TEST);
    this.#copy(null, this.#frame, [0, 0, width, height], [0, 0, width, height]);
    this.#copy(this.#frame, null, [0, 0, width, height], [right, -down, width + right, height - down]);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  }

  /**
   * @param {WebGLFramebuffer | null} from
   * @param {WebGLFramebuffer | null} to
   * @param {[number, number, number, number]} source
   * @param {[number, number, number, number]} target
   */
  #copy(from, to, source, target) {
    const gl = this.#gl;
    gl.bindFramebuffer(gl.READ_FRAMEBUFFER, from);
    gl.bindFramebuffer(gl.DRAW_FRAMEBUFFER, to);
    gl.blitFramebuffer(...source, ...target, gl.COLOR_BUFFER_BIT, gl.NEAREST);
  }

  /**
   * @param {number} width
   * @param {number} height
   */
  #fit(width, height) {
    const gl = this.#gl;
    if (this.#size[0] !== width || this.#size[1] !== height) {
      gl.deleteTexture(this.#picture);
      this.#picture = gl.createTexture();
      this.#size = [width, height];
      gl.bindTexture(gl.TEXTURE_2D, this.#picture);
      gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGB8, width, height);
      gl.bindFramebuffer(gl.FRAMEBUFFER, this.#frame);
      gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, this.#picture, 0);
    }
  }
}

/**
 * @param {readonly number[]} curve values at equal steps
 * @param {number} place 0..1
 */
export function along(curve, place) {
  const at = place * (curve.length - 1);
  const left = curve[Math.floor(at)] ?? 0;
  return left + ((curve[Math.ceil(at)] ?? left) - left) * (at - Math.floor(at));
}

/**
 * @param {WebGL2RenderingContext} gl
 * @param {number} target
 */
export function nearest(gl, target) {
  gl.texParameteri(target, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(target, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
}

/**
 * @param {WebGL2RenderingContext} gl
 * @param {SlideHeader} header
 */
export function requireRoom(gl, header) {
  const layers = Math.max(0, ...header.levels.map((level) => level.fieldsPerChunk * packed(header.channels.length).packs));
  const side = Math.max(0, ...header.levels.map((level) => Math.max(level.chunkWidth, level.chunkHeight)));
  if (layers > gl.getParameter(gl.MAX_ARRAY_TEXTURE_LAYERS) || side > gl.getParameter(gl.MAX_TEXTURE_SIZE)) {
    throw new Error("This slide's chunks are larger than this graphics card takes.");
  }
}

/**
 * @param {WebGL2RenderingContext} gl
 * @param {string} fragment
 * @returns {WebGLProgram}
 */
function link(gl, fragment) {
  const program = gl.createProgram();
  for (const [type, source] of /** @type {[number, string][]} */ ([[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, fragment]])) {
    const shader = gl.createShader(type);
    if (!shader) {
      throw new Error("The graphics context was lost.");
    }
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.bindAttribLocation(program, 0, "a_corner");
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
    throw new Error(`The shader does not compile here: ${gl.getProgramInfoLog(program) ?? ""}`);
  }
  return program;
}
