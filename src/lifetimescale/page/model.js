// What is asked and what follows from it, without a page: texts of fields -> case -> plan, address and command.
"use strict";

const Model = (() => {
  const above0 = [(value) => value > 0, "a number above 0"];
  const from0 = [(value) => value >= 0, "0 or a number above 0"];
  const share = [(value) => value > 0 && value <= 1, "a fraction above 0 and up to 1"];
  const any = [() => true, ""];

  // Every typed field: how it is read, what it may be, what it says of an empty one, and its flag.
  const typed = (read, range, example, flag = "") => ({ read, range, example, flag });
  const { count, price, fraction } = Numbers;
  const TYPED = {
    like: typed(count, above0, "a size, like 13B", "--like"),
    loss: typed(count, above0, "a loss, like 2.05", "--loss"),
    tokens: typed(count, from0, "the tokens served, like 2T, or 0", "--inference-tokens"),
    requests: typed(count, from0, "the requests served, like 1e10, or 0", "--requests"),
    prompt: typed(count, from0, "the prompt tokens of a request, like 1000", "--prompt"),
    output: typed(count, from0, "the output tokens of a request, like 250", "--output"),
    "train-price": typed(price, above0, "dollars per hour, like 1.40", "--train-price"),
    "train-mfu": typed(fraction, share, "a fraction, like 50%", "--train-mfu"),
    "serve-price": typed(price, above0, "dollars per hour, like 0.60", "--serve-price"),
    prefill: typed(fraction, share, "a fraction, like 40%", "--prefill-mfu"),
    decode: typed(fraction, share, "a fraction, like 20%", "--decode-mfu"),
    E: typed(count, any, "the irreducible loss, like 1.69", "--E"),
    A: typed(count, above0, "a coefficient, like 406.4", "--A"),
    B: typed(count, above0, "a coefficient, like 410.7", "--B"),
    alpha: typed(count, above0, "an exponent, like 0.336", "--alpha"),
    beta: typed(count, above0, "an exponent, like 0.283", "--beta"),
    gamma: typed(count, above0, "an exponent, 1 for most laws"),
  };
  const COEFFICIENTS = ["E", "A", "B", "alpha", "beta", "gamma"];
  const OWN = "own";
  const LONGEST = 40; // characters of a field
  const MOST_DEMAND = 1e308; // that can be written
  const EMPTY_REQUEST = "Prompt and output are both 0: a request has at least one token, so give one of them.";

  // The choices that are no numbers, with what each may be.
  function choices(data, fields) {
    return {
      target: ["like", "loss"],
      demand: ["tokens", "requests"],
      unit: ["flops", "usd"],
      law: [...Object.keys(data.laws), OWN],
      train: Object.keys(data.chips),
      serve: Object.keys(data.chips),
      precision: Object.keys(data.chips[fields.serve].peak),
    };
  }

  // The typed fields that matter to a case.
  function active(fields) {
    const perRequest = fields.demand === "requests" || fields.unit === "usd";
    return [
      fields.target,
      fields.demand,
      ...(perRequest ? ["prompt", "output"] : []),
      ...(fields.unit === "usd" ? ["train-price", "train-mfu", "serve-price", "prefill", "decode"] : []),
      ...(fields.law === OWN ? COEFFICIENTS : []),
    ];
  }

  const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`;

  function readOne(name, text) {
    const { read, range, example } = TYPED[name];
    const [allowed, words] = range;
    if (Numbers.strip(text) === "") throw new Numbers.Refusal(`nothing is written here: give ${example}`);
    const value = read(text);
    if (!allowed(value)) throw new Numbers.Refusal(`${Numbers.strip(text)} is out of range: give ${words}`);
    return value + 0; // -0 is 0
  }

  function readNumbers(fields) {
    const numbers = {};
    const errors = {};
    for (const name of active(fields)) {
      try {
        numbers[name] = readOne(name, fields[name]);
      } catch (error) {
        if (!(error instanceof Numbers.Refusal)) throw error;
        errors[name] = sentence(error.message);
      }
    }
    return { numbers, errors };
  }

  function lawOf(fields, numbers, data) {
    if (fields.law !== OWN) return { name: fields.law, ...data.laws[fields.law] };
    const coefficients = Object.fromEntries(COEFFICIENTS.map((name) => [name, numbers[name]]));
    return { name: "your law", ...coefficients, range: {} };
  }

  // The cost per token and parameter, the same at no demand, the cost of serving one unit of what was typed as demand,
  // how many of those there are, and the served tokens.
  function lifeOf(fields, numbers, data) {
    const perRequest = (numbers.prompt ?? 0) + (numbers.output ?? 0);
    const byTokens = fields.demand === "tokens";
    const rates = (amount) => {
      if (fields.unit === "flops") return Kernel.flops(byTokens ? amount : amount * perRequest);
      const requests = byTokens ? amount / perRequest : amount;
      return Kernel.dollars({
        requests,
        prompt: numbers.prompt,
        output: numbers.output,
        train: {
          peak: data.chips[fields.train].peak.bf16,
          price: numbers["train-price"],
          utilization: numbers["train-mfu"],
        },
        serve: {
          peak: data.chips[fields.serve].peak[fields.precision],
          price: numbers["serve-price"],
          prefill: numbers.prefill,
          decode: numbers.decode,
        },
      });
    };
    const amount = numbers[fields.demand];
    const served = byTokens ? amount : amount * perRequest;
    return { rates: rates(amount), idle: rates(0), each: rates(1).serving, amount, served };
  }

  // The case that the fields ask for: its plan and all that is said of it, or the errors, by field.
  function solve(fields, data) {
    const { numbers, errors } = readNumbers(fields);
    if (Object.keys(errors).length > 0) return { errors };
    if (fields.unit === "usd" && fields.demand === "tokens" && numbers.prompt + numbers.output === 0) {
      return { errors: { output: EMPTY_REQUEST } };
    }
    const law = lawOf(fields, numbers, data);
    const life = lifeOf(fields, numbers, data);
    const loss = fields.target === "loss" ? numbers.loss : Kernel.lossLike(law, numbers.like);
    const found = planned(law, life.rates, loss);
    if (found === null) return { errors: refused(fields, law, life, loss) };
    const unit = fields.unit === "usd" ? "USD" : "FLOP";
    return { errors, ...found, law, unit, counted: fields.demand, numbers, ...life };
  }

  // The plan, the models within 1 % of its cost and those up to twice; null where a number cannot hold them all.
  function planned(law, rates, loss) {
    const plan = Kernel.plan(law, rates, loss);
    const [near, far] = [0.01, 1].map((tolerance) => plan && Kernel.near(law, rates, plan, tolerance));
    return near && far ? { plan, near, far } : null;
  }

  // It is the demand that is too much where there is a plan of none.
  function refused(fields, law, life, loss) {
    if (planned(law, life.idle, loss) === null) return { [fields.target]: unreachable(fields, law, loss) };
    return { [fields.demand]: "The plan has numbers that are too large to hold: give less demand." };
  }

  function unreachable(fields, law, loss) {
    if (fields.target === "loss" && !(loss > law.E)) {
      const [asked, floor] = [loss, law.E].map((value) => Numbers.general(value, 6));
      return `A loss of ${asked} is out of reach: ${law.name} falls to ${floor} at best, so ask for more.`;
    }
    const other = fields.target === "loss" ? "another loss" : "another size";
    return `The plan has numbers that are too large or too small to hold: give ${other}.`;
  }

  // The demand at which the compute-optimal model would spend m times its training on serving, to three digits.
  function demandAt(solved, m) {
    const perUnit = solved.each / (solved.rates.training * solved.plan.twin.tokens);
    return Numbers.shortText(Math.min(m / perUnit, MOST_DEMAND));
  }

  const canMove = (solved) => solved.each > 0 && Number.isFinite(1 / solved.each);

  // What is asked, in short keys: a choice that others imply has none.
  function address(fields) {
    const keys = [...active(fields).slice(0, 2), "law"];
    const rest = active(fields).slice(2);
    if (fields.unit === "usd") keys.push("unit", "train", "serve", "precision");
    const pairs = [...keys, ...rest].map((name) => `${name}=${encoded(fields[name])}`);
    return `#${pairs.join("&")}`;
  }

  const encoded = (text) => encodeURIComponent(short(text)).replace(/%24/g, "$").replace(/%2F/g, "/");

  // The fields of an address, and a sentence for each part of it that means nothing here.
  function fromAddress(hash, data) {
    const fields = { ...data.defaults };
    const notes = [];
    const given = pairsOf(hash, notes);
    if ("loss" in given) fields.target = "loss";
    if ("requests" in given) fields.demand = "requests";
    const order = (name) => (Object.hasOwn(TYPED, name) ? 2 : name === "precision" ? 1 : 0);
    for (const name of Object.keys(given).sort((a, b) => order(a) - order(b))) {
      if (order(name) === 2) fields[name] = given[name];
      else if (!choose(fields, name, given[name], data)) {
        notes.push(`The address says ${shown(name)}=${shown(given[name])}, which this page does not know.`);
      }
    }
    return { fields, notes };
  }

  // Make a choice, and what goes with it: a chip has its default price, if it has one, and a precision of its own.
  function choose(fields, name, value, data) {
    const known = choices(data, fields);
    if (!Object.hasOwn(known, name) || !known[name].includes(value)) return false;
    fields[name] = value;
    if (name === "train" || name === "serve") fields[`${name}-price`] = data.chips[value].price?.toFixed(2) ?? "";
    if (!(fields.precision in data.chips[fields.serve].peak)) fields.precision = bestPrecision(data, fields.serve);
    return true;
  }

  // As much as a field holds; half of a character, which no address can hold, is replaced.
  const short = (text) => [...text].slice(0, LONGEST).join("").replace(/\p{Cs}/gu, "\ufffd");
  const shown = (text) => ([...text].length > LONGEST ? `${short(text)}…` : text);

  function pairsOf(hash, notes) {
    const given = {};
    for (const part of hash.replace(/^#/, "").slice(0, 2000).split("&").filter(Boolean)) {
      const [name, ...value] = part.split("=");
      try {
        given[decodeURIComponent(name)] = short(decodeURIComponent(value.join("=")));
      } catch {
        notes.push(`A part of the address cannot be read: ${shown(part)}.`);
      }
    }
    return Object.assign(Object.create(null), given);
  }

  // The precision that serves cheapest among those that a chip has, as the command line's --compare takes it.
  function bestPrecision(data, chip) {
    return ["fp8", "int8", "bf16"].find((precision) => precision in data.chips[chip].peak);
  }

  return {
    TYPED, COEFFICIENTS, OWN, LONGEST, active, choices, solve, demandAt, canMove, choose, address, fromAddress,
  };
})();
