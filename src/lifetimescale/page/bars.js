// Two bars: what the plan and its compute-optimal twin cost, in training and in serving.
"use strict";

const Bars = (() => {
  const { make, text } = Svg;
  const ROW = 34;

  function bar(name, one, most, place, top) {
    const width = (cost) => Math.max(0, (cost / most) * (place.right - place.left));
    const split = place.left + width(one.training);
    return make(
      "g",
      { "aria-hidden": "true" },
      text(0, top + 15, name, { class: "tick" }),
      make("rect", { x: place.left, y: top, width: width(one.training), height: 22, class: "training" }),
      make("rect", { x: split, y: top, width: width(one.serving), height: 22, class: "serving" }),
      text(place.left + 6, top + 15, width(one.training) > 60 ? "training" : "", { class: "on-training" }),
      text(split + 6, top + 15, servingLabel(one, width(one.serving)), { class: "on-serving" }),
    );
  }

  // As much as there is room for.
  function servingLabel(one, width) {
    const share = Numbers.percentText(one.serving / one.total).replace(/\.\d+ %$/, " %");
    return width > 100 ? `serving ${share}` : width > 60 ? "serving" : "";
  }

  function draw(svg, { plan, unit }) {
    const cost = (value) => Numbers.costText(value, unit);
    const said = (one) => `${cost(one.training)} in training and ${cost(one.serving)} in serving`;
    const description = `The plan costs ${said(plan)}; the compute-optimal model costs ${said(plan.twin)}.`;
    const { width, words } = Svg.begin(svg, 2 * ROW, "What training and serving cost", description);
    const place = { left: 112, right: width };
    const most = Math.max(plan.total, plan.twin.total);
    const bars = [bar("plan", plan, most, place, 4), bar("compute-optimal", plan.twin, most, place, 4 + ROW)];
    svg.replaceChildren(...words, ...bars);
  }

  return { draw };
})();
