"""Renders a template so that it does nothing but put texts together, and not too many.

What it can name, hold, call and ask for is written down (:mod:`template_words`, :mod:`plain_values`); there is no list
of what is forbidden. All that it makes is counted: each value on being made, each step of a loop, each call. So neither
its time nor its memory grows beyond what the count allows. What could be large at once (a text a million times) is
judged before it is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, NoReturn

from jinja2 import StrictUndefined, Undefined, nodes
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS as OF_JINJA
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment, SandboxedFormatter
from jinja2.visitor import NodeTransformer
from typing_extensions import override

from airflow_sm_pipelines.expressions.growth import check_call, check_filter, check_operation
from airflow_sm_pipelines.expressions.plain_values import (
    Budget,
    Function,
    Names,
    NotPlainError,
    Reader,
    TooMuchError,
    kind_of,
    plain,
)
from airflow_sm_pipelines.expressions.template_words import ATTRIBUTES, FILTERS, LOOP, MAX_TEMPLATE, STATEMENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_OUTPUT = 10_000
"""How many characters may come out of a template."""
_MADE, _JOINED, _GONE_THROUGH = "~made", "~joined", "~gone through"
_NOTHING = object()


def render(text: str, names: Mapping[str, Any], filters: Mapping[str, Callable[..., Any]]) -> str:
    """What a template comes to.

    :param names: plain values, :class:`Function` and their like
    :param filters: those beside Jinja's
    :raises Exception: where it cannot be rendered
    """
    if len(text) > MAX_TEMPLATE:
        raise TooMuchError(f"it has {len(text):,} characters, and at most {MAX_TEMPLATE:,} are read")
    budget = Budget()
    environment = _Environment(budget, filters)
    tree = environment.parse(text)
    for node in tree.find_all(nodes.Node):
        if type(node).__name__ not in STATEMENTS or getattr(node, "recursive", False):
            raise SecurityError(f"a template cannot have a {type(node).__name__}")
    counted: Any = _Counted().visit(tree)
    counted.set_environment(environment)
    parts, length = [], 0
    given = {name: plain(value, budget) for name, value in names.items()}
    for part in environment.from_string(counted).generate(given):
        parts.append(part)
        length += len(part)
        if length > MAX_OUTPUT:
            raise TooMuchError(f"more than {MAX_OUTPUT:,} characters come out of it")
    return "".join(parts)


class _Counted(NodeTransformer):
    """Lets the environment see what Jinja would put together by itself."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 # Jinja's names
        self.generic_visit(node)
        return _filter(nodes.Tuple(node.nodes, "load", lineno=node.lineno), _JOINED)

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filter(node, _MADE)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filter(node, _MADE) if node.ctx == "load" else node

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filter(node, _MADE)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.expr = _filter(node.expr, _MADE)
        for operand in node.ops:
            operand.expr = _filter(operand.expr, _MADE)
        return node

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.iter = _filter(node.iter, _GONE_THROUGH)
        return node


