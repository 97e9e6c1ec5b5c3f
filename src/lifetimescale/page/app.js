// The page: fields in, plan out, the address kept up with both. Everything that is shown is set as text.
"use strict";

(() => {
  const find = (id) => document.getElementById(id);
  const data = JSON.parse(find("facts").textContent);
  const ADDRESS_WAIT = 350; // ms: browsers refuse more than 100 changes of the address in 30 s
  const SPEECH_WAIT = 700; // ms: a screen reader hears the end of a movement, not all of it
  const RADIOS = ["target", "demand", "unit"];
  const SELECTS = ["law", "train", "serve", "precision"];

  let fields = { ...data.defaults };
  let solved = null; // the last good plan
  let wrong = false; // whether the fields have no plan
  let movement = null; // the decades that are drawn while the case is dragged
  let decadeAt = () => 0;

  function say(id, words) {
    find(id).textContent = words;
  }

  function element(name, words, more = {}) {
    return Object.assign(document.createElement(name), { textContent: words, ...more });
  }

  function lines(id, sentences) {
    find(id).replaceChildren(...sentences.map((words) => element("li", words)));
    find(id).hidden = sentences.length === 0;
  }

  function later(wait, act) {
    let timer = 0;
    return () => {
      clearTimeout(timer);
      timer = setTimeout(act, wait);
    };
  }

  function options(id, choices) {
    find(id).replaceChildren(...choices.map(([value, words]) => element("option", words, { value })));
  }

  function fill() {
    options("law", [...Object.keys(data.laws).map((name) => [name, name]), [Model.OWN, "my own coefficients"]]);
    const chips = Object.entries(data.chips).map(([name, chip]) => [name, `${name}: ${chip.title}`]);
    for (const side of ["train", "serve"]) options(side, chips);
    find("examples").replaceChildren(...Object.entries(data.examples).map(example));
  }

  function example([words, hash]) {
    const link = element("a", words, { href: `#${hash}` });
    link.addEventListener("click", () => setTimeout(readAddress)); // even where the address is this one already
    const item = element("li", "");
    item.append(link);
    return item;
  }

  // The fields as they are asked for: shown or not, and what they hold.
  function show() {
    options("precision", Object.keys(data.chips[fields.serve].peak).map((name) => [name, name]));
    for (const name of RADIOS) find(`${name}-${fields[name]}`).checked = true;
    for (const name of [...SELECTS, ...Object.keys(Model.TYPED)]) {
      if (find(name).value !== fields[name]) find(name).value = fields[name];
    }
    const active = Model.active(fields);
    for (const name of Object.keys(Model.TYPED)) find(name).closest(".field").hidden = !active.includes(name);
    find("chips").hidden = fields.unit !== "usd";
    find("request").hidden = !active.includes("prompt");
    find("coefficients").hidden = fields.law !== Model.OWN;
    say("request-hint", fields.demand === "tokens" ? "A token of a prompt and one of output cost differently." : "");
    const law = data.laws[fields.law];
    say("law-hint", law ? `${law.title}.` : "L = E + (A/N^α + B/D^β)^γ; γ is 1 for Chinchilla’s form.");
    say("law-warning", law ? law.warning : "");
    for (const side of ["train", "serve"]) say(`${side}-price-hint`, priceHint(data.chips[fields[side]]));
  }

  function priceHint(chip) {
    if (chip.price !== null) return `Default ${Numbers.costText(chip.price, "USD")} per hour.`;
    const seen = chip.seen.map(({ year, price }) => `; ${Numbers.costText(price, "USD")} was seen in ${year}`);
    return `No default price${seen.join("")}.`;
  }

  function choose(name, value) {
    if (name === "law" && value === Model.OWN && fields.law !== Model.OWN) {
      for (const coefficient of Model.COEFFICIENTS) fields[coefficient] = String(data.laws[fields.law][coefficient]);
    }
    Model.choose(fields, name, value, data);
    show();
    update();
  }

  function type(name, value) {
    fields[name] = value;
    update();
  }

  const labelOf = (name) => document.querySelector(`label[for="${name}"]`).textContent;

  function update(asked = Model.solve(fields, data)) {
    mark(asked.errors);
    wrong = !asked.plan;
    if (asked.plan) {
      solved = asked;
      draw();
    }
    find("case").setAttribute("aria-disabled", String(!canMove()));
    stale(Object.entries(asked.errors).map(([name, words]) => `“${labelOf(name)}”: ${words}`));
    writeAddress();
    speak();
  }

  function mark(errors) {
    for (const name of Object.keys(Model.TYPED)) {
      say(`${name}-error`, errors[name] ?? "");
      if (errors[name]) find(name).setAttribute("aria-invalid", "true");
      else find(name).removeAttribute("aria-invalid");
    }
  }

  function stale(errors) {
    find("results").classList.toggle("stale", errors.length > 0);
    find("stale").hidden = errors.length === 0;
    say("stale", errors.length ? `${errors.join(" ")} Below is still the last plan that was possible.` : "");
    say("brief", errors.length ? "Mend the marked field." : Words.parts(solved).head.replace(/:$/, ""));
  }

  function draw() {
    const { head, tail } = Words.parts(solved);
    say("head", head);
    say("tail", tail);
    find("numbers").replaceChildren(...Words.table(solved).map(tableRow));
    lines("notes", [Words.nearLine(solved), Words.spendLine(solved)]);
    lines("warnings", Words.warnings(solved));
    showCommand();
    pictures();
  }

  function tableRow([name, ...values]) {
    const row = document.createElement("tr");
    row.append(element("th", name, { scope: "row" }), ...values.map((words) => element("td", words)));
    return row;
  }

  // A flag and its value stay on one line.
  function showCommand() {
    const command = Commands.command(fields, solved);
    say("command-title", command === null ? "The same plan in Python" : "The same plan at the shell");
    const words = (command ?? Commands.python(fields, solved)).split(/(?<= )(?=--)/);
    find("command").replaceChildren(...words.map((text) => element("span", text)));
  }

  function pictures() {
    if (solved === null) return;
    Bars.draw(find("bars"), solved);
    EqualLoss.draw(find("equal-loss"), solved);
    const range = movement ?? Universal.decades(solved.plan.m);
    ({ decadeAt } = Universal.draw(find("universal"), find("case"), solved, range));
  }

  const writeAddress = later(ADDRESS_WAIT, () => {
    try {
      history.replaceState(null, "", Model.address(fields));
    } catch {
      // a page that may not change its address works all the same
    }
  });

  const speak = later(SPEECH_WAIT, () => {
    const wrong = find("stale").textContent;
    say("spoken", wrong || (solved ? Words.sentence(solved) : ""));
  });

  function readAddress() {
    const read = Model.fromAddress(location.hash, data);
    fields = read.fields;
    lines("address-notes", read.notes);
    show();
    update();
  }

  // What is drawn is the case of the fields only where they have a plan.
  const canMove = () => !wrong && Model.canMove(solved);

  function moveTo(decade) {
    if (!canMove()) return;
    const moved = { ...fields, [fields.demand]: Model.demandAt(solved, 10 ** decade) };
    const asked = Model.solve(moved, data);
    if (!asked.plan) return;
    fields = moved;
    show();
    update(asked);
  }

  function placeOf(event) {
    const svg = find("universal");
    const { left, width } = svg.getBoundingClientRect();
    return decadeAt(((event.clientX - left) / width) * svg.viewBox.baseVal.width);
  }

  function watchCase() {
    const svg = find("universal");
    svg.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !canMove()) return;
      movement = Universal.decades(solved.plan.m);
      svg.setPointerCapture(event.pointerId);
      find("case").focus({ preventScroll: true });
      moveTo(placeOf(event));
      event.preventDefault();
    });
    svg.addEventListener("pointermove", (event) => movement && moveTo(placeOf(event)));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      svg.addEventListener(end, () => {
        if (movement === null) return;
        movement = null;
        pictures();
      });
    }
    find("case").addEventListener("keydown", byKey);
  }

  function byKey(event) {
    if (!canMove() || event.ctrlKey || event.altKey || event.metaKey) return;
    const range = Universal.decades(solved.plan.m);
    const now = solved.plan.m > 0 ? Math.log10(solved.plan.m) : range[0];
    const ends = { Home: range[0], End: range[1] };
    const step = Universal.STEPS[event.key];
    if (step === undefined && !(event.key in ends)) return;
    event.preventDefault();
    moveTo(event.key in ends ? ends[event.key] : Universal.within(now + step, range));
  }

  function copies(button, text, shown) {
    find(button).addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text());
        say("copied", "Copied.");
      } catch {
        getSelection().selectAllChildren(find(shown));
        say("copied", "Selected: copy it with Ctrl+C or ⌘C.");
      }
    });
  }

  function link() {
    const address = location.href.split("#")[0] + Model.address(fields);
    say("link", address);
    find("link").hidden = false;
    return address;
  }

  function watch() {
    const choosers = [...SELECTS.map(find), ...RADIOS.flatMap((name) => [...document.getElementsByName(name)])];
    for (const one of choosers) one.addEventListener("change", () => choose(one.name || one.id, one.value));
    for (const name of Object.keys(Model.TYPED)) {
      find(name).addEventListener("input", () => type(name, find(name).value));
    }
    find("fields").addEventListener("submit", (event) => event.preventDefault());
    find("skip").addEventListener("click", (event) => {
      event.preventDefault(); // the address is for plans
      find("results").focus();
    });
    copies("copy-command", () => find("command").textContent, "command");
    copies("copy-link", link, "link");
    watchCase();
    addEventListener("hashchange", readAddress);
    new ResizeObserver(pictures).observe(find("pictures"));
  }

  fill();
  solved = Model.solve(data.defaults, data);
  draw();
  watch();
  readAddress();
})();
