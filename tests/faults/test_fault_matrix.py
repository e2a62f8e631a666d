"""The fault matrix: whatever dies or fails, one job per attempt, none left running, no attempt lost."""

import pytest

from tests.faults.bench import Round
from tests.faults.cells import Cell
from tests.faults.conftest import PLANNED, Matrix
from tests.system.processes import shown_on_failure

pytestmark = [pytest.mark.system, pytest.mark.timeout(7200)]

CELLS = [(each, cell) for each in PLANNED for cell in each.cells]


@pytest.mark.parametrize(("what", "cell"), CELLS, ids=[cell.id for _, cell in CELLS])
def test_cell(matrix: Matrix, what: Round, cell: Cell, request: pytest.FixtureRequest) -> None:
    with shown_on_failure(matrix.bench.deployment.processes, request):
        assert matrix.look(what, cell).faults(cell.row.expected) == []
