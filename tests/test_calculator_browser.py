"""The calculator page in headless Chromium, opened as the file that it is: what is shown, moved, shared and refused."""

import itertools
import json
import pathlib
import re
import shutil
import urllib.parse

import pytest
from calculator import golden, relative_error
from playwright.sync_api import Browser, Page, sync_playwright

from lifetimescale.page import calculator
from lifetimescale.page.facts import EXAMPLES

pytestmark = pytest.mark.browser

HEAD = "Train 6.97B params on 1.25T tokens:"
PAPER = f"{HEAD} 8.00e22 FLOP over its life, 17.4 % less than the compute-optimal 13.0B on 576B."


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> str:
    """The address of the page."""
    path: pathlib.Path = tmp_path_factory.mktemp("page") / "calculator.html"
    path.write_text(calculator(), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def browser():
    executable = shutil.which("chromium")
    if executable is None:
        pytest.fail("there is no chromium to drive: on Debian, apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser, file: str):
    """Open the page, by default as a desktop does; no page may complain or ask the network for anything."""
    contexts, complaints = [], []

    def opened(hash: str = "", **settings) -> Page:
        contexts.append(browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **settings}))
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url.startswith(file) or complaints.append(request.url))
        page.goto(file + hash)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def until(page: Page, expression: str) -> None:
    """Wait for what the page does a little later; its policy lets no library evaluate text on its own side."""
    for _ in range(100):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"never came true: {expression}")


def sentence(page: Page) -> str:
    return page.inner_text("#sentence").replace("\n", " ")


def everything(page: Page) -> list[str]:
    return [sentence(page), *(page.inner_text(f"#{part}") for part in ("numbers", "notes", "warnings", "command"))]


def test_it_opens_with_the_paper_s_plan(opened):
    page = opened()
    assert sentence(page) == PAPER
    rows = [row.split("\t") for row in page.inner_text("#numbers").split("\n")]
    assert rows[0] == ["params", "6.97B", "13.0B"]
    assert rows[-1] == ["total", "8.00e22 FLOP", "9.70e22 FLOP"]
    assert "Within 1 % of the least cost: 6.18B on 1.51T tokens to 7.92B on 1.04T." in page.inner_text("#notes")
    assert page.inner_text("#warnings") == (
        "1.25T training tokens are 2.5 times the most that the law was fitted on (500B): the law is extrapolated."
    )
    assert page.inner_text("#command") == "lifetimescale plan --like 13B --inference-tokens 2T"


def test_the_kernel_is_the_library_in_chromium_too(opened):
    scenarios, expected = golden()
    plans = opened().evaluate(
        """(scenarios) => scenarios.map(({ law, rates, loss }) => {
            const plan = Kernel.plan(law, rates, loss);
            return { ...plan, near: Kernel.near(law, rates, plan, 0.01) }; })""",
        scenarios,
    )
    assert relative_error(plans, expected) == {}


def test_every_example_is_one_click(opened):
    page = opened()
    for name, hash in EXAMPLES.items():
        page.click(f"text={name}")
        until(page, f"location.hash.startsWith('#{hash.split('&')[0]}')")
        assert page.is_hidden("#stale")
    assert sentence(page).startswith("Train 20.5B params on 3.30T tokens: $1,425,060 over its life, 11.2 % less than")


def test_typing_moves_the_plan_and_the_address(opened):
    page = opened()
    page.fill("#tokens", "200B")
    assert page.inner_text("#head") != HEAD
    page.check("#target-loss")
    page.fill("#loss", "2.5")
    page.select_option("#law", "besiroglu2024")
    page.check("#unit-usd")
    page.select_option("#serve", "h100")
    assert page.input_value("#serve-price") == "2.00"
    assert page.locator("#precision option").all_inner_texts() == ["bf16", "fp8", "int8"]
    until(page, "location.hash.includes('serve=h100')")
    assert re.search(r"#loss=2\.5&tokens=200B&law=besiroglu2024&unit=usd&.*serve=h100&precision=int8", page.url)
    assert re.search(r"over its life, [\d.]+ % less", sentence(page))


