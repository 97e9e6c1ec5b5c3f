"""A page as a notebook: its Python blocks are cells, and so are its shell blocks of lifetimescale's commands.

    ```python            shown, run, and followed by what its last expression gives
    ```sh                run if its first line begins with `lifetimescale`, and followed by what it prints
    <!-- run ... -->     Python that is run and not shown: it holds the figures of the text to what the cells computed

So a page reads as Markdown anywhere, and `make docs` runs it.
"""

import re
from collections.abc import Iterator

from generated import filled
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

SHELL = """import subprocess
commands = {!r}
print(subprocess.run(["sh", "-ec", commands], stdout=subprocess.PIPE, text=True, check=True).stdout, end="")
"""
PLAIN = "unset FORCE_COLOR CLICOLOR_FORCE\n"  # which a kernel sets, as if it were a terminal
BLOCK = re.compile(
    r"^```python\n(?P<python>.*?)^```\n|^```sh\n(?P<shell>lifetimescale .*?)^```\n|^<!-- run\n(?P<hidden>.*?)^-->\n",
    re.DOTALL | re.MULTILINE,
)


def notebook(text: str) -> NotebookNode:
    """The page as myst-nb takes it, with the line on which each cell begins."""
    lines, cells = zip(*_cells(filled(text)), strict=True)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    language = {"name": "python", "pygments_lexer": "ipython3"}
    metadata = {"kernelspec": kernel, "language_info": language, "source_map": list(lines)}
    return new_notebook(cells=list(cells), metadata=NotebookNode(metadata))


def executable(text: str) -> bool:
    """Whether the page has anything to run."""
    return bool(BLOCK.search(text))


def _cells(text: str) -> Iterator[tuple[int, NotebookNode]]:
    done = 0
    for block in BLOCK.finditer(text):
        shown = block.end() if block["shell"] else block.start()  # a command stands above what it prints
        if text[done:shown].strip():
            yield text.count("\n", 0, done), new_markdown_cell(text[done:shown])
        yield text.count("\n", 0, block.start()), _cell(block)
        done = block.end()
    if text[done:].strip():
        yield text.count("\n", 0, done), new_markdown_cell(text[done:])


def _cell(block: re.Match[str]) -> NotebookNode:
    if block["python"]:
        return new_code_cell(block["python"])
    if block["shell"]:
        return new_code_cell(SHELL.format(PLAIN + block["shell"]), metadata={"tags": ["remove-input"]})
    return new_code_cell(block["hidden"], metadata={"tags": ["remove-cell"]})
