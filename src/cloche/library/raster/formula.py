"""Formulas over rasters, taken apart by ``ast``: a handful of node types and functions is known, all else refused.

Everything is float64; NaN is no data and spreads through every operation, comparisons and logic too. Numbers are
never Python's: ``9**9**9`` is infinity at once, not an hour of work.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cloche.process import ProcessError

MAX_LENGTH = 1000
MAX_NODES = 250
Operand = Callable[[Mapping[tuple[str, int], Any]], Any]


def _spreading(compute: Callable[..., Any]) -> Callable[..., Any]:
    """Truth values as 0 and 1, and NaN where an operand is NaN."""

    def computed(*operands: Any) -> Any:
        absent = np.isnan(operands[0])
        for operand in operands[1:]:
            absent = absent | np.isnan(operand)
        return np.where(absent, np.nan, compute(*operands).astype("float64"))

    return computed


def _where(condition: Any, yes: Any, no: Any) -> Any:
    return np.where(np.isnan(condition), np.nan, np.where(condition != 0, yes, no))


_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: np.mod,
    ast.Pow: np.power,
    ast.BitAnd: _spreading(np.logical_and),
    ast.BitOr: _spreading(np.logical_or),
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: np.positive,
    ast.USub: np.negative,
    ast.Not: _spreading(np.logical_not),
    ast.Invert: _spreading(np.logical_not),
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: _spreading(operator.lt),
    ast.LtE: _spreading(operator.le),
    ast.Gt: _spreading(operator.gt),
    ast.GtE: _spreading(operator.ge),
    ast.Eq: _spreading(operator.eq),
    ast.NotEq: _spreading(operator.ne),
}
FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "abs": (1, np.abs),
    "sqrt": (1, np.sqrt),
    "exp": (1, np.exp),
    "log": (1, np.log),
    "log10": (1, np.log10),
    "sin": (1, np.sin),
    "cos": (1, np.cos),
    "tan": (1, np.tan),
    "asin": (1, np.arcsin),
    "acos": (1, np.arccos),
    "atan": (1, np.arctan),
    "atan2": (2, np.arctan2),
    "radians": (1, np.radians),
    "degrees": (1, np.degrees),
    "floor": (1, np.floor),
    "ceil": (1, np.ceil),
    "round": (1, np.round),
    "sign": (1, np.sign),
    "min": (2, np.minimum),
    "max": (2, np.maximum),
    "where": (3, _where),
    "isnodata": (1, lambda operand: np.isnan(operand).astype("float64")),
}
_CONSTANTS = {"pi": np.pi, "e": np.e, "nodata": np.nan}


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """A formula. ``uses``: the rasters and bands in it; ``compute`` takes their cells and gives the result's."""

    uses: frozenset[tuple[str, int]]
    compute: Operand


def parse(text: str, rasters: Mapping[str, int]) -> Formula:
    """The formula in ``text``; ``rasters`` says how many bands each name has.

    ``A`` is the first band of raster A, ``A[2]`` its second. Raises ProcessError, which names the input ``expression``
    and what is wrong.
    """
    if len(text) > MAX_LENGTH:
        raise _wrong(f"the expression is longer than {MAX_LENGTH} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else "it cannot be parsed"
        raise _wrong(f"{text[:100]!r} is no expression: {reason}") from None
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise _wrong("the expression is too complicated")
    uses: set[tuple[str, int]] = set()
    compute = _Reader(rasters, uses).read(tree)
    if not uses:
        raise _wrong("the expression uses no raster")
    return Formula(uses=frozenset(uses), compute=compute)


def _wrong(text: str) -> ProcessError:
    return ProcessError(text, input="expression")


@dataclass(frozen=True, slots=True)
class _Reader:
    rasters: Mapping[str, int]
    uses: set[tuple[str, int]]

    def read(self, node: ast.expr) -> Operand:
        match node:
            case ast.Constant(value=bool() | int() | float()):
                return _constant(node)
            case ast.Name(id=name) if name in _CONSTANTS:
                number = np.float64(_CONSTANTS[name])
                return lambda _: number
            case ast.Name(id=name):
                return self._raster(name, 1)
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=int(band))):
                return self._raster(name, band)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._call(name, arguments)
            case _:
                return self._operation(node)

    def _operation(self, node: ast.expr) -> Operand:
        match node:
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return _applied(_BINARY[type(op)], [self.read(left), self.read(right)])
            case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
                return _applied(_UNARY[type(op)], [self.read(operand)])
            case ast.BoolOp(op=op, values=values):
                join = _BINARY[ast.BitAnd if isinstance(op, ast.And) else ast.BitOr]
                return _folded(join, [self.read(value) for value in values])
            case ast.Compare(left=left, ops=ops, comparators=right) if all(type(op) in _COMPARE for op in ops):
                operands = [self.read(operand) for operand in (left, *right)]
                pairs = [_applied(_COMPARE[type(op)], operands[place : place + 2]) for place, op in enumerate(ops)]
                return _folded(_BINARY[ast.BitAnd], pairs)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return _applied(_where, [self.read(test), self.read(body), self.read(orelse)])
            case _:
                raise _wrong(f"{ast.unparse(node)[:60]!r} is not allowed in an expression")

    def _raster(self, name: str, band: int) -> Operand:
        if name not in self.rasters:
            names = ", ".join(self.rasters)
            raise _wrong(f"there is no raster {name[:40]!r}; there are: {names}")
        if not 1 <= band <= self.rasters[name]:
            raise _wrong(f"raster {name} has no band {band}; it has {self.rasters[name]}")
        key = (name, band)
        self.uses.add(key)
        return lambda cells: cells[key]

    def _call(self, name: str, arguments: list[ast.expr]) -> Operand:
        if name not in FUNCTIONS:
            raise _wrong(f"there is no function {name[:40]!r}; there are: {', '.join(FUNCTIONS)}")
        count, function = FUNCTIONS[name]
        folds = name in ("min", "max") and len(arguments) > count
        if len(arguments) != count and not folds:
            raise _wrong(f"the function {name} takes {count} values, not {len(arguments)}")
        operands = [self.read(argument) for argument in arguments]
        return _folded(function, operands) if folds else _applied(function, operands)


def _constant(node: ast.Constant) -> Operand:
    try:
        number = np.float64(node.value)  # type: ignore[arg-type]  # the pattern has seen that it is a number
    except OverflowError:
        raise _wrong("a number in the expression is too large") from None
    return lambda _: number


def _applied(function: Callable[..., Any], operands: list[Operand]) -> Operand:
    return lambda cells: function(*(operand(cells) for operand in operands))


def _folded(function: Callable[[Any, Any], Any], operands: list[Operand]) -> Operand:
    def computed(cells: Mapping[tuple[str, int], Any]) -> Any:
        result = operands[0](cells)
        for operand in operands[1:]:
            result = function(result, operand(cells))
        return result

    return computed
