"""Nothing private stays in a message that is recorded."""

from __future__ import annotations

import pytest

from mlprov_widgets.provenance.capture.scrub import scrub


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("/home/ada/project/data.csv", "<outside>/data.csv"),
        ("No such file: '/home/ada/data.csv'", "No such file: '<outside>/data.csv'"),
        ('File "/home/ada/x.py", line 3', 'File "<outside>/x.py", line 3'),
        ("(/home/ada/x.py)", "(<outside>/x.py)"),
        ("path=/home/ada/x.py", "path=<outside>/x.py"),
        ("C:\\Users\\ada\\data.csv is gone", "<outside>/data.csv is gone"),
        ("No such file: 'C:\\\\Users\\\\ada\\\\data.csv'", "No such file: '<outside>/data.csv'"),
        ("'\\\\\\\\server\\\\share\\\\ada\\\\data.csv'", "'<outside>/data.csv'"),
        ("file:///C:/Users/ada/data.csv", "file:///<outside>/data.csv"),
        ("C:/Users/ada/data.csv", "<outside>/data.csv"),
        ("cannot open:/home/ada/data.csv", "cannot open:<outside>/data.csv"),
        ("/usr/lib/python:/home/ada/lib", "<outside>/python:<outside>/lib"),
        ("file:///home/ada/data.csv", "file://<outside>/data.csv"),
        ("/home/ada/a.csv and /home/ada/b.csv", "<outside>/a.csv and <outside>/b.csv"),
        ("/home/grösse/data.csv", "<outside>/data.csv"),
        ("\\\\server\\share\\ada\\data.csv", "<outside>/data.csv"),
    ],
)
def test_the_folders_of_an_absolute_path_are_taken_out(text: str, scrubbed: str) -> None:
    assert scrub(text) == scrubbed


@pytest.mark.parametrize(
    "text",
    [
        "data/rows.csv",
        "./data/rows.csv",
        "../data/rows.csv",
        "https://example.org/data/rows.csv",
        "1/2/3",
        "data\\rows\\a.csv",
        "a line\\nand\\tanother",
        "and/or",
        "12:30:00",
        "a / b / c",
        "KeyError: 'x'",
        "</div></p>",
        "",
    ],
)
def test_what_is_no_absolute_path_stays(text: str) -> None:
    assert scrub(text) == text


def test_the_colours_of_a_terminal_are_taken_out() -> None:
    assert scrub("\x1b[0;31mError\x1b[0m: \x1b[1mno\x1b[22m") == "Error: no"


def test_a_path_behind_a_colour_is_seen() -> None:
    assert scrub("\x1b[32m/home/ada/x.py\x1b[0m") == "<outside>/x.py"


def test_a_long_message_is_cut() -> None:
    assert len(scrub("x" * 10_000)) == 2000


def test_a_path_at_the_cut_does_not_show_its_folders() -> None:
    assert "ada" not in scrub("x" * 1980 + " /home/ada/projects/secret/data.csv")


def test_a_long_message_of_slashes_takes_no_time() -> None:
    assert scrub("/" * 100_000 + "a/" * 100_000)


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("https://ada:pa55word@git.example/a.git", "https://<secret>@git.example/a.git"),
        (
            "origin\thttps://ghp_0123456789@git.example/a.git (fetch)",
            "origin\thttps://<secret>@git.example/a.git (fetch)",
        ),
        ("postgresql://ada:p%40ss@db.example:5432/x", "postgresql://<secret>@db.example:5432/x"),
        ("mail https://example.org/~ada@home", "mail https://example.org/~ada@home"),
        ("ada@example.org", "ada@example.org"),
    ],
)
def test_who_logs_in_is_taken_out_of_an_address(text: str, scrubbed: str) -> None:
    assert scrub(text) == scrubbed


def test_a_secret_at_the_cut_does_not_show_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "tok-9f3b7a51c2")
    assert "tok-" not in scrub("x" * 1990 + " tok-9f3b7a51c2")
