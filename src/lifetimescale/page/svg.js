// Plain drawing: elements, logarithmic scales, a frame with ticks and labels.
"use strict";

const Svg = (() => {
  const SPACE = "http://www.w3.org/2000/svg";

  function make(name, attributes = {}, ...children) {
    const element = document.createElementNS(SPACE, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
    element.append(...children);
    return element;
  }

  const text = (x, y, words, attributes = {}) => make("text", { x: round(x), y: round(y), ...attributes }, words);

  const round = (x) => Math.round(x * 100) / 100;

  function path(points, attributes) {
    const steps = points.map(([x, y], index) => `${index ? "L" : "M"}${round(x)} ${round(y)}`);
    return make("path", { d: steps.join(""), fill: "none", ...attributes });
  }

  // From a logarithm to a place: log(value) in [low, high] -> [from, to].
  function scale(low, high, from, to) {
    const place = (log) => from + ((log - low) / (high - low)) * (to - from);
    const back = (at) => low + ((at - from) / (to - from)) * (high - low);
    return { low, high, from, to, place, back };
  }

  // 1, 2 and 5 of every decade, or decades alone, so that at most `most` are in a range of natural logarithms.
  function ticks(low, high, most) {
    const decades = [Math.floor(low / Math.LN10), Math.ceil(high / Math.LN10)];
    const within = (steps, every) => {
      const found = [];
      for (let decade = decades[0]; decade <= decades[1]; decade += every) {
        for (const step of steps) found.push(Math.log(step) + decade * Math.LN10);
      }
      return found.filter((log) => log >= low - 1e-9 && log <= high + 1e-9);
    };
    for (const [steps, every] of [[[1, 2, 5], 1], [[1, 3], 1], [[1], 1], [[1], 2], [[1], 5], [[1], 20]]) {
      const found = within(steps, every);
      if (found.length <= most) return found;
    }
    return [low, high];
  }

  function frame(box, x, y, labels) {
    const parts = [];
    for (const log of ticks(x.low, x.high, Math.max(2, Math.floor((box.right - box.left) / 42)))) {
      const at = x.place(log);
      parts.push(make("line", { x1: at, x2: at, y1: box.top, y2: box.bottom, class: "grid" }));
      parts.push(text(at, box.bottom + 18, labels.x(Math.exp(log)), { class: "tick", "text-anchor": "middle" }));
    }
    for (const log of ticks(y.low, y.high, Math.max(2, Math.floor((box.bottom - box.top) / 34)))) {
      const at = y.place(log);
      parts.push(make("line", { x1: box.left, x2: box.right, y1: at, y2: at, class: "grid" }));
      parts.push(text(box.left - 12, at + 4, labels.y(Math.exp(log)), { class: "tick", "text-anchor": "end" }));
    }
    const middle = (box.left + box.right) / 2;
    parts.push(text(middle, box.bottom + 38, labels.xTitle, { class: "axis", "text-anchor": "middle" }));
    parts.push(text(box.left - 52, box.top - 26, labels.yTitle, { class: "axis" }));
    return make("g", { "aria-hidden": "true" }, ...parts);
  }

  // The inside of a drawing, of what nothing may leave.
  function clip(id, box) {
    const size = { x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top };
    return make("clipPath", { id }, make("rect", size));
  }

  // An empty drawing of the width of its place, with a title and a description that say what it shows.
  function begin(svg, height, title, description) {
    const width = Math.max(260, Math.round(svg.parentElement.clientWidth) || 560);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("aria-labelledby", `${svg.id}-title ${svg.id}-desc`);
    const texts = Object.entries({ title, desc: description });
    return { width, words: texts.map(([name, text]) => make(name, { id: `${svg.id}-${name}` }, text)) };
  }

  return { make, text, path, scale, ticks, frame, clip, begin };
})();
