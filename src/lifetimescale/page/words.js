// What is said of a plan, in the words of the command line.
"use strict";

const Words = (() => {
  const { countText, costText, percentText, general } = Numbers;

  // The big sentence, in the parts that are set apart on the page.
  function parts({ plan, unit }) {
    const saved = plan.saving < 1e-12 ? "as much as" : `${percentText(plan.saving)} less than`; // below is rounding
    return {
      head: `Train ${countText(plan.params)} params on ${countText(plan.tokens)} tokens:`,
      tail:
        ` ${costText(plan.total, unit)} over its life, ${saved} the compute-optimal ` +
        `${countText(plan.twin.params)} on ${countText(plan.twin.tokens)}.`,
    };
  }

  const sentence = (solved) => parts(solved).head + parts(solved).tail;

  function table({ plan, unit }) {
    const cost = (value) => costText(value, unit);
    const row = (name, words, of) => [name, words(of(plan)), words(of(plan.twin))];
    return [
      row("params", countText, (one) => one.params),
      row("training tokens", countText, (one) => one.tokens),
      row("tokens per param", (value) => general(value, 4), (one) => one.ratio),
      row("loss", (value) => general(value, 5), (one) => one.loss),
      ...["training", "serving", "total"].map((phase) => row(phase, cost, (one) => one[phase])),
    ];
  }

  function nearLine({ near }) {
    const [a, b] = [near.smallest, near.largest].map((one) => [countText(one.params), countText(one.tokens)]);
    return `Within 1 % of the least cost: ${a[0]} on ${a[1]} tokens to ${b[0]} on ${b[1]}.`;
  }

  const factor = (value) => (value < 1000 ? general(value, 3) : countText(value));

  function spendLine({ plan, unit, amount, counted }) {
    if (plan.serving === 0) return "Nothing is served, so this is the compute-optimal model: say what it will serve.";
    const m = `If trained compute-optimally, serving would cost ${factor(plan.m)} times what training does`;
    const noun = counted === "tokens" ? "served tokens" : "requests";
    const even = `${countText(plan.evenAt * amount)} ${noun}`;
    return `${m}; the plan is the cheaper of the two from ${even} on (${percentText(plan.evenAt)} of this demand).`;
  }

  function beyond(value, [low, high]) {
    const above = value > high;
    const end = above ? high : low;
    const size = above ? `${general(value / end, 3)} times the most` : `1/${general(end / value, 3)} of the least`;
    return `${size} that the law was fitted on (${countText(end)})`;
  }

  // What is outside the range that the law was fitted on, and by what factor.
  function warnings({ plan, law }) {
    const known = [
      ["params", plan.params, law.range.params],
      ["training tokens", plan.tokens, law.range.tokens],
      ["tokens per param", plan.ratio, law.range.tokens_per_param],
    ];
    return known
      .filter(([, value, range]) => range && (value < range[0] || value > range[1]))
      .map(([name, value, range]) => `${countText(value)} ${name} are ${beyond(value, range)}`)
      .map((words) => `${words}: the law is extrapolated.`);
  }

  return { factor, parts, sentence, table, nearLine, spendLine, warnings };
})();