def test_a_link_restores_everything(opened):
    page = opened()
    page.select_option("#law", "own")
    for name, value in {"gamma": "0.9", "E": "1.5", "tokens": "3e12", "like": "2 B"}.items():
        page.fill(f"#{name}", value)
    until(page, "location.hash.includes('like=2%20B') && location.hash.includes('gamma=0.9')")
    again = opened("#" + page.url.split("#")[1])
    assert everything(again) == everything(page)
    assert sentence(page) != PAPER
    assert [again.input_value(f"#{name}") for name in ("gamma", "E", "like")] == ["0.9", "1.5", "2 B"]


def test_a_change_of_the_address_is_followed(opened):
    page = opened()
    page.evaluate("location.hash = '#like=70B&tokens=0&law=besiroglu2024'")
    until(page, "document.getElementById('like').value === '70B'")
    assert "as much as the compute-optimal 70.0B" in sentence(page)


def test_the_case_is_dragged_by_mouse(opened):
    page = opened()
    page.locator("#universal").scroll_into_view_if_needed()
    box = page.locator("#universal").bounding_box()
    thumb = page.locator("#case .thumb").bounding_box()
    x, y = thumb["x"] + thumb["width"] / 2, thumb["y"] + thumb["height"] / 2
    before = page.inner_text("#head")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y - 40, steps=6)
    during = page.input_value("#tokens")
    page.mouse.move(box["x"] + box["width"] * 2, y, steps=3)
    page.mouse.up()
    assert page.inner_text("#head") != before
    assert during not in ("2T", page.input_value("#tokens"))
    assert float(page.get_attribute("#case", "aria-valuenow")) == pytest.approx(4, abs=0.01)
    page.mouse.move(x, y)
    assert float(page.get_attribute("#case", "aria-valuenow")) == pytest.approx(4, abs=0.01)


def test_the_case_is_dragged_by_touch(opened):
    page = opened(has_touch=True, is_mobile=True, viewport={"width": 360, "height": 740})
    page.locator("#universal").scroll_into_view_if_needed()
    box = page.locator("#universal").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 0.7, box["y"] + box["height"] / 2)
    assert page.input_value("#tokens") != "2T"
    assert page.is_hidden("#stale")


def test_the_keyboard_alone_leads_to_another_plan(opened):
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "skip"
    reached = []
    while (now := page.evaluate("document.activeElement.id")) != "tokens" and len(reached) < 20:
        reached.append(now)
        page.keyboard.press("Tab")
    page.keyboard.press("Control+A")
    page.keyboard.type("500B")
    typed = page.inner_text("#head")
    assert typed != HEAD
    while (now := page.evaluate("document.activeElement.id")) != "case" and len(reached) < 40:
        reached.append(now)
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "slider"
    ring = page.evaluate("getComputedStyle(document.querySelector('#case .ring')).stroke")
    assert ring != "none"
    values = [float(page.get_attribute("#case", "aria-valuenow"))]
    for key in ("ArrowRight", "ArrowUp", "PageUp", "ArrowLeft", "PageDown", "Home", "End"):
        page.keyboard.press(key)
        values.append(float(page.get_attribute("#case", "aria-valuenow")))
    steps = [now - before for before, now in itertools.pairwise(values[:-2])]
    assert steps == pytest.approx([0.05, 0.05, 0.5, -0.05, -0.5], abs=0.006)  # demand has three digits
    assert values[-2:] == pytest.approx([-3, 4], abs=0.006)
    assert "tokens served: serving" in page.get_attribute("#case", "aria-valuetext")
    assert page.inner_text("#head") != typed


@pytest.mark.parametrize(("key", "end"), [("End", "aria-valuemax"), ("Home", "aria-valuemin")])
@pytest.mark.parametrize(
    "hash", ["", "#like=7B&law=besiroglu2024", "#unit=usd", "#requests=1e9&like=30B", "#tokens=1e19", "#tokens=1e5"]
)
def test_the_ends_of_the_drawing_are_ends(opened, hash, key, end):
    page = opened(hash)
    demand, last = "#requests" if "requests" in hash else "#tokens", page.get_attribute("#case", end)
    page.focus("#case")
    page.keyboard.press(key)
    reached = page.input_value(demand)
    for _ in range(3):
        page.keyboard.press(key)
        assert page.input_value(demand) == reached
        assert page.get_attribute("#case", end) == last
    assert float(page.get_attribute("#case", "aria-valuenow")) == pytest.approx(float(last), abs=0.01)


