// Numbers as people write them and as the command line prints them: the twin of units.py, to the last character.
"use strict";

const Numbers = (() => {
  const SUFFIXES = { "": 1, K: 1e3, M: 1e6, B: 1e9, T: 1e12, Q: 1e15 };
  // Python's \s
  const SPACE = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
  const NUMBER = "([+-]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?)";
  const COUNT = new RegExp(`^${NUMBER}${SPACE}*([A-Za-z]*)$`);
  const PRICE = new RegExp(`^\\$?${SPACE}*${NUMBER}${SPACE}*(?:/${SPACE}*(?:h|hr|hour))?$`);
  const FRACTION = new RegExp(`^${NUMBER}${SPACE}*(%?)$`);
  const EDGES = new RegExp(`^${SPACE}+|${SPACE}+$`, "g");

  class Refusal extends Error {}

  const strip = (text) => text.replace(EDGES, "");

  // Digits of any script as 0 to 9: Unicode has them in runs of ten.
  function plainDigits(text) {
    return text.replace(/\p{Nd}/gu, (digit) => {
      let first = digit.codePointAt(0);
      while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first -= 1;
      return String((digit.codePointAt(0) - first) % 10);
    });
  }

  const quoted = (text) => (text.includes("'") && !text.includes('"') ? `"${text}"` : `'${text}'`);

  function finite(text, value) {
    if (!Number.isFinite(value)) throw new Refusal(`${quoted(text)} is too large for a number`);
    return value;
  }

  function count(text) {
    const match = COUNT.exec(plainDigits(strip(text)));
    if (match === null) throw new Refusal(`${quoted(text)} is not a number: write it like 13B, 2T or 1e12`);
    const [, number, suffix] = match;
    if (!Object.hasOwn(SUFFIXES, suffix.toUpperCase())) {
      const advice = "use K, M, B, T or Q (1e3 to 1e15), like 13B";
      throw new Refusal(`${quoted(text)} ends in an unknown unit '${suffix}': ${advice}`);
    }
    return finite(text, Number(number) * SUFFIXES[suffix.toUpperCase()]);
  }

  function price(text) {
    const match = PRICE.exec(plainDigits(strip(text)));
    if (match === null) {
      throw new Refusal(`${quoted(text)} is not a price in dollars per hour: write it like 1.40 or $1.40/h`);
    }
    return finite(text, Number(match[1]));
  }

  function fraction(text) {
    const match = FRACTION.exec(plainDigits(strip(text)));
    if (match === null) throw new Refusal(`${quoted(text)} is not a fraction: write it like 0.5 or 50%`);
    return finite(text, Number(match[1]) / (match[2] ? 100 : 1));
  }

  // The first `length` digits of |x| as an integer, rounded half to even as Python does and toFixed does not.
  function leading(x, length) {
    const [mantissa, exponent] = Math.abs(x).toExponential(100).split("e");
    const digits = mantissa.replace(".", "").padEnd(Math.max(length, 0), "0");
    if (length < 0) return { integer: 0n, exponent: Number(exponent) };
    const [kept, rest] = [digits.slice(0, length), digits.slice(length)];
    let integer = BigInt(kept);
    const odd = integer % 2n === 1n;
    if (rest[0] > "5" || (rest[0] === "5" && (odd || /[1-9]/.test(rest.slice(1))))) integer += 1n;
    return { integer, exponent: Number(exponent) };
  }

  const signed = (x, text) => (x < 0 || Object.is(x, -0) ? `-${text}` : text);

  // Python's format(x, ".nf").
  function fixed(x, decimals) {
    if (Math.abs(x) >= 2 ** 53) {
      return signed(x, BigInt(Math.abs(x)) + (decimals ? `.${"0".repeat(decimals)}` : ""));
    }
    const length = x === 0 ? 0 : leading(x, 0).exponent + 1 + decimals;
    const digits = String(leading(x, length).integer).padStart(decimals + 1, "0");
    const whole = digits.slice(0, digits.length - decimals);
    return signed(x, decimals ? `${whole}.${digits.slice(-decimals)}` : whole);
  }

  // The digits and the exponent of x to n significant digits.
  function significant(x, n) {
    const { integer, exponent } = leading(x, n);
    const digits = String(integer).padStart(n, "0");
    return digits.length > n ? { digits: digits.slice(0, n), exponent: exponent + 1 } : { digits, exponent };
  }

  const withPoint = (digits) => (digits.length > 1 ? `${digits[0]}.${digits.slice(1)}` : digits);
  const trimmed = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);

  function exponentOf(exponent) {
    return `${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }

  // Python's format(x, ".ne").
  function scientific(x, decimals) {
    const { digits, exponent } = significant(x, decimals + 1);
    return signed(x, `${withPoint(digits)}e${exponentOf(exponent)}`);
  }

  // Python's format(x, ".ng").
  function general(x, n) {
    if (x === 0) return signed(x, "0");
    const { digits, exponent } = significant(x, n);
    if (exponent < -4 || exponent >= n) return signed(x, `${trimmed(withPoint(digits))}e${exponentOf(exponent)}`);
    const padded = exponent < 0 ? "0".repeat(-exponent) + digits : digits;
    const point = exponent < 0 ? 1 : exponent + 1;
    return signed(x, trimmed(point < padded.length ? `${padded.slice(0, point)}.${padded.slice(point)}` : padded));
  }

  function countText(value) {
    if (value === 0) return "0";
    const rounded = Number(general(value, 3));
    for (const [suffix, scale] of Object.entries(SUFFIXES).reverse()) {
      if (scale <= Math.abs(rounded) && Math.abs(rounded) < scale * 1e3) return threeDigits(rounded / scale) + suffix;
    }
    return scientific(Number.isFinite(rounded) ? rounded : value, 2);
  }

  const threeDigits = (value) => fixed(value, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))));

  // A count without the zeros that say nothing: 2T, 1.25T, 500B.
  const shortText = (value) => countText(value).replace(/(\.\d*?)0+(?=\D|$)/, "$1").replace(/\.(?=\D|$)/, "");

  const withCommas = (text) => text.replace(/^\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ","));

  function costText(value, unit) {
    if (unit === "USD") return `$${withCommas(fixed(value, Math.abs(value) >= 100 ? 0 : 2))}`;
    if (value === 0) return `0 ${unit}`;
    const [mantissa, exponent] = scientific(value, 2).split("e");
    return `${mantissa}e${Number(exponent)} ${unit}`;
  }

  function percentText(value) {
    const percent = 100 * value;
    if (percent === 0) return "0 %";
    return Math.abs(percent) >= 1 ? `${fixed(percent, 1)} %` : `${general(percent, 3)} %`;
  }

  return {
    Refusal, strip, count, price, fraction, fixed, scientific, general, countText, shortText, costText, percentText,
  };
})();
