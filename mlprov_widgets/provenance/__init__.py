"""What ran is what is recorded.

::

    capture (in the kernel)  ->  document  ->  reading  ->  export, graph, replay

`capture` appends events to a journal, and the document is a pure function of that journal. Everything else reads the
document: `reading` as a file that nobody vouches for, `view` and `overview` for people, `replay` (with `legacy`) as
values for the form, `export` in other forms, `graph` as pictures that answer questions.
"""
