"""The pages of docs/ run: every Python block of a page, in its order.

A page whose figures are tested too has a file of its own, test_page_*.py, and runs there.
"""

import pathlib

import pytest
from pages import PAGES, executed

OWN = [page for page in PAGES if (pathlib.Path(__file__).parent / f"test_page_{page.stem}.py").exists()]


@pytest.mark.parametrize("page", [page for page in PAGES if page not in OWN], ids=lambda page: page.stem)
def test_page(page):
    executed(page)
