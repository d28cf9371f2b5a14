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

import { MAX_SHOWN } from "./mixing.js";

export const VERTEX = `#version 300 es
uniform vec2 u_origin;   // clip position of the quad's top-left corner
uniform vec2 u_across;   // clip step over its width
uniform vec2 u_down;     // clip step over its height
in vec2 a_corner;
void main() {
  gl_Position = vec4(u_origin + a_corner.x * u_across + a_corner.y * u_down, 0.0, 1.0);
}`;

const FINISH = `
uniform bool u_profiled;
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
  if (!u_profiled) return colour;
  vec3 light = vec3(linear(colour.r, 0), linear(colour.g, 1), linear(colour.b, 2));
  return encoded(clamp(u_to_srgb * light, 0.0, 1.0));
}`;

export const FRAGMENT = `#version 300 es
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
uniform bool u_smooth;   // interpolate when a coarse layer is magnified
uniform float u_border;  // paint nothing but the field's border, so many texels wide
uniform bool u_sum;      // leave the sum as it is: it is one of several
uniform int u_shown;
uniform int u_channel[${MAX_SHOWN}];
uniform vec2 u_window[${MAX_SHOWN}];
uniform float u_gamma[${MAX_SHOWN}];
uniform vec3 u_mixer[${MAX_SHOWN}];
out vec4 o_colour;
${FINISH}
float at(ivec2 place, int layer) {
  ivec2 last = ivec2(ceil(u_part.zw - u_part.xy)) - 1;
  return float(texelFetch(u_pixels, ivec3(clamp(place, ivec2(0), last), layer), 0).r);
}

float interpolated(vec2 texel, int layer) {
  vec2 corner = floor(texel - 0.5);
  vec2 share = texel - 0.5 - corner;
  ivec2 place = ivec2(corner);
  float top = mix(at(place, layer), at(place + ivec2(1, 0), layer), share.x);
  float bottom = mix(at(place + ivec2(0, 1), layer), at(place + ivec2(1, 1), layer), share.x);
  return mix(top, bottom, share.y);
}

float averaged(vec2 texel, int layer) {
  float sum = 0.0;
  for (int row = 0; row < u_taps; row++) {
    for (int column = 0; column < u_taps; column++) {
      vec2 offset = (vec2(column, row) + 0.5) / float(u_taps) - 0.5;
      sum += at(ivec2(floor(texel + offset.x * u_step_x + offset.y * u_step_y)), layer);
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
  vec3 sum = vec3(0.0);
  for (int i = 0; i < u_shown; i++) {
    int layer = u_slot + u_channel[i];
    float value = u_taps > 1 ? averaged(texel, layer)
      : u_smooth ? interpolated(texel, layer)
      : at(ivec2(floor(texel)), layer);
    vec2 window = u_window[i];
    float share = clamp((value - window.x) / (window.y - window.x), 0.0, 1.0);
    sum += u_mixer[i] * pow(share, u_gamma[i]);
  }
  o_colour = vec4(u_sum ? sum : finished(sum), 1.0);
}`;

/** Adds one picture to another, or finishes the sum. */
export const RESOLVE = `#version 300 es
precision highp float;
precision highp int;
uniform sampler2D u_picture;
uniform bool u_sum;
out vec4 o_colour;
${FINISH}
void main() {
  vec3 sum = texelFetch(u_picture, ivec2(gl_FragCoord.xy), 0).rgb;
  o_colour = vec4(u_sum ? sum : finished(sum), 1.0);
}`;
