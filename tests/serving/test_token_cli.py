from __future__ import annotations

from serving.gateway.auth_callers import Callers
from serving.gateway.auth_roles import Role
from tests.serving.test_cli import call, error_of


def test_a_new_token_is_that_of_its_line() -> None:
    made = call("token", "new", "radiology", "--role", "segment", "--role", "info", "--role", "info")
    assert (made.returncode, made.stderr) == (0, "")
    token, line = (text.partition(" ")[2].strip() for text in made.stdout.splitlines())
    caller = Callers.parse(line.encode()).with_token(token)
    assert caller is not None
    assert (caller.name, caller.roles) == ("radiology", {Role.SEGMENT, Role.INFO})
    assert token not in line


def test_two_tokens_are_unlike() -> None:
    first, second = (call("token", "new", "a", "--role", "info").stdout for _ in range(2))
    assert first != second


def test_a_name_with_blanks_would_be_two_parts_of_a_line() -> None:
    assert "must name callers by 1 to 64" in error_of(call("token", "new", "the clinic", "--role", "info"))
    assert call("token", "new", "clinic", "--role", "root").returncode == 2
    assert call("token", "new", "clinic").returncode == 2
