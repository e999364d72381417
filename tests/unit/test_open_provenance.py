"""Provenance by itself, without a page: what can be chosen, and that nothing goes unsaid."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlprov_widgets import explore
from mlprov_widgets.errors import MlprovError
from mlprov_widgets.ui.desk import Desk
from mlprov_widgets.ui.open_provenance import OpenProvenance

pytestmark = pytest.mark.usefixtures("closed_widgets")


def test_without_a_run_it_says_so_and_a_click_says_what_to_do(own_folder: Path) -> None:
    desk = Desk(own_folder)
    opened = OpenProvenance(desk)
    assert opened.run.options == (("No run is in this folder yet", ""),)
    with pytest.raises(MlprovError, match="no run is chosen"):
        opened.open()
    opened.open_button.click()
    assert "Choose one, or upload a file below" in desk.message.value


def test_a_file_that_the_page_did_not_send_is_told_with_the_way_to_open_it(own_folder: Path) -> None:
    desk = Desk(own_folder)
    opened = OpenProvenance(desk)
    opened.refused.widget.value = "20000000 1764000000000 big.json"
    assert (
        "big.json: the file has 20 MB. Here a file may have at most 10 MB; open a larger one by its path"
        in desk.message.value
    )


def test_explore_without_a_file_lets_one_be_chosen(own_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    explore()
    assert "VBox" in capsys.readouterr().out