def _filter(node: Any, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset(ImmutableSandboxedEnvironment.default_binop_table)
    intercepted_unops = frozenset(ImmutableSandboxedEnvironment.default_unop_table)

    def __init__(self, budget: Budget, filters: Mapping[str, Callable[..., Any]]) -> None:
        # No loader: a template takes in no file. Nothing is worked out before the rendering, which counts.
        super().__init__(undefined=StrictUndefined, cache_size=0, optimized=False, finalize=self._shown)
        self._budget = budget
        self.globals = {"range": Function("range", range), "dict": Function("dict", dict)}
        own = {_MADE: self._made_of, _JOINED: self._joined, _GONE_THROUGH: self._gone_through}
        known = {name: OF_JINJA[name] for name in FILTERS}
        self.filters = {
            **{name: self._filter(name, function) for name, function in {**known, **filters}.items()},
            **own,
        }
        tests: dict[str, Any] = {**self.tests}
        self.tests = {name: self._test(function) for name, function in tests.items()}

    @override
    def getattr(self, obj: Any, attribute: str) -> Any:
        if (value := self._attribute(obj, attribute)) is not _NOTHING:
            return value
        if (value := self._item(obj, attribute)) is not _NOTHING:
            return value
        return self._missing(obj, attribute)

    @override
    def getitem(self, obj: Any, argument: Any) -> Any:
        if (value := self._item(obj, argument)) is not _NOTHING:
            return value
        if isinstance(argument, str) and (value := self._attribute(obj, argument)) is not _NOTHING:
            return value
        return self._missing(obj, argument)

    def _attribute(self, obj: Any, name: str) -> Any:
        self._budget.spend(1)
        if isinstance(obj, Reader):
            return obj.get if name == "get" else _NOTHING
        if isinstance(obj, LoopContext):
            value = getattr(obj, name) if name in LOOP else _NOTHING
            return Function(name, value) if callable(value) else value
        for of, names in ATTRIBUTES:
            if isinstance(obj, of):
                if name not in names:
                    return _NOTHING
                value = getattr(obj, name, _NOTHING)
                return Function(name, partial(self._method, obj, name)) if callable(value) else self._made_of(value)
        return _NOTHING

    def _item(self, obj: Any, key: Any) -> Any:
        self._budget.spend(1)
        if isinstance(obj, Names):
            if isinstance(key, str) and key in obj.later:
                return plain(obj.later[key](), self._budget)
            return plain(obj.members[key], self._budget) if isinstance(key, str) and key in obj.members else _NOTHING
        if isinstance(obj, Reader):
            return plain(obj.read(key), self._budget) if isinstance(key, str) else _NOTHING
        if isinstance(obj, str | list | tuple | dict | range):
            try:
                return obj[key]
            except (TypeError, LookupError):
                return _NOTHING
        return _NOTHING

    def _missing(self, obj: Any, name: Any) -> Undefined:
        if isinstance(obj, Undefined):
            # It says what it is that is not there.
            str(obj)
        if isinstance(obj, Names):
            return self.undefined(f"{obj.label} has no attribute {name!r}, but {', '.join(sorted(obj.known))}")
        return self.undefined(obj=obj, name=name)

    def _method(self, obj: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        self._go_through(obj)
        check_call(obj, name, args, kwargs)
        if isinstance(obj, str) and name == "format":
            return SandboxedFormatter(self).vformat(obj, args, kwargs)
        return getattr(obj, name)(*args, **kwargs)

    @override
    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return False

    @override
    def is_safe_callable(self, obj: Any) -> bool:
        return isinstance(obj, Function) or (isinstance(obj, Names) and obj.call is not None)

    @override
    def call(self, context: Any, obj: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(obj, Undefined):
            obj()
        # Jinja's own, which a function that asks for the context would get.
        kwargs = {name: value for name, value in kwargs.items() if name not in ("_loop_vars", "_block_vars")}
        if not self.is_safe_callable(obj):
            label = obj.label if isinstance(obj, Names) else kind_of(obj)
            raise SecurityError(f"{label} is no function of a template")
        self._go_through(*args, *kwargs.values())
        return self._made_of(obj.call(*args, **kwargs))

    @override
    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        check_operation(operator, left, right)
        return self._made_of(super().call_binop(context, operator, left, right))

    @override
    def call_unop(self, context: Any, operator: str, arg: Any) -> Any:
        return self._made_of(super().call_unop(context, operator, arg))

    def _filter(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def counted(*args: Any, **kwargs: Any) -> Any:
            self._go_through(*args, *kwargs.values())
            check_filter(name, args, kwargs)
            return self._made_of(function(*args, **kwargs))

        return counted

    def _test(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def counted(*args: Any, **kwargs: Any) -> Any:
            self._go_through(*args, *kwargs.values())
            return function(*args, **kwargs)

        return counted

    def _go_through(self, *values: Any) -> None:
        """Count what a function may have to go through."""
        for value in values:
            if isinstance(value, str | list | tuple | dict | range):
                plain(value, self._budget)

    def _made_of(self, value: Any) -> Any:
        """A value that has come about, plain and counted. What is to be gone through is gone through now."""
        if isinstance(value, Undefined) or value is _NOTHING:
            return value
        if isinstance(value, Iterator) or type(value) in _VIEWS:
            value = [*self._each(value)]
        return plain(value, self._budget)

    def _each(self, values: Iterator[Any]) -> Iterator[Any]:
        for value in values:
            self._budget.spend(1)
            yield value

    def _joined(self, values: tuple[Any, ...]) -> str:
        return self._made_of("".join(self._shown(value) for value in values))  # type: ignore[no-any-return]

    def _gone_through(self, values: Any) -> Any:
        if isinstance(values, Undefined):
            return iter(values)
        if not isinstance(values, str | list | tuple | dict | range):
            raise NotPlainError(f"{kind_of(values)} has no members to go through")
        self._budget.spend(1 + len(values))
        return values

    def _shown(self, value: Any) -> str:
        """The text of a value."""
        if isinstance(value, Function | Names | Reader):
            _refuse_text(value)
        return str(value if isinstance(value, Undefined) else plain(value, self._budget))


_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))


def _refuse_text(value: Function | Names | Reader) -> NoReturn:
    hint = "call it" if isinstance(value, Function) else "name a member of it"
    raise NotPlainError(f"{value.label} is no text: {hint}")
