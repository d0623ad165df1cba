"""A model of one flat table in the registry: it scores by its address, and nobody is sent to a gate that cannot judge it."""

import pytest
from command_line import refused, run

pytestmark = pytest.mark.usefixtures("quick")


def test_a_registered_flat_model_is_not_sent_to_the_gate_which_refuses_it_before_a_book_is_read(experiment, shop, tmp_path):
    columns = ["--arm", "arm", "--outcome", "paid", "--propensity", 0.5]
    said = run("train", "--table", experiment, *columns, "--save", tmp_path / "model", "--register", "flat")
    assert said.code == 0, said.err
    assert "registered: models:/flat@challenger (version 1)" in said.out
    assert "the gate judges models of event tables only" in said.out
    assert "lighttouch promote" not in said.out
    assert "becomes champion through the gate: lighttouch promote DATA --name contact-response" in shop.learnt.out
    # Its arms are not those of the book, which are no fault of the book's rows.
    for source in (shop.book, tmp_path / "no book"):
        message = refused("promote", source, "--name", "flat")
        assert "challenger: expected a model of a decision log, found a model of an experiment's table" in message
        assert "lighttouch train DATA --register NAME" in message
