"""Quick work takes turns, as long as that gets on."""

import asyncio
import contextlib
import threading
import time

from cloche.protocols._http.threads import PATIENCE_S, Threads


def test_quick_work_is_done_one_after_the_other() -> None:
    at_once, most = 0, 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.001)
        with lock:
            at_once -= 1

    async def run() -> None:
        threads = Threads()
        await asyncio.gather(*(threads.quick(work) for _ in range(5)))

    asyncio.run(run())
    assert most == 1


def test_what_takes_long_holds_up_nobody_for_long() -> None:
    async def run() -> float:
        threads, go_on = Threads(), threading.Event()
        slow = [asyncio.ensure_future(threads.quick(lambda: go_on.wait(10))) for _ in range(3)]
        await asyncio.sleep(0.01)
        begin = time.monotonic()
        assert await threads.quick(lambda: "quick") == "quick"
        took = time.monotonic() - begin
        go_on.set()
        assert await asyncio.gather(*slow) == [True] * 3
        return took

    assert PATIENCE_S / 2 < asyncio.run(run()) < 5


def test_patience_is_limited_also_at_the_moment_when_the_turn_passes_on() -> None:
    async def run() -> float:
        threads, go_on = Threads(), threading.Event()

        async def twice() -> float:
            await threads.quick(lambda: time.sleep(0.01))
            begin = time.monotonic()  # the turn is given back; who was woken for it has not run yet
            await threads.quick(lambda: None)
            return time.monotonic() - begin

        quick = asyncio.ensure_future(twice())
        await asyncio.sleep(0)
        slow = asyncio.ensure_future(threads.quick(lambda: go_on.wait(10)))
        took = await quick
        go_on.set()
        await slow
        return took

    assert asyncio.run(run()) < 5


def test_the_turn_passes_on_from_work_that_fails_or_is_not_waited_for() -> None:
    async def run() -> None:
        threads, go_on = Threads(), threading.Event()
        given_up = asyncio.ensure_future(threads.quick(lambda: go_on.wait(10)))
        waiting = asyncio.ensure_future(threads.quick(lambda: "never"))
        await asyncio.sleep(0.01)
        for task in (waiting, given_up):
            task.cancel()
        go_on.set()
        with contextlib.suppress(ZeroDivisionError):
            await threads.quick(lambda: 1 // 0)
        begin = time.monotonic()
        for _ in range(20):
            await threads.quick(lambda: None)
        assert time.monotonic() - begin < 20 * PATIENCE_S

    asyncio.run(run())


def test_one_house_may_be_asked_from_several_loops() -> None:
    threads = Threads()
    for number in range(3):
        assert asyncio.run(threads.quick(lambda number=number: number)) == number
