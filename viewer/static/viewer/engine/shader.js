/**
 * @file The shaders of the mosaic; mixing.js has the same sums in JavaScript.
 *
 * Intensity of a channel: ((l - low) / (high - low)) ^ gamma, clamped to 0..1. Colour: mixer (3 × n) × status (diagonal
 * 0 or 1) × intensities. The columns of the mixer are the channels' colours times their opacity; a channel that is off
 * is left out. The sum is clamped, and then taken through the colour profile where there is one.
 *
 * Sampling: the middle of a screen pixel lies somewhere on the slide, p. A magnified camera pixel is a square (the texel
 * under p); a magnified zoom layer is interpolated between the four texels round p; what is made smaller is the mean of
 * n × n texels, evenly spread over the screen pixel's footprint. Neighbours are sought within the stored chunk.
 */

export const VERTEX = `#version 300 es
uniform vec2 u_origin;   // clip position of the quad's top-left corner
uniform vec2 u_across;   // clip step over its width
uniform vec2 u_down;     // clip step over its height
in vec2 a_corner;
void main() {
  gl_Position = vec4(u_origin + a_corner.x * u_across + a_corner.y * u_down, 0.0, 1.0);
}`;

const PROFILE = `
uniform mat3 u_to_srgb;        // the scanner's linear light to that of sRGB
uniform sampler2D u_curves;    // a row for each of red, green and blue
float linear(float value, int row) {
  float place = value * float(textureSize(u_curves, 0).x - 1);
  float low = floor(place);
  int last = textureSize(u_curves, 0).x - 1;
  float left = texelFetch(u_curves, ivec2(int(low), row), 0).r;
  return mix(left, texelFetch(u_curves, ivec2(min(int(low) + 1, last), row), 0).r, place - low);
}
vec3 encoded(vec3 light) {
  return mix(12.92 * light, 1.055 * pow(light, vec3(1.0 / 2.4)) - 0.055, step(0.0031308, light));
}
vec3 finished(vec3 sum) {
  vec3 colour = min(sum, 1.0);
  vec3 light = vec3(linear(colour.r, 0), linear(colour.g, 1), linear(colour.b, 2));
  return encoded(clamp(u_to_srgb * light, 0.0, 1.0));
}`;

const NO_PROFILE = `
vec3 finished(vec3 sum) {
  return min(sum, 1.0);
}`;

const SAMPLING = {
  nearest: "at(ivec2(floor(texel)), last, layer)",
  smooth: "interpolated(texel, last, layer)",
  mean: "averaged(texel, last, layer)",
};

/**
 * The mosaic's shader, made for what it is used for: where the processor paints, what is not needed costs half of it all.
 *
 * @param {object} use
 * @param {number} use.packs texels that lie upon each other, four channels in each
 * @param {"nearest" | "smooth" | "mean"} use.sampling of a texel; between four of them; of several
 * @param {boolean} use.curved any gamma is not 1
 * @param {boolean} use.profiled
 */
export function fragment({ packs, sampling, curved, profiled }) {
  return `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2DArray;
uniform usampler2DArray u_pixels;
uniform int u_slot;      // first layer of this field in the texture
uniform vec2 u_pivot;    // a screen pixel
uniform vec2 u_base;     // and the texel of the field under it
uniform vec4 u_part;     // left, top, right, bottom of this chunk's share, texels of the field
uniform vec2 u_texels;   // width and height of the field
uniform vec2 u_step_x;   // texels per screen pixel, to the right
uniform vec2 u_step_y;   // and down
uniform int u_taps;      // samples per axis when minified
uniform float u_border;  // paint nothing but the field's border, so many texels wide
uniform bool u_sum;      // leave the sum as it is: it is one of several
uniform int u_pack[${packs}];
uniform vec4 u_low[${packs}];
uniform vec4 u_high[${packs}];
uniform vec4 u_gamma[${packs}];
uniform mat4x3 u_mixer[${packs}];
out vec4 o_colour;
${profiled ? PROFILE : NO_PROFILE}
vec4 at(ivec2 place, ivec2 last, int layer) {
  return vec4(texelFetch(u_pixels, ivec3(clamp(place, ivec2(0), last), layer), 0));
}

vec4 interpolated(vec2 texel, ivec2 last, int layer) {
  vec2 corner = floor(texel - 0.5);
  vec2 share = texel - 0.5 - corner;
  ivec2 place = ivec2(corner);
  vec4 top = mix(at(place, last, layer), at(place + ivec2(1, 0), last, layer), share.x);
  vec4 bottom = mix(at(place + ivec2(0, 1), last, layer), at(place + ivec2(1, 1), last, layer), share.x);
  return mix(top, bottom, share.y);
}

vec4 averaged(vec2 texel, ivec2 last, int layer) {
  vec4 sum = vec4(0.0);
  for (int row = 0; row < u_taps; row++) {
    for (int column = 0; column < u_taps; column++) {
      vec2 offset = (vec2(column, row) + 0.5) / float(u_taps) - 0.5;
      sum += at(ivec2(floor(texel + offset.x * u_step_x + offset.y * u_step_y)), last, layer);
    }
  }
  return sum / float(u_taps * u_taps);
}

void main() {
  vec2 place = u_base + (gl_FragCoord.x - u_pivot.x) * u_step_x + (u_pivot.y - gl_FragCoord.y) * u_step_y;
  if (any(lessThan(place, u_part.xy)) || any(greaterThanEqual(place, u_part.zw))) discard;
  if (u_border > 0.0) {
    vec2 edge = min(place, u_texels - place);
    if (min(edge.x, edge.y) >= u_border) discard;
    o_colour = vec4(0.2, 0.85, 0.75, 1.0);
    return;
  }
  vec2 texel = place - u_part.xy;
  ivec2 last = ivec2(ceil(u_part.zw - u_part.xy)) - 1;
  vec3 sum = vec3(0.0);
  for (int i = 0; i < ${packs}; i++) {
    int layer = u_slot + u_pack[i];
    vec4 values = ${SAMPLING[sampling]};
    vec4 shares = clamp((values - u_low[i]) / (u_high[i] - u_low[i]), 0.0, 1.0);
    ${curved ? "shares = pow(shares, u_gamma[i]);" : ""}
    sum += u_mixer[i] * shares;
  }
  o_colour = vec4(u_sum ? sum : finished(sum), 1.0);
}`;
}

/**
 * Adds one picture to another, or finishes the sum.
 *
 * @param {boolean} profiled
 */
export function resolve(profiled) {
  return `#version 300 es
precision highp float;
precision highp int;
uniform sampler2D u_picture;
uniform bool u_sum;
out vec4 o_colour;
${profiled ? PROFILE : NO_PROFILE}
void main() {
  vec3 sum = texelFetch(u_picture, ivec2(gl_FragCoord.xy), 0).rgb;
  o_colour = vec4(u_sum ? sum : finished(sum), 1.0);
}`;
}
