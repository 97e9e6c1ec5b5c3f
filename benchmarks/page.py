"""How long the calculator page takes in headless Chromium: until its first paint, and for one update of all it shows.

An update is what follows a typed character: the plan, its words and table, three drawings, and their layout.
"""

import pathlib
import shutil
import statistics
import sys
import tempfile

from playwright.sync_api import Browser, Page, sync_playwright

from lifetimescale.page import calculator

LOADS = 9
PAINT = 1000.0  # ms: what it is meant to be painted within
UPDATES = 100  # of one measurement, as the browser's clock has steps of 0.1 ms
FIRST_PAINT = """() => new Promise((resolve) => {
    const seen = (list) => list.find(({ name }) => name === "first-contentful-paint");
    const watcher = new PerformanceObserver((list) => {
        const paint = seen(list.getEntries());
        if (paint) resolve(paint.startTime);
    });
    watcher.observe({ type: "paint", buffered: true });
})"""
UPDATE = """(updates) => {
    const field = document.getElementById("tokens");
    const start = performance.now();
    for (let update = 0; update < updates; update++) {
        field.value = `${update + 1}B`;
        field.dispatchEvent(new Event("input"));
        document.body.getBoundingClientRect(); // lays it out
    }
    return (performance.now() - start) / updates;
}"""


def main() -> None:
    """Print the medians over a few loads, each in a fresh context."""
    executable = shutil.which("chromium")
    if executable is None:
        sys.exit("there is no chromium to drive: on Debian, apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = pathlib.Path(folder) / "calculator.html"
        path.write_text(calculator(), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        loads = [measured(browser, path.as_uri()) for _ in range(LOADS)]
        version = browser.version
        browser.close()
    paint, update = (statistics.median(column) for column in zip(*loads, strict=True))
    verdict = "reached" if paint < PAINT else "not reached"
    print(f"calculator, {len(calculator().encode()):,} bytes, Chromium {version}, median of {LOADS} loads")
    print(f"first contentful paint: {paint:.0f} ms, target {PAINT:.0f} ms: {verdict}")
    print(f"one update: {update:.2f} ms")


def measured(browser: Browser, address: str) -> tuple[float, float]:
    """Milliseconds until the first paint of one load, and of one update after it."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page: Page = context.new_page()
    page.goto(address)
    times = page.evaluate(FIRST_PAINT), page.evaluate(UPDATE, UPDATES)
    context.close()
    return times


if __name__ == "__main__":
    main()
