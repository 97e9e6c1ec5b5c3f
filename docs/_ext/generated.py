"""`{generated} NAME` in a page: Markdown that the function of that name makes of the data, so that it stays true."""

import re

from command_line import commands
from tables import chips, curves, laws, laws_of_others, scores

SOURCES = {make.__name__: make for make in (chips, commands, curves, laws, laws_of_others, scores)}
BLOCK = re.compile(r"^```\{generated\} (\w+)\n```$", re.MULTILINE)


def filled(text: str) -> str:
    """The page with what is generated in its place."""
    return BLOCK.sub(lambda block: SOURCES[block[1]](), text)
