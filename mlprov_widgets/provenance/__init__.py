"""What ran is what is recorded.

::

    recorder (in the kernel)  ->  journal  ->  document  ->  view, report, export, replay

The recorder appends events to a journal; the document is a pure function of the journal; everything
else reads the document. What the recorder imports stays small: it runs in the user's kernel.
"""
