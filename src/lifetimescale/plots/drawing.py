"""What all pictures share: axes to draw on, colours, axes of counts, and files that are the same every time."""

import pathlib

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from lifetimescale.files import write_whole
from lifetimescale.units import SUFFIXES, format_count

# The palette of Okabe and Ito (2008), which readers with any colour vision tell apart; lines differ in dashes too.
INK, BLUE, ORANGE, GREEN = "#222222", "#0072B2", "#E69F00", "#009E73"
VERMILION, PURPLE, SKY, GREY = "#D55E00", "#CC79A7", "#56B4E9", "#8a8a8a"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, INK)
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
MAP = "cividis"  # grows in lightness alone, so that it survives a grey print
DOTS_PER_INCH = 150
UNDATED = {"svg": {"Date": None}, "png": {"Software": None}, "pdf": {"CreationDate": None}}


def axes_of(ax: Axes | None) -> Axes:
    """The axes given, or those of a new figure that no window manager keeps."""
    return Figure(figsize=(6.4, 4.4), layout="constrained").subplots() if ax is None else ax


def label(ax: Axes, *, title: str, x: str, y: str) -> None:
    """The title, the names of both axes, and a light grid behind all."""
    ax.set_title(title)
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.set_axisbelow(True)
    ax.grid(color="#dddddd", linewidth=0.6)


def logarithmic(axis: Axis, *, labels_within: float = 1.7) -> None:
    """A logarithmic axis of counts, marked 1B, 10B and so on.

    Args:
        axis: of params, tokens, requests.
        labels_within: decades; an axis that spans fewer is marked at 2, 3 and 5 of each decade too.
    """
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})  # type: ignore[attr-defined]
    low, high = sorted(axis.get_view_interval())
    narrow = low > 0 and high < low * 10**labels_within
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0) if narrow else (1.0,), numticks=12))
    axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    axis.set_minor_formatter(NullFormatter())


def short(value: float) -> str:
    """A count without noughts behind the point: 7B, 1.25T; small numbers as they are."""
    if abs(value) < 1e3:
        return f"{value:.3g}"
    text = format_count(value)
    number, point, rest = text.partition(".")
    digits = rest.rstrip("".join(SUFFIXES))
    if not point or "e" in rest:
        return f"{value:.3g}" if "e" in rest else text
    return f"{number}.{digits}".rstrip("0").rstrip(".") + rest[len(digits) :]


def plain(axis: Axis) -> None:
    """Mark a logarithmic axis of ratios 0.1, 1, 10."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def write(ax: Axes, path: str | pathlib.Path) -> None:
    """Write the figure of some axes to a file, the same bytes every time; its titles and words are in the metadata.

    Args:
        ax: of the figure.
        path: ends in .png, .svg or .pdf.

    Raises:
        ValueError: it ends otherwise.
        OSError: it cannot be written.
    """
    format_ = kind(path)
    figure = ax.get_figure(root=True)
    assert figure is not None
    titles, words = _read(figure)
    said = UNDATED[format_] | {"Title": titles, "Subject" if format_ == "pdf" else "Description": words}
    with matplotlib.rc_context({"svg.hashsalt": "lifetimescale", "svg.fonttype": "path"}):
        write_whole(
            pathlib.Path(path),
            lambda part: figure.savefig(part, format=format_, dpi=DOTS_PER_INCH, metadata=said),
        )


def kind(path: str | pathlib.Path) -> str:
    """The kind of picture that a file's name asks for; raises as `write` does."""
    ending = pathlib.Path(path).suffix.lower().removeprefix(".")
    if ending not in UNDATED:
        raise ValueError(f"{path} is no name of a picture: end it in .svg, .png or .pdf")
    return ending


def _read(figure: Figure) -> tuple[str, str]:
    """The titles of a figure, and the words in it: what a reader who does not see it is told."""
    legends = [legend for ax in figure.axes if (legend := ax.get_legend()) is not None]
    texts = [text for ax in figure.axes for text in ax.texts]
    texts += [text for legend in legends for text in legend.get_texts()]
    titles = [figure.get_suptitle(), *(ax.get_title() for ax in figure.axes)]
    return _joined(titles), _joined([text.get_text() for text in texts])


def _joined(texts: list[str]) -> str:
    return "; ".join(" ".join(text.split()) for text in texts if text)