def test_the_case_cannot_be_moved_while_a_field_is_wrong(opened):
    page = opened()
    page.fill("#like", "13X")
    page.check("#demand-requests")
    assert page.get_attribute("#case", "aria-disabled") == "true"
    page.focus("#case")
    for key in ("ArrowRight", "End"):
        page.keyboard.press(key)
    page.locator("#universal").scroll_into_view_if_needed()
    page.locator("#universal").click(position={"x": 100, "y": 100})
    assert page.input_value("#requests") == "1e10"
    assert page.get_attribute("#case", "aria-disabled") == "true"
    page.fill("#like", "13B")
    assert page.get_attribute("#case", "aria-disabled") == "false"
    page.focus("#case")
    page.keyboard.press("ArrowRight")
    assert page.input_value("#requests") == "11.2B"


def test_a_case_beyond_the_drawing_is_at_its_end(opened):
    page = opened("#law=sardana2024_le100&like=13B&tokens=1e30")
    assert page.get_attribute("#case", "aria-valuenow") == page.get_attribute("#case", "aria-valuemax") == "12"
    assert page.get_attribute("#case", "aria-valuetext") == "1e+30 tokens served: serving 152Q times training"
    height = int(page.get_attribute("#universal", "viewBox").split()[3])
    for key in ("tokens", "params", "cost"):
        x, y = (float(page.get_attribute(f"#case .dot.{key}", axis)) for axis in ("cx", "cy"))
        assert 0 < y < height
        assert (x, y) == pytest.approx(ends_of_line(page, f"#universal .curve.{key}")[1], abs=0.01)


@pytest.mark.parametrize("hash", ["", "#law=sardana2024_le100&like=13B&tokens=1e30", "#tokens=1e80"])
def test_the_curve_of_equal_loss_reaches_both_models(opened, hash):
    page = opened(hash)
    place = page.get_attribute("#equal-loss .twin", "transform")
    twin = [float(number) for number in re.findall(r"[\d.]+", place)[:2]]
    best = [float(page.get_attribute("#equal-loss .best", axis)) for axis in ("cx", "cy")]
    left, right = ends_of_line(page, "#equal-loss .equal")
    for x, y in (twin, best):
        assert left[0] < x < right[0]
        assert left[1] < y < right[1]


def ends_of_line(page: Page, selector: str) -> tuple[list[float], list[float]]:
    """The left and the right end of a line."""
    points = re.findall(r"[ML](\S+) ([^ML]+)", page.get_attribute(selector, "d"))
    left, right = sorted([float(x), float(y)] for x, y in (points[0], points[-1]))
    return left, right


ABSURD = [
    *(
        f"like={like}&tokens={tokens}&law={law}{unit}"
        for like in ("1e-5", "13B", "1e100")
        for tokens in ("0", "1e-300", "1e18", "1e80", "1e100", "1e200", "1e300")
        for law in ("chinchilla", "sardana2024_le100")
        for unit in ("", "&unit=usd")
    ),
    *(
        f"loss=2&tokens={tokens}&law=own&E=0&alpha={alpha}&beta={beta}"
        for tokens in ("0", "2T", "1e60")
        for alpha in ("1e-5", "0.3", "100")
        for beta in ("1e-5", "0.3", "100")
    ),
]
OPEN_EACH = """(hashes) => hashes.map((hash) => {
    history.replaceState(null, "", "#" + hash);
    dispatchEvent(new HashChangeEvent("hashchange"));
    const parts = [...document.querySelectorAll("svg, svg *")];
    const values = parts.flatMap((part) => [...part.attributes].map(({ value }) => value));
    return [document.getElementById("stale").hidden, values.filter((value) => /NaN|Infinity|undefined/.test(value))];
})"""


def test_no_drawing_is_given_what_is_no_number(opened):
    page = opened()
    drawn = [one for start in range(0, len(ABSURD), 50) for one in page.evaluate(OPEN_EACH, ABSURD[start : start + 50])]
    assert sum(planned for planned, _ in drawn) > 60
    assert {hash: wrong for hash, (_, wrong) in zip(ABSURD, drawn, strict=True) if wrong} == {}


