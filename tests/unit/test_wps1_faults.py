"""Refusals in words of WPS 1.0.0."""

from cloche.model.errors import NoSuchJob, NoSuchProcess, ServerBusy, WrongInputData
from cloche.protocols.wps1 import faults
from cloche.protocols.wps2 import faults as faults_2


def test_an_unknown_process_is_the_fault_of_the_parameter_that_names_it():
    fault = faults.refusal(NoSuchProcess("There is no process 'nap'.", locator="nap"))
    assert (fault.code, fault.locator, fault.status) == ("InvalidParameterValue", "Identifier", 400)


def test_an_input_is_named_itself():
    assert faults.refusal(WrongInputData("Input a: no.", locator="a")).locator == "a"


def test_what_is_no_parameter_is_not_located():
    assert faults.refusal(NoSuchJob("There is no such job.", locator="x")).locator == ""


def test_a_server_that_drains_does_not_say_that_it_is_full():
    for refusal in (faults.refusal, faults_2.refusal):
        fault = refusal(ServerBusy("The server takes no new jobs at present.", retry_after=60))
        assert (fault.text, fault.retry_after) == ("The server takes no new jobs at present.", 60)
