from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from engines import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    with capture_logs() as house.logs:  # a log for people would draw every traceback, slowly
        yield house
        house.close()
        house.store.close()
