"""The pictures in README and docs, taken from the current run: `make pictures`."""

import shutil
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from retention.core import artefacts
from retention.core.params import load_params
from retention.worklist import published

IMAGES = Path("docs/images")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SIZES = {"": (1280, 1000), "-phone": (390, 844)}


def photograph(browser: Browser, page_file: Path, name: str, press: str | None = None) -> None:
    """The top of a page at the sizes; `press`: what is clicked before, and shown from there."""
    for ending, (width, height) in SIZES.items():
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(page_file.resolve().as_uri())
        if press:
            button = page.locator(press).first
            button.click()
            button.evaluate("one => window.scrollTo(0, one.getBoundingClientRect().top - 80)")
        page.screenshot(path=IMAGES / f"{name}{ending}.png")
        page.close()


def main() -> None:
    params = load_params()
    folder = published.current(Path(params.publish.folder))
    if folder is None:
        raise SystemExit("no published list; run make repro first")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        photograph(browser, folder / "at_risk.html", f"{params.example}-list")
        opened = "#rows [aria-expanded]"
        photograph(browser, folder / "at_risk.html", f"{params.example}-customer", opened)
        photograph(browser, artefacts.SCORECARD_PAGE.path, f"{params.example}-scorecard")
        photograph(browser, artefacts.OUTCOMES_PAGE.path, f"{params.example}-outcomes")
        browser.close()
    for picture in artefacts.PLOTS.path.glob("*.png"):
        shutil.copyfile(picture, IMAGES / picture.name)


if __name__ == "__main__":
    main()
