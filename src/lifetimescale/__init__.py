"""How big should a language model be, and how long should it be trained, for the loss and the use it is meant for?

The public names stand in `__init__.pyi`; each is imported when first used, so that `lifetimescale --help` need not
wait for JAX.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