@pytest.mark.parametrize(("tokens", "saving"), [("1e80", "90.3 %"), ("1e100", "90.3 %")])
def test_a_demand_beyond_all_bounds_saves_what_the_curve_falls_to(opened, tokens, saving):
    page = opened(f"#like=13B&tokens={tokens}")
    assert f"{saving} less than the compute-optimal 13.0B on 576B" in sentence(page)


def test_the_way_past_the_fields_leaves_the_plan_as_it_is(opened):
    page = opened("#like=70B&tokens=1T")
    before = everything(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "results"
    assert everything(page) == before
    assert page.is_hidden("#address-notes")


def test_choices_are_made_by_arrow_keys(opened):
    page = opened()
    page.focus("#unit-flops")
    page.keyboard.press("ArrowRight")
    assert page.is_visible("#train-price")
    assert "$" in sentence(page)


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("like", "13X", "'13X' ends in an unknown unit 'X': use K, M, B, T or Q (1e3 to 1e15), like 13B."),
        ("tokens", "-1", "-1 is out of range: give 0 or a number above 0."),
        ("tokens", "", "Nothing is written here: give the tokens served, like 2T, or 0."),
        ("tokens", "<img src=x>", "'<img src=x>' is not a number: write it like 13B, 2T or 1e12."),
    ],
)  # fmt: skip
def test_a_bad_field_is_marked_and_the_last_plan_stays_as_such(opened, field, text, said):
    page = opened()
    page.fill(f"#{field}", text)
    assert page.get_attribute(f"#{field}", "aria-invalid") == "true"
    assert page.inner_text(f"#{field}-error") == said
    assert f"{field}-error" in page.get_attribute(f"#{field}", "aria-describedby")
    assert sentence(page) == PAPER
    assert page.evaluate("document.getElementById('results').classList.contains('stale')")
    assert said in page.inner_text("#stale")
    page.fill(f"#{field}", "1B")
    assert page.get_attribute(f"#{field}", "aria-invalid") is None
    assert page.is_hidden("#stale")
    assert sentence(page) != PAPER


def test_a_loss_out_of_reach_says_what_the_law_falls_to(opened):
    page = opened("#loss=1.5&tokens=2T&law=chinchilla")
    said = "A loss of 1.5 is out of reach: chinchilla falls to 1.69 at best, so ask for more."
    assert page.inner_text("#loss-error") == said
    page.fill("#loss", "1.7")
    assert page.is_hidden("#stale")


def test_zero_demand_is_the_compute_optimal_model(opened):
    page = opened("#like=13B&tokens=0")
    assert "as much as the compute-optimal 13.0B" in sentence(page)
    assert "Nothing is served" in page.inner_text("#notes")
    assert page.get_attribute("#case", "aria-valuenow") == "-3"


HOSTILE = [
    "#like=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E&law=%3Cscript%3Ealert(1)%3C/script%3E",
    "#<svg/onload=alert(1)>&__proto__=x&constructor=y&like=%E0%A4%A",
    "#train=__proto__&serve=constructor&unit=usd&precision=toString&law=hasOwnProperty",
    "#" + "like=9&" * 5000 + "tokens=" + "9" * 5000,
    "#%00%00=%00&like=\u0000&tokens=Infinity&E=NaN&law=own",
    "#unit=usd&train=b200&serve=b200&precision=fp4&prompt=0&output=0&requests=1e308",
]


