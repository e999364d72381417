"""The page's limits: on Binder, Voilà is a part of Jupyter's server, and `mlprov app` is not what starts it."""

from traitlets.config import Config

from mlprov_widgets.ui.app import LIMITS, WEBSOCKET


def own_mathjax(page_config: dict[str, object], **_: object) -> dict[str, object]:
    """Let the page use the MathJax that Voilà brings along; as a part of Jupyter's server, it names a CDN's."""
    return {**page_config, "fullMathjaxUrl": None, "mathjaxConfig": None}


c = get_config()  # noqa: F821
c.merge(Config(LIMITS))
c.VoilaConfiguration.page_config_hook = own_mathjax
c.ServerApp.tornado_settings = WEBSOCKET
