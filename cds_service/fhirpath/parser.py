"""From tokens to a syntax tree: precedence climbing over the FHIRPath 2.0 grammar."""

from decimal import Decimal

from .errors import FhirPathError
from .lexer import Token, tokens_of
from .limits import MAX_DEPTH, check_length
from .nodes import (
    Binary,
    Call,
    Empty,
    Index,
    Literal,
    Member,
    Node,
    Special,
    TypeTest,
    Unary,
    Variable,
)
from .quantities import Quantity
from .units import CALENDAR_WORDS

# How tightly each operator binds (FHIRPath 2.0, 6.8); all are left-associative.
PRECEDENCE = {
    "implies": 1,
    "or": 2, "xor": 2,
    "and": 3,
    "in": 4, "contains": 4,
    "=": 5, "!=": 5, "~": 5, "!~": 5,
    "<": 6, "<=": 6, ">": 6, ">=": 6,
    "|": 7,
    "is": 8, "as": 8,
    "+": 9, "-": 9, "&": 9,
    "*": 10, "/": 10, "div": 10, "mod": 10,
}  # fmt: skip
UNARY = 11  # a sign binds tighter than any binary operator, looser than a path
# Words of the grammar that are also names: `as`, `contains`, `in` and `is` are allowed as such.
KEYWORDS = frozenset(
    {"and", "or", "xor", "implies", "div", "mod", "true", "false", *CALENDAR_WORDS}
)
_BOOLEANS = {"true": True, "false": False}
_SPECIALS = ("$this", "$index", "$total")
_NESTING = MAX_DEPTH // 2  # brackets within brackets; each costs several Python frames


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = tokens_of(text)
        self.place = 0
        self.nesting = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.place]

    def take(self) -> Token:
        token = self.token
        self.place += 1
        return token

    def at(self, *symbols: str) -> bool:
        return self.token.kind == "symbol" and self.token.value in symbols

    def expect(self, symbol: str) -> Token:
        if not self.at(symbol):
            raise self.unexpected(f"expected '{symbol}'")
        return self.take()

    def unexpected(self, wanted: str, hint: str | None = None) -> FhirPathError:
        token = self.token
        found = "the end" if token.kind == "end" else repr(token.value)
        return FhirPathError(f"{wanted} but found {found}", None, token.position, hint)

    def expression(self, level: int = 0) -> Node:
        self.nesting += 1
        if self.nesting > _NESTING:
            raise FhirPathError("nested too deeply", None, self.token.position)
        left = self.unary()
        while True:
            token = self.token
            operator = token.value if token.kind in ("symbol", "name") else None
            binding = PRECEDENCE.get(operator, 0) if isinstance(operator, str) else 0
            if binding <= level:
                break
            self.take()
            if operator in ("is", "as"):
                left = TypeTest(operator, left, self.type_name(), token.position)
            else:
                left = Binary(str(operator), left, self.expression(binding), token.position)
        self.nesting -= 1
        return left

    def unary(self) -> Node:
        if self.at("+", "-"):
            sign = self.take()
            return Unary(sign.value, self.expression(UNARY - 1), sign.position)
        return self.path(self.term())

    def type_name(self) -> str:
        name = self.name("a type name")
        while self.at("."):
            self.take()
            name = f"{name}.{self.name('a type name')}"
        return name

    def name(self, wanted: str) -> str:
        token = self.token
        if token.kind == "delimited":
            return str(self.take().value)
        if token.kind == "literal" and type(token.value) in (int, Decimal):
            raise self.unexpected(f"expected {wanted}", self.number_hint())
        if token.kind != "name":
            raise self.unexpected(f"expected {wanted}")
        if token.value in KEYWORDS:
            hint = f"'{token.value}' is a word of the language: write `{token.value}`"
            raise self.unexpected(f"expected {wanted}", hint)
        return str(self.take().value)

    def number_hint(self) -> str:
        """For a name that starts with a digit, such as 6w3m: how to write it."""
        token, following = self.token, self.tokens[self.place + 1]
        joined = following.kind == "name" and following.position == token.end
        name = f"{token.value}{following.value if joined else ''}"
        return f"a name that starts with a digit needs backticks: write `{name}`"

    def path(self, base: Node) -> Node:
        while self.at(".", "["):
            opening = self.take()
            if opening.value == ".":
                base = self.step(base)
                continue
            base = Index(base, self.expression(), opening.position)
            self.expect("]")
        return base

    def step(self, base: Node | None) -> Node:
        position = self.token.position
        if base is not None and self.token.kind == "special":
            raise self.unexpected("expected a name")
        name = self.name("a name")
        if not self.at("("):
            return Member(base, name, position)
        return Call(base, name, self.arguments(), position)

    def arguments(self) -> tuple[Node, ...]:
        self.expect("(")
        found: list[Node] = []
        while not self.at(")"):
            if found:
                self.expect(",")
            found.append(self.expression())
        self.take()
        return tuple(found)

    def term(self) -> Node:
        token = self.token
        match token.kind:
            case "literal":
                return self.literal(self.take())
            case "special":
                return self.special(self.take())
            case "name" if token.value in _BOOLEANS:
                return Literal(_BOOLEANS[self.take().value], token.position)
            case "name" | "delimited":
                return self.step(None)
            case "symbol" if token.value in ("(", "{", "%"):
                return self.bracketed(self.take())
        raise self.unexpected("expected a value")

    def bracketed(self, opening: Token) -> Node:
        if opening.value == "%":
            return self.variable(opening)
        if opening.value == "{":
            self.expect("}")
            return Empty(opening.position)
        inner = self.expression()
        self.expect(")")
        return inner

    def variable(self, percent: Token) -> Node:
        if self.token.kind == "literal" and isinstance(self.token.value, str):
            return Variable(self.take().value, percent.position)
        return Variable(self.name("a variable's name"), percent.position)

    def special(self, token: Token) -> Node:
        if token.value not in _SPECIALS:
            known = "there are $this, $index and $total"
            raise FhirPathError(f"unknown {token.value}", None, token.position, known)
        return Special(token.value, token.position)

    def literal(self, token: Token) -> Node:
        value = token.value
        if type(value) not in (int, Decimal):
            return Literal(value, token.position)
        following = self.token
        if following.kind == "literal" and isinstance(following.value, str):
            unit = self.take().value
            return Literal(Quantity(Decimal(value), CALENDAR_WORDS.get(unit, unit)), token.position)
        if following.kind == "name" and following.value in CALENDAR_WORDS:
            unit = CALENDAR_WORDS[self.take().value]
            return Literal(Quantity(Decimal(value), unit), token.position)
        if following.kind == "name" and following.position == token.end:
            raise self.unexpected("expected an operator", "is a unit meant? write 5 'mg'")
        return Literal(value, token.position)


def parse(text: str) -> Node:
    """The syntax tree of one whole expression; FhirPathError with position and, often, a hint."""
    try:
        check_length(text)
        parser = _Parser(text)
        tree = parser.expression()
        if parser.token.kind != "end":
            raise parser.unexpected("expected an operator or the end")
    except FhirPathError as error:
        raise error.within(text) from None
    return tree
