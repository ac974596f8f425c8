"""The gallery: figures, summaries and output of all demos on one HTML page."""

from html import escape
from pathlib import Path

from PIL import Image, ImageOps, ImageSequence

from demos.context import Context
from demos.registry import NAMES, describe, run_demo

THUMBNAIL_SIZE = (320, 200)
THUMBNAIL_BYTES = 20_000

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1f2933; --faint: #5a6775; --line: #d5dce3;
  --link: #0b62b0; --code: #f3f5f7 }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14181d; --ink: #e4e9ee; --faint: #9aa7b4; --line: #323b45;
    --link: #7db9f5; --code: #1d232a }
}
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 70rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, sans-serif }
a { color: var(--link) }
nav ol { columns: 20rem; column-gap: 3rem; padding-left: 1.5rem }
nav li { break-inside: avoid }
section { border-top: 1px solid var(--line); padding: 0.5rem 0 1.5rem }
p { max-width: 45rem }
.sources, figcaption { color: var(--faint); font-size: 0.875rem }
figure { margin: 1rem 0 }
.row { display: flex; flex-wrap: wrap; gap: 1rem }
.row figure { margin: 0 }
img { display: block; max-width: 100%; height: auto; background: #fff; border-radius: 6px;
  border: 1px solid var(--line) }
pre { overflow-x: auto; background: var(--code); padding: 0.75rem; border-radius: 6px; font-size: 0.8125rem }
summary { cursor: pointer }
"""


def write_gallery(
    out: Path, image: Path | None = None, seed: int = 0, thumbnails: Path | None = None
) -> Path:
    """Run all demos and write their figures and `index.html`.

    Args:
        out: folder to write to, created if needed.
        image: a picture file, or None for the sample picture.
        seed: seed of all demos.
        thumbnails: folder for one small picture of each demo, or None.

    Returns:
        The path of the page.
    """
    contexts = []
    for name in NAMES:
        contexts.append(run_demo(name, out, image, seed))
        print()
    if thumbnails:
        for context in contexts:
            write_thumbnail(context.figures[0][0], thumbnails, context.name)
    page = out / "index.html"
    page.write_text(render_page(contexts), encoding="utf-8")
    return page


def render_page(contexts: list[Context]) -> str:
    """Return the page as HTML. It links to figures by file name, so that the folder can be moved."""
    links = "\n".join(f'<li><a href="#{c.name}">{escape(describe(c.name).title)}</a></li>' for c in contexts)
    sections = "\n".join(map(render_section, contexts))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Convolution and deconvolution in Keras</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>Convolution and deconvolution in Keras</h1>
<p>The foundations of a learned image codec in {len(contexts)} small lessons. Run one with
<code>python -m demos run NAME</code>.</p>
<nav aria-label="Lessons"><ol>
{links}
</ol></nav>
</header>
<main>
{sections}
</main>
</body>
</html>
"""


def render_section(context: Context) -> str:
    """Return the section of one demo: title, summary, figures, sources and folded output."""
    about = describe(context.name)
    figures = "\n".join(_render_figure(path, caption) for path, caption in context.figures)
    output = escape("\n".join(context.lines))
    return f"""<section id="{about.name}">
<h2>{escape(about.title)}</h2>
<p>{escape(about.summary)}</p>
<div class="row">
{figures}
</div>
<p class="sources">{escape(about.sources)}</p>
<details><summary>Output of <code>python -m demos run {about.name}</code></summary>
<pre>{output}</pre></details>
</section>"""


def _render_figure(path: Path, caption: str) -> str:
    """Return a figure with its caption."""
    with Image.open(path) as picture:
        width, height = picture.size
    text = escape(caption, quote=True)
    return (
        f'<figure><img src="{path.name}" alt="{text}" width="{width}" height="{height}" loading="lazy">'
        f"<figcaption>{text}</figcaption></figure>"
    )


def write_thumbnail(figure: Path, folder: Path, name: str) -> Path:
    """Write a small version of a figure, a JPEG of its upper left part or the whole animation as GIF."""
    folder.mkdir(parents=True, exist_ok=True)
    with Image.open(figure) as picture:
        if getattr(picture, "is_animated", False):
            frames = [frame.convert("RGB").quantize(16) for frame in ImageSequence.Iterator(picture)]
            path = folder / f"{name}.gif"
            frames[0].save(path, save_all=True, append_images=frames[1:], duration=350, loop=0)
            return path
        path = folder / f"{name}.jpg"
        small = ImageOps.fit(
            picture.convert("RGB"), THUMBNAIL_SIZE, Image.Resampling.LANCZOS, centering=(0, 0)
        )
        for quality in (80, 65, 50):  # use the best quality whose file is small enough
            small.save(path, quality=quality, optimize=True)
            if path.stat().st_size <= THUMBNAIL_BYTES:
                break
        return path
