// @ts-check
// The photograph with what lies on it, as one SVG: painted from the content, asked what is under the pointer.

/** @typedef {import("./lens.js").Box} Box */
/** @typedef {{x: number, y: number, person: boolean}} Point */
/** @typedef {{points: Point[], area: Box}} Content */
/** @typedef {{kind: "point", index: number} | {kind: "area"} | {kind: "grip"} | {kind: "none"}} Choice */

const SVG = "http://www.w3.org/2000/svg";
const RADIUS = 11; // screen pixels
const SMALL = 6; // where the whole glass is seen
const TOUCH = 1.6; // what a finger hits is larger than what is seen

/** @param {string} name @param {Record<string, string | number>} attributes */
function shape(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}

/** A person's points are squares, the machine's circles: told apart without colour.
 * @param {Point} point @param {number} index @param {boolean} here @param {number} radius */
function mark(point, index, here, radius) {
  const group = shape("g", {
    class: `point${point.person ? " person" : ""}${here ? " chosen" : ""}`, transform: `translate(${point.x} ${point.y})`, "data-index": index,
  });
  const side = radius * 0.9;
  group.append(
    shape("circle", { class: "touch", r: radius * TOUCH }),
    point.person ? shape("rect", { class: "body", x: -side, y: -side, width: 2 * side, height: 2 * side }) : shape("circle", { class: "body", r: radius }),
    shape("path", { d: `M${-radius} 0H${radius}M0 ${-radius}V${radius}` }),
  );
  return group;
}

/** @param {HTMLElement} stage @param {string} address @param {{width: number, height: number}} size */
export function picture(stage, address, size) {
  const svg = shape("svg", { "aria-hidden": "true" });
  const image = shape("image", { href: address, width: size.width, height: size.height });
  const marks = shape("g", {});
  svg.append(image, marks);
  stage.replaceChildren(svg);
  let view = { x: 0, y: 0, width: size.width, height: size.height };

  /** @param {Content} content @param {Choice} chosen @param {Box} seen */
  function paint(content, chosen, seen) {
    view = seen;
    svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.width} ${view.height}`);
    const pixel = view.width / Math.max(1, stage.clientWidth);
    const radius = (view.width > size.width * 0.8 ? SMALL : RADIUS) * pixel;
    const { area } = content;
    const parts = [];
    if (area.width > 0) {
      const on = chosen.kind === "area" || chosen.kind === "grip" ? " chosen" : "";
      const side = radius * 1.4;
      parts.push(
        shape("rect", { class: `area${on}`, ...area }),
        shape("rect", { class: `grip${on}`, x: area.x + area.width - side / 2, y: area.y + area.height - side / 2, width: side, height: side }),
      );
    }
    parts.push(...content.points.map((point, index) => mark(point, index, chosen.kind === "point" && chosen.index === index, radius)));
    marks.replaceChildren(...parts);
  }

  /** Picture pixels under the pointer. @param {MouseEvent} event */
  function place(event) {
    const box = stage.getBoundingClientRect();
    return {
      x: view.x + ((event.clientX - box.left - stage.clientLeft) / stage.clientWidth) * view.width,
      y: view.y + ((event.clientY - box.top - stage.clientTop) / stage.clientHeight) * view.height,
    };
  }

  /** @param {PointerEvent} event @returns {Choice} */
  function hit(event) {
    const under = event.target instanceof Element ? event.target : null;
    const point = under?.closest(".point");
    if (point instanceof SVGElement) return { kind: "point", index: Number(point.dataset.index) };
    if (under?.classList.contains("grip")) return { kind: "grip" };
    return under?.classList.contains("area") ? { kind: "area" } : { kind: "none" };
  }

  const aspect = () => stage.clientWidth / Math.max(1, stage.clientHeight);
  return { paint, place, hit, aspect };
}