@pytest.mark.parametrize("hash", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_address_does_no_harm(opened, hash):
    page = opened(hash)
    assert page.locator("img, iframe, #results script, header script").count() == 0
    assert sentence(page).startswith("Train ")
    assert not re.search(
        r"NaN|Infinity|undefined", page.inner_text("#results").replace("'NaN'", "").replace("'Infinity'", "")
    )
    page.click("text=The example of the paper")
    until(page, "document.getElementById('stale').hidden")
    assert sentence(page) == PAPER


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_scrolls_down_only(opened, scheme):
    page = opened(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    for hash in ("like=13B", *EXAMPLES.values(), "law=own&loss=x", "like=13B&tokens=1e18", "unit=usd&tokens=1e16"):
        page.evaluate("(hash) => { location.hash = hash; }", hash)
        until(page, " && ".join(map(holds, urllib.parse.parse_qsl(hash))))
        assert page.evaluate("document.documentElement.scrollWidth") == 360, hash
        for drawing in ("universal", "equal-loss", "bars"):
            box = page.locator(f"#{drawing}").bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 360


def holds(given: tuple[str, str]) -> str:
    """That the page has read a part of its address."""
    name, value = given
    return f"(document.getElementById('{name}') ?? document.getElementById('{name}-{value}')).value === '{value}'"


CONTRASTS = """() => {
    const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
    const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
    const painted = (color) => color.length === 3 || color[3] > 0;
    const paper = (element) => rgb(getComputedStyle(element).backgroundColor);
    const behind = (element) => (painted(paper(element)) ? paper(element) : behind(element.parentElement));
    const hasWords = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const shown = (element) => element.checkVisibility() && !element.closest("svg") && hasWords(element);
    return [...document.querySelectorAll("body *")].filter(shown).map((element) => {
        const [a, b] = [light(rgb(getComputedStyle(element).color)), light(behind(element))];
        return [element.outerHTML.slice(0, 80), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]; });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("hash", ["", "#like=x&unit=usd&law=nobody"])
def test_words_stand_out_from_what_is_behind_them(opened, scheme, hash):
    contrasts = opened(hash, color_scheme=scheme).evaluate(CONTRASTS)
    assert len(contrasts) > 40
    assert [word for word in contrasts if word[1] < 4.5] == []


def test_every_field_has_a_name_and_every_drawing_says_its_numbers(opened):
    page = opened("#unit=usd&law=own&requests=1e9")
    named = "(e) => e.labels.length === 1 && e.labels[0].textContent.trim() !== ''"
    fields = page.locator("form input, form select")
    assert fields.count() > 20
    for index in range(fields.count()):
        assert fields.nth(index).evaluate(named), index
    names = page.locator("form label").all_inner_texts()
    assert len(names) == fields.count()
    assert len(set(names)) == len(names)
    for drawing in ("universal", "equal-loss", "bars"):
        described = page.get_attribute(f"#{drawing}", "aria-labelledby").split()
        title, description = (page.locator(f"#{name}").text_content() for name in described)
        assert title
        assert re.search(r"\d", description)
    assert page.get_attribute("#spoken", "aria-live") == "polite"
    until(page, "document.getElementById('spoken').textContent !== ''")
    assert page.inner_text("#spoken") == sentence(page)


def test_two_wrong_fields_are_told_apart(opened):
    page = opened("#unit=usd&train=h200&serve=b200")
    assert page.inner_text("#stale") == (
        "“Training: dollars per hour”: Nothing is written here: give dollars per hour, like 1.40. "
        "“Serving: dollars per hour”: Nothing is written here: give dollars per hour, like 0.60. "
        "Below is still the last plan that was possible."
    )


def test_it_is_painted_without_waiting_for_anything(opened):
    """How long that takes is measured in benchmarks/page.py."""
    page = opened()
    until(page, "performance.getEntriesByName('first-contentful-paint').length > 0")
    fetched = page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
    assert [name for name in fetched if not name.startswith("data:")] == []
    assert page.evaluate("document.fonts.size") == 0
    assert page.evaluate("[...document.scripts].every((script) => script.src === '')")
    assert page.evaluate("[...document.styleSheets].every((sheet) => sheet.href === null)")


def test_printed_it_has_the_plan_and_no_buttons(opened):
    page = opened(color_scheme="dark")
    page.emulate_media(media="print")
    assert page.is_hidden("#copy-command")
    assert page.is_visible("#sentence")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_without_scripts_it_says_what_to_do(browser, file):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file)
    assert "lifetimescale plan --like 13B" in page.inner_text("noscript")
    context.close()


def test_the_command_and_a_link_are_copied_or_selected(opened):
    page = opened()
    page.click("#copy-command")
    until(page, "document.getElementById('copied').textContent !== ''")
    page.click("#copy-link")
    until(page, "!document.getElementById('link').hidden")
    assert json.dumps(page.inner_text("#link")).endswith('#like=13B&tokens=2T&law=chinchilla"')
