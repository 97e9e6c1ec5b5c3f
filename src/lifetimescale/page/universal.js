// The universal curve: size, tokens and cost of the best plan over those of the compute-optimal model, against what
// the latter would spend on serving over training. The reader's case is a slider on it.
"use strict";

const Universal = (() => {
  const { make, text, path } = Svg;
  const HEIGHT = 344;
  const USUAL = [-3, 4]; // decades of m
  const WIDEST = [-9, 12];
  const STEPS = { ArrowRight: 0.05, ArrowUp: 0.05, ArrowLeft: -0.05, ArrowDown: -0.05, PageUp: 0.5, PageDown: -0.5 };
  const LINES = ["tokens", "params", "cost"];
  const DEEPEST = -100 * Math.LN10; // laws of tiny exponents go on without end

  const ROUNDED = 0.01; // decades: more than what three digits of demand change

  // The decades that are drawn: the usual ones and the reader's. A case that was put on a whole decade is on it.
  function decades(m) {
    const own = m > 0 ? Math.log10(m) : USUAL[0];
    const low = Math.max(WIDEST[0], Math.min(USUAL[0], Math.floor(own + ROUNDED)));
    return [low, Math.min(WIDEST[1], Math.max(USUAL[1], Math.ceil(own - ROUNDED)))];
  }

  const within = (decade, [low, high]) => Math.min(high, Math.max(low, decade));

  function times(value) {
    if (value >= 1e5 || value < 1e-3) return `10${superscript(Math.round(Math.log10(value)))}`;
    return Numbers.general(value, 6).replace(/\B(?=(\d{3})+$)/g, value >= 1000 ? "," : "");
  }

  const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  const superscript = (integer) => String(integer).replace(/./g, (sign) => (sign === "-" ? "⁻" : RAISED[sign]));

  function curves(x, law) {
    const points = [];
    for (let step = 0; step <= 140; step++) {
      const log = x.low + ((x.high - x.low) * step) / 140;
      points.push([log, Kernel.relative(Math.exp(log), law.alpha, law.beta)]);
    }
    return points;
  }

  function heights(points, box) {
    const last = points[points.length - 1][1];
    const least = Math.log(Math.min(last.params, last.cost));
    const low = Math.max(DEEPEST, Math.floor((least / Math.LN10) * 2) / 2 * Math.LN10);
    const high = Math.max(Math.LN10, Math.ceil((Math.log(last.tokens) / Math.LN10) * 2) / 2 * Math.LN10);
    const scale = Svg.scale(low, high, box.bottom, box.top);
    return { ...scale, of: (value) => scale.place(Math.max(low, Math.log(value))) };
  }

  const LABELS = {
    x: times,
    y: (value) => `×${times(value)}`,
    xTitle: "serving ÷ training, if trained compute-optimally",
    yTitle: "times the compute-optimal model’s",
  };

  // The names at the right ends of the lines, pushed apart where they would touch.
  function names(points, y, box) {
    const last = points[points.length - 1][1];
    const places = LINES.map((name) => ({ name, at: y.of(last[name]) + 4 }));
    places.sort((a, b) => a.at - b.at);
    places.forEach((one, index) => {
      if (index > 0) one.at = Math.max(one.at, places[index - 1].at + 14);
    });
    const over = Math.max(0, places[places.length - 1].at - box.bottom - 4);
    return places.map(({ name, at }) => text(box.right + 6, at - over, name, { class: "tick" }));
  }

  function marker({ m }, here, at, y, box) {
    const dots = LINES.map((key) =>
      make("circle", { cx: at, cy: y.of(here[key]), r: 4, class: `dot ${key}` }),
    );
    const anchor = at > box.right - 60 ? "end" : at < box.left + 60 ? "start" : "middle";
    return [
      make("rect", { x: at - 22, y: box.top, width: 44, height: box.bottom - box.top + 20, class: "grip" }),
      make("line", { x1: at, x2: at, y1: box.top, y2: box.bottom, class: "here" }),
      ...dots,
      make("circle", { cx: at, cy: box.bottom, r: 13, class: "ring" }),
      make("circle", { cx: at, cy: box.bottom, r: 8, class: "thumb" }),
      text(at, box.top - 6, `your case: ${Words.factor(m)}`, { class: "tick strong", "text-anchor": anchor }),
    ];
  }

  function describe({ plan, law }, here) {
    const factors = LINES.map((key) => `${key} ${Words.factor(here[key])}`).join(", ");
    return (
      `For your case, where serving would cost ${Words.factor(plan.m)} times training if trained compute-optimally, ` +
      `the best plan has these times the compute-optimal model's numbers: ${factors}. ` +
      `However much is served, params stay above ${Numbers.general(floor(law), 3)} times.`
    );
  }

  const floor = (law) => Math.exp(Math.log(law.beta / (law.alpha + law.beta)) / law.alpha);

  function spoken(solved) {
    const amount = `${Numbers.shortText(solved.amount)} ${solved.counted === "tokens" ? "tokens" : "requests"} served`;
    return `${amount}: serving ${Words.factor(solved.plan.m)} times training`;
  }

  function slider(element, solved, range) {
    const decade = solved.plan.m > 0 ? within(Math.log10(solved.plan.m), range) : range[0];
    const attributes = {
      "aria-valuemin": range[0], "aria-valuemax": range[1], "aria-valuenow": Numbers.general(decade, 6),
      "aria-valuetext": spoken(solved),
    };
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
    return decade;
  }

  // Draw into `svg`, in which `thumb` is the one element that stays, as it may have the focus.
  function draw(svg, thumb, solved, range) {
    const here = Kernel.relative(solved.plan.m, solved.law.alpha, solved.law.beta);
    const title = "The universal curve: the best plan relative to the compute-optimal model";
    const { width, words } = Svg.begin(svg, HEIGHT, title, describe(solved, here));
    const box = { left: 60, right: width - 56, top: 54, bottom: HEIGHT - 50 };
    const x = Svg.scale(range[0] * Math.LN10, range[1] * Math.LN10, box.left, box.right);
    const points = curves(x, solved.law);
    const y = heights(points, box);
    const lines = LINES.map((key) => {
      const places = points.map(([log, one]) => [x.place(log), y.of(one[key])]);
      return path(places, { class: `curve ${key}` });
    });
    const drawn = slider(thumb, solved, range) * Math.LN10; // the case, or the end of the drawing that it is beyond
    const there = Kernel.relative(Math.exp(drawn), solved.law.alpha, solved.law.beta);
    thumb.replaceChildren(...marker(solved.plan, there, x.place(drawn), y, box));
    const still = [...words, Svg.frame(box, x, y, LABELS), ...lines, ...names(points, y, box)];
    for (const old of [...svg.children]) if (old !== thumb) old.remove();
    svg.prepend(...still);
    return { decadeAt: (at) => within(x.back(at) / Math.LN10, range) };
  }

  return { draw, decades, within, STEPS };
})();
