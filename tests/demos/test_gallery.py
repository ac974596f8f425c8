"""The page of all demos, and thumbnails."""

from html.parser import HTMLParser

import numpy as np
from PIL import Image

from demos import gallery
from demos.context import Context


class Page(HTMLParser):
    """Collects tags and attributes, and checks the nesting."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "img", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_page_is_well_formed_and_complete(tmp_path):
    Image.new("RGB", (30, 20)).save(tmp_path / "convolve.png")
    context = Context(
        "convolve", tmp_path, lines=["a < b & c"], figures=[(tmp_path / "convolve.png", 'edges "seen"')]
    )
    text = gallery.render_page([context])
    page = Page(text)
    assert page.open == []
    image = next(attributes for tag, attributes in page.tags if tag == "img")
    assert (image["src"], image["alt"]) == ("convolve.png", 'edges "seen"')
    assert (image["width"], image["height"]) == ("30", "20")
    assert "a &lt; b &amp; c" in text
    assert ("section", {"id": "convolve"}) in page.tags
    assert "prefers-color-scheme: dark" in text
    assert not [a for _, a in page.tags for value in a.values() if value and "://" in value], (
        "the page must not use the network"
    )


def test_thumbnails_are_small(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (800, 1000, 3), np.uint8)).save(
        tmp_path / "x.png"
    )
    path = gallery.write_thumbnail(tmp_path / "x.png", tmp_path / "small", "x")
    with Image.open(path) as picture:
        assert picture.size == gallery.THUMBNAIL_SIZE
