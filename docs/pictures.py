"""The pictures in README and docs, taken from the current run: `make pictures`."""

import shutil
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from pipeline import artefacts, params, publish

IMAGES = Path(__file__).parent / "images"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SIZES = {"list.png": (1280, 1000), "list-phone.png": (390, 844)}


def photograph(browser: Browser, page_file: Path) -> None:
    for name, (width, height) in SIZES.items():
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(page_file.resolve().as_uri())
        page.screenshot(path=IMAGES / name)
        page.close()


def main() -> None:
    folder = publish.current(Path(params.load().publish.folder))
    if folder is None:
        raise SystemExit("no published list; run make repro first")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        photograph(browser, folder / "at_risk.html")
        browser.close()
    for picture in artefacts.PLOTS.path.glob("*.png"):
        shutil.copyfile(picture, IMAGES / picture.name)


if __name__ == "__main__":
    main()
