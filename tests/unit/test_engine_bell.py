import threading

from cloche.engine.bell import LocalBell


def test_listeners_hear_their_job_until_they_leave() -> None:
    bell, heard = LocalBell(), list[str]()
    leave = bell.subscribe("a", lambda: heard.append("first"))
    bell.subscribe("a", lambda: heard.append("second"))
    bell.ring("a")
    bell.ring("b")
    leave()
    leave()
    bell.ring("a")
    assert heard == ["first", "second", "second"]


def test_a_listener_may_leave_while_it_is_called() -> None:
    bell, heard = LocalBell(), list[str]()
    leave = bell.subscribe("a", lambda: (heard.append("once"), leave()))
    bell.ring("a")
    bell.ring("a")
    assert heard == ["once"]
    assert bell._listeners == {}


def test_a_failing_listener_does_not_keep_others_from_hearing() -> None:
    bell, heard = LocalBell(), list[str]()
    bell.subscribe("a", lambda: 1 / 0)
    bell.subscribe("a", lambda: heard.append("other"))
    bell.ring("a")
    assert heard == ["other"]


def test_many_threads() -> None:
    bell, heard = LocalBell(), list[int]()

    def come_and_go() -> None:
        for _ in range(300):
            leave = bell.subscribe("a", lambda: heard.append(1))
            bell.ring("a")
            leave()

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(heard) >= 1200
    assert bell._listeners == {}


def test_who_waits_for_the_end_is_not_woken_before():
    bell, heard = LocalBell(), []
    bell.subscribe("a", lambda: heard.append("move"))
    bell.subscribe("a", lambda: heard.append("end"), end_only=True)
    bell.ring("a")
    assert heard == ["move"]
    bell.ring("a", ended=True)
    assert heard == ["move", "move", "end"]
