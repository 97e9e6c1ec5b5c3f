// The theory and nothing else: L = E + (A/N^alpha + B/D^beta)^gamma, C = N (k_t D + k_i), and the cheapest N and D of a
// loss. The letters and the equation are those of spend.py, whose docstring has the derivation; the tests hold every
// number to it.
"use strict";

const Kernel = (() => {
  const TRAINING_FLOPS = 6; // per parameter and token
  const SERVING_FLOPS = 2;
  const SECONDS_PER_HOUR = 3600;
  const MOST = 1e250; // of any number of a plan, so that what is drawn and said around it can be held too
  const LOG_MOST = Math.log(MOST);
  const TINY = 2.2250738585072014e-308; // stands for no demand: 1e-308 adds to no other number
  const MOST_STEPS = 30; // of Householder's method, which takes 2 or 3; of doubling and halving times 4

  // k_t and k_i where FLOPs are counted: 6 N D + 2 N D_inf.
  const flops = (served) => ({ training: TRAINING_FLOPS, serving: SERVING_FLOPS * served });

  // k_t and k_i in dollars at fixed utilisations.
  function dollars(life) {
    const seconds = 1 / (life.train.peak * life.train.utilization);
    const training = (TRAINING_FLOPS * seconds * life.train.price) / SECONDS_PER_HOUR;
    const rate = (SERVING_FLOPS * life.requests * life.serve.price) / (SECONDS_PER_HOUR * life.serve.peak);
    const perRequest = life.prompt / life.serve.prefill + life.output / life.serve.decode;
    return { training, serving: rate * perRequest };
  }

  const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  const logAddExp = (a, b) => (b === -Infinity ? a : a + softplus(b - a));
  const power = (x, exponent) => Math.exp(exponent * Math.log(x));

  function lossOf(law, params, tokens) {
    return law.E + power(law.A * power(params, -law.alpha) + law.B * power(tokens, -law.beta), law.gamma);
  }

  // The loss of the compute-optimal model of a size: alpha A/N^alpha = beta B/D^beta.
  function lossLike(law, params) {
    const balance = Math.log(law.alpha * law.A) - Math.log(law.beta * law.B);
    return lossOf(law, params, Math.exp((law.alpha * Math.log(params) - balance) / law.beta));
  }

  // u with u + kappa softplus(u) = c.
  function softplusRoot(c, kappa) {
    const k = 1.26 - (0.0195 * kappa) / (1 + 0.0248 * kappa); // spend.py: the hyperbola nearest to the softplus
    let u = (c * (1 + kappa / 2) - (kappa / 2) * Math.sqrt(c * c + (1 + kappa) * k * k)) / (1 + kappa);
    for (let step = 0; step < MOST_STEPS; step++) {
      const next = householder(u, c, kappa);
      if (Math.abs(next - u) <= 1e-16 * Math.abs(u)) break;
      u = next;
    }
    return u;
  }

  // One step of fifth order for f(u) = u + kappa softplus(u) - c; e, q, a, z, p, g as in spend.py.
  function householder(u, c, kappa) {
    const e = Math.exp(-Math.abs(u));
    const q = 1 + e;
    const a = u > 0 ? 1 : e;
    const z = q - 2 * a;
    const f = u - c + kappa * (Math.max(u, 0) + Math.log1p(e));
    const p = q + kappa * a;
    const g = kappa * e;
    const gf2 = g * f * f;
    const numerator = p * (p * p - g * f) + (gf2 * z) / 6;
    const denominator =
      p * p * (p * p - 1.5 * g * f) + gf2 * (g / 4 + (z * p) / 3 - ((q * q - 6 * e) * f) / 24);
    return u - (f * q * numerator) / denominator;
  }

  // phi with phi (1 + x0 phi)^(1/beta) = m.
  function spendRatio(m, alpha, beta) {
    const x0 = beta / (alpha + beta);
    return Math.exp(softplusRoot(Math.log(Math.max(x0 * m, TINY)), 1 / beta)) / x0;
  }

  // log1p(y) - y for y >= 0, without cancellation.
  function log1pMinus(y) {
    if (y >= 0.5) return Math.log1p(y) - y;
    const t = y / (2 + y);
    let series = 0;
    for (let n = 11; n > 0; n--) series = series * t * t + 2 / (2 * n + 1);
    return t * t * t * series - y * t;
  }

  // log of N D/(N_c D_c), what training costs against the twin's. Its terms linear in phi cancel: by hand where phi is
  // small, and by leaving both out where it is not.
  function logTraining(phi, alpha, beta) {
    const x0 = beta / (alpha + beta);
    const part = phi < 1 ? log1pMinus : Math.log1p;
    return (part(x0 * phi) / x0 - part(phi)) / alpha;
  }

  // log C/C_c, down to no demand at all.
  function logCostRatio(phi, alpha, beta) {
    const growth = Math.expm1(Math.log1p((beta / (alpha + beta)) * phi) / beta);
    return logTraining(phi, alpha, beta) - Math.log1p((phi / (1 + phi)) * growth);
  }

  // 1 - C/C_c.
  const saving = (phi, alpha, beta) => -Math.expm1(logCostRatio(phi, alpha, beta)) + 0;

  // What follows from alpha, beta and m alone: the universal curve.
  function relative(m, alpha, beta) {
    const phi = spendRatio(m, alpha, beta);
    const stretch = Math.log1p((beta / (alpha + beta)) * phi);
    return {
      params: Math.exp((stretch - Math.log1p(phi)) / alpha),
      tokens: Math.exp(stretch / beta),
      cost: Math.exp(logCostRatio(phi, alpha, beta)),
    };
  }

  const logExcess = (law, loss) => Math.log(loss - law.E) / law.gamma;

  // The cheapest model of a loss and its compute-optimal twin, or null where no model that a number can hold has it.
  function plan(law, rates, loss) {
    if (!(loss > law.E)) return null;
    const powers = law.alpha + law.beta;
    const excess = logExcess(law, loss);
    const logParams = (Math.log(law.A) + Math.log(powers / law.beta) - excess) / law.alpha;
    const logTokens = (Math.log(law.B) + Math.log(powers / law.alpha) - excess) / law.beta;
    const m = (rates.serving / rates.training) * Math.exp(-logTokens);
    const phi = spendRatio(m, law.alpha, law.beta);
    const stretch = Math.log1p((law.beta / powers) * phi);
    const twin = priced(rates, loss, logParams, logTokens);
    const smaller = logParams + (stretch - Math.log1p(phi)) / law.alpha;
    const best = priced(rates, loss, smaller, logTokens + stretch / law.beta);
    if (twin === null || best === null) return null;
    const spend = best.serving / best.training;
    return { ...best, twin, m, spend, saving: saving(spend, law.alpha, law.beta), evenAt: evenAt(law, m, phi) };
  }

  function priced(rates, loss, logParams, logTokens) {
    if (!(Math.abs(logParams) < LOG_MOST && Math.abs(logTokens) < LOG_MOST)) return null;
    const params = Math.exp(logParams);
    const tokens = Math.exp(logTokens);
    const training = rates.training * params * tokens;
    const serving = rates.serving * params;
    const model = { params, tokens, loss, ratio: tokens / params, training, serving, total: training + serving };
    return Object.values(model).every((value) => value <= MOST) && training > 0 ? model : null;
  }

  // The share of the demand at which plan and twin cost the same: what more the plan's training takes, over what less
  // its serving does. Both differences are formed before they can cancel; the limit at no demand is a half.
  function evenAt(law, m, phi) {
    if (!(m > 1e-150)) return 0.5;
    const x0 = law.beta / (law.alpha + law.beta);
    const less = (Math.log1p(x0 * phi) - Math.log1p(phi)) / law.alpha;
    return Math.expm1(logTraining(phi, law.alpha, law.beta)) / (-Math.expm1(less) * m);
  }

  // Equal loss by the logit z of the share of params in the excess: no share is ever the difference of two others.
  function along(law, loss, z) {
    const excess = logExcess(law, loss);
    return {
      logParams: (Math.log(law.A) - excess + softplus(-z)) / law.alpha,
      logTokens: (Math.log(law.B) - excess + softplus(z)) / law.beta,
    };
  }

  const position = (law, model) =>
    Math.log(law.A) - law.alpha * Math.log(model.params) - Math.log(law.B) + law.beta * Math.log(model.tokens);

  function logCost(rates, point) {
    return point.logParams + logAddExp(Math.log(rates.training) + point.logTokens, Math.log(rates.serving));
  }

  // The smallest (side 1) or largest (side -1) model of equal loss that costs (1 + tolerance) times the least.
  function end(law, rates, best, tolerance, side) {
    const start = position(law, best);
    const bound = Math.log(best.total) + Math.log1p(tolerance);
    const excess = (step) => logCost(rates, along(law, best.loss, start + side * step)) - bound;
    let low = 0;
    let high = 0.25;
    for (let step = 0; step < MOST_STEPS && excess(high) < 0; step++) [low, high] = [high, 2 * high];
    for (let step = 0; step < 2 * MOST_STEPS; step++) {
      const middle = (low + high) / 2;
      if (excess(middle) < 0) low = middle;
      else high = middle;
    }
    const point = along(law, best.loss, start + (side * (low + high)) / 2);
    return priced(rates, best.loss, point.logParams, point.logTokens);
  }

  // The near-optimal range, or null where an end of it is no model that a number can hold.
  function near(law, rates, best, tolerance) {
    const [smallest, largest] = [1, -1].map((side) => end(law, rates, best, tolerance, side));
    return smallest === null || largest === null ? null : { smallest, largest };
  }

  return { flops, dollars, lossOf, lossLike, spendRatio, saving, relative, plan, near, along, logCost, position };
})();
