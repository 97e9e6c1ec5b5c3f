// The same plan outside this page: the command, or Python where no command has the law.
"use strict";

const Commands = (() => {
  const quoted = (text) => (/^[A-Za-z0-9_.%+-]+$/.test(text) ? text : `'${text}'`);

  function flagged(name, fields) {
    const text = quoted(Numbers.strip(fields[name]));
    const { flag } = Model.TYPED[name];
    return text.startsWith("-") ? `${flag}=${text}` : `${flag} ${text}`;
  }

  function ofLaw(fields) {
    if (fields.law === Model.OWN) return ["E", "A", "B", "alpha", "beta"].map((name) => flagged(name, fields));
    return fields.law === "chinchilla" ? [] : [`--law ${fields.law}`];
  }

  // `lifetimescale plan ...` for fields that have a plan; null where the law has an exponent that no flag gives.
  function command(fields, solved) {
    if (fields.law === Model.OWN && solved.law.gamma !== 1) return null;
    const typed = Model.active(fields).filter((name) => !Model.COEFFICIENTS.includes(name));
    const numbers = typed.map((name) => flagged(name, fields));
    const chips = { "--train-chip": fields.train, "--serve-chip": fields.serve, "--serve-precision": fields.precision };
    const named = fields.unit === "usd" ? Object.entries(chips).map(([flag, name]) => `${flag} ${name}`) : [];
    return `lifetimescale plan ${[...numbers, ...named, ...ofLaw(fields)].join(" ")}`;
  }

  const call = (name, values) =>
    `${name}(${Object.entries(values).map(([key, value]) => `${key}=${value}`).join(", ")})`;

  function costLine(fields, solved) {
    const { numbers } = solved;
    if (fields.unit === "flops") return `cost = lts.Flops(${solved.served})`;
    const amount = fields.demand === "tokens" ? "lts.Demand.of_tokens" : "lts.Demand";
    const demand = `${amount}(${solved.amount}, prompt=${numbers.prompt}, output=${numbers.output})`;
    const train = `lts.chip("${fields.train}", price=${numbers["train-price"]})`;
    const serve = `lts.chip("${fields.serve}", price=${numbers["serve-price"]})`;
    const used = `prefill=${numbers.prefill}, decode=${numbers.decode}`;
    return [
      `demand = ${demand}`,
      `cost = lts.Training(${train}, mfu=${numbers["train-mfu"]}) + lts.FixedUtilization(`,
      `    ${serve}, demand=demand, precision="${fields.precision}", ${used}`,
      ")",
    ].join("\n");
  }

  function python(fields, solved) {
    const coefficients = Object.fromEntries(Model.COEFFICIENTS.map((name) => [name, solved.law[name]]));
    const like = `lts.compute_optimal(law, params=${solved.numbers.like}).loss`;
    return [
      "import jax, lifetimescale as lts",
      "",
      'jax.config.update("jax_enable_x64", True)',
      `law = ${call("lts.Coupled", coefficients)}`,
      costLine(fields, solved),
      `print(lts.plan(law, cost, loss=${fields.target === "like" ? like : solved.numbers.loss}))`,
    ].join("\n");
  }

  return { command, python };
})();
