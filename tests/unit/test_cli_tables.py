"""Tables of the command line."""

from rich.table import Table

from cloche.app.cli.common import show_table


def test_what_stands_in_brackets_is_shown(capsys):
    table = Table("message", box=None)
    table.add_row("[processing] image, [red], [/x]")
    show_table(table)
    assert "[processing] image, [red], [/x]" in capsys.readouterr().out
