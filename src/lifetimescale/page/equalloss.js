// The models of equal loss, and how much more than the least each of them costs: params against tokens.
"use strict";

const EqualLoss = (() => {
  const { make, text, path } = Svg;
  const HEIGHT = 344;
  const FACTORS = [1.01, 1.1, 1.25, 1.5, 2];
  const STEPS = 90;
  const LABELLED = { 1.5: 0.3, 2: 0.5 }; // how far up from the best to where the line is far from the others

  // Logarithms of params and tokens that hold the models which cost up to twice the least, and the twin.
  function extent({ plan, far }) {
    const span = (values) => {
      const logs = values.map(Math.log);
      const [low, high] = [Math.min(...logs), Math.max(...logs)];
      const room = Math.max(0.1 * (high - low), 0.1);
      return [low - room, high + room];
    };
    const models = [far.smallest, far.largest, plan.twin, plan];
    return { params: span(models.map((one) => one.params)), tokens: span(models.map((one) => one.tokens)) };
  }

  // Equal loss from the first to the last of some models, and beyond both by a share of what lies between.
  function equalLoss({ law, plan }, models, beyond) {
    const places = models.map((model) => Kernel.position(law, model));
    const [from, to] = [Math.min(...places), Math.max(...places)];
    const points = [];
    for (let step = 0; step <= STEPS; step++) {
      const share = -beyond + ((1 + 2 * beyond) * step) / STEPS;
      const { logParams, logTokens } = Kernel.along(law, plan.loss, from + share * (to - from));
      points.push([logParams, logTokens]);
    }
    return points;
  }

  // Equal cost: N = f C/(k_t D + k_i), from many tokens to few.
  function equalCost({ plan, rates }, factor, [low, high]) {
    const points = [];
    for (let step = 0; step <= STEPS; step++) {
      const logTokens = high - ((high - low) * step) / STEPS;
      const perParam = Kernel.logCost(rates, { logParams: 0, logTokens });
      points.push([Math.log(factor) + Math.log(plan.total) - perParam, logTokens]);
    }
    return points;
  }

  function contours(solved, range, x, y, box) {
    const drawn = [];
    const labels = [];
    const best = y.place(Math.log(solved.plan.tokens));
    for (const [index, factor] of FACTORS.entries()) {
      const places = equalCost(solved, factor, range.tokens).map(([n, d]) => [x.place(n), y.place(d)]);
      drawn.push(path(places, { class: `contour level-${index}` }));
      const share = LABELLED[factor];
      if (share === undefined) continue;
      const level = best + share * (y.place(Math.log(solved.far.smallest.tokens)) - best);
      const there = places.findLast(([, height]) => height <= level);
      if (!there || there[0] < box.left + 16 || there[0] > box.right - 16) continue;
      labels.push(text(there[0], there[1] + 4, `×${factor}`, { class: "tick halo", "text-anchor": "middle" }));
    }
    return { drawn, labels };
  }

  function label(at, height, words, side, box) {
    const widest = 7.3 * Math.max(...words.map((line) => line.length)) + 12;
    const missing = Math.max(0, widest - (side === "left" ? at - box.left : box.right - at));
    const flipped = missing > 60;
    const moved = flipped ? 0 : side === "left" ? missing : -missing; // inwards, and as far away from the line
    const left = (side === "left") !== flipped;
    const attributes = { class: "tick strong halo", "text-anchor": left ? "end" : "start" };
    const first = side === "left" ? height + 16 : height - (flipped ? 34 : 24);
    const x = (left ? at - 10 : at + 12) + moved;
    return words.map((line, index) => text(x, first + moved + 14 * index, line, attributes));
  }

  function describe({ plan, near, unit }) {
    const model = (one) => `${Numbers.countText(one.params)} params on ${Numbers.countText(one.tokens)} tokens`;
    return (
      `All models of a loss of ${Numbers.general(plan.loss, 5)}, and lines of equal total cost at 1.01, 1.1, 1.25, ` +
      `1.5 and 2 times the least. The least, ${Numbers.costText(plan.total, unit)}, is at ${model(plan)}; the ` +
      `compute-optimal model, ${model(plan.twin)}, costs ${Numbers.costText(plan.twin.total, unit)}. Within 1 % of ` +
      `the least are the models from ${model(near.smallest)} to ${model(near.largest)}.`
    );
  }

  function draw(svg, solved) {
    const { plan, near, far } = solved;
    const { width, words } = Svg.begin(svg, HEIGHT, "Models of equal loss, and what they cost", describe(solved));
    const box = { left: 60, right: width - 14, top: 54, bottom: HEIGHT - 50 };
    const range = extent(solved);
    const x = Svg.scale(...range.params, box.left, box.right);
    const y = Svg.scale(...range.tokens, box.bottom, box.top);
    const to = ([n, d]) => [x.place(n), y.place(d)];
    const at = (model) => to([Math.log(model.params), Math.log(model.tokens)]);
    const labels = { x: Numbers.shortText, y: Numbers.shortText, xTitle: "params", yTitle: "training tokens" };
    const costs = contours(solved, range, x, y, box);
    const [best, twin] = [at(plan), at(plan.twin)];
    const inside = make("g", { "clip-path": "url(#equal-loss-clip)" },
      ...costs.drawn,
      path(equalLoss(solved, [far.smallest, far.largest, plan.twin], 0.6).map(to), { class: "equal" }),
      path(equalLoss(solved, [near.smallest, near.largest], 0).map(to), { class: "near" }),
    ); // prettier-ignore
    const model = (one) => `${Numbers.countText(one.params)} on ${Numbers.countText(one.tokens)}`;
    svg.replaceChildren(
      ...words,
      Svg.clip("equal-loss-clip", box),
      Svg.frame(box, x, y, labels),
      inside,
      ...costs.labels,
      make("rect", { x: -5, y: -5, width: 10, height: 10, class: "twin", transform: `translate(${twin}) rotate(45)` }),
      make("circle", { cx: best[0], cy: best[1], r: 6, class: "best" }),
      ...label(best[0], best[1], ["plan", model(plan)], "left", box),
      ...label(twin[0], twin[1], ["compute-optimal", model(plan.twin)], "right", box),
    );
  }

  return { draw };
})();
