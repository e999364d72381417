"""The kernel that a notebook asks for: those of this machine that run Python, and a notebook that asks for one."""

from __future__ import annotations

from dataclasses import dataclass

from mlprov_widgets.notebook.render import KERNELSPEC, notebook_text

USUAL = KERNELSPEC["name"]
"""The kernel of a notebook unless another one is chosen."""


@dataclass(frozen=True)
class Kernel:
    """A kernel of this machine.

    Attributes
    ----------
    name : str
        By which it is started, and recorded.
    title : str
        What a person reads.
    """

    name: str
    title: str


def kernels() -> list[Kernel]:
    """Return the kernels of this machine that run Python, the usual one first."""
    from jupyter_client.kernelspec import KernelSpecManager

    found = []
    for name, known in KernelSpecManager().get_all_specs().items():
        spec = known.get("spec", {})
        if str(spec.get("language", "")).lower() == "python":
            found.append(Kernel(name, str(spec.get("display_name") or name)))
    return sorted(found, key=lambda kernel: (kernel.name != USUAL, kernel.title))


def installed(name: str) -> Kernel | None:
    """Return the kernel of this name, None if this machine has none that runs Python."""
    return next((kernel for kernel in kernels() if kernel.name == name), None)


def asking_for(text: str, kernel: Kernel | None) -> str:
    """Return a notebook's text that asks for a kernel, as Jupyter writes it when a person chooses one.

    Parameters
    ----------
    text
        The notebook's file.
    kernel
        None, or the usual one, leaves it as it is.
    """
    if kernel is None or kernel.name == USUAL:
        return text
    from mlprov_widgets.notebook_format import nbformat

    notebook = nbformat.reads(text, as_version=4)
    notebook.metadata.kernelspec = {"display_name": kernel.title, "language": "python", "name": kernel.name}
    return notebook_text(notebook)
