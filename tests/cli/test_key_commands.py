"""`searchplane key` against a service: the secret once, others' keys with the right role."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.services import Ran, Run, Served

Do = Callable[..., Ran]


@pytest.fixture
def do(service: Served, run: Run) -> Do:
    """A command that must succeed, as the first user."""

    def do(*words: str | Path) -> Ran:
        ran = run(*words, "--data", service.data)
        assert (ran.code, ran.err) == (0, ""), ran
        return ran

    return do


def test_a_key_from_creation_to_end(service: Served, do: Do) -> None:
    admin = json.loads((service.data / "admin.json").read_text())
    made = do("key", "create", "--description", "laptop").out
    fields = dict(line.split(maxsplit=1) for line in made.splitlines()[:-1] if " " in line)
    access, secret = fields["access"], fields["secret"]
    assert made.endswith("It is shown only now.\n")
    assert (len(access), len(secret)) == (20, 40)
    listed = do("key", "list").out
    assert admin["access_key"] in listed
    assert "laptop" in listed
    for words in (("list",), ("list", "--json"), ("show", access), ("show", access, "--json")):
        assert secret not in do("key", *words).out
    assert do("key", "deactivate", access).out == f"{access} is inactive.\n"
    assert json.loads(do("key", "show", access, "--json").out)["status"] == "inactive"
    assert "last use time  -\n" in do("key", "show", access).out
    assert do("key", "activate", access).out == f"{access} is active.\n"
    assert do("key", "delete", access).out == f"{access} is deleted.\n"
    assert access not in do("key", "list").out


def test_keys_of_another_user(service: Served, run: Run, do: Do) -> None:
    do("user", "create", "robot", "--no-password")
    assert do("key", "list", "--user", "robot").out == "The user has no access keys.\n"
    made = [json.loads(do("key", "create", "--user", "robot", "--json").out) for _ in range(2)]
    assert len({one["secret"] for one in made}) == 2
    assert [
        one["access"] for one in json.loads(do("key", "list", "--user", "robot", "--json").out)
    ] == [one["access"] for one in made]
    third = run("key", "create", "--user", "robot", "--data", service.data)
    assert (third.code, third.out) == (1, "")
    held = " and ".join(one["access"] for one in made)
    assert f"the user has the keys {held}, and no more are right" in third.err
    do("user", "delete", "robot")
    gone = run("key", "show", made[0]["access"], "--data", service.data)
    assert gone.code == 1
    assert "IAM.0004" in gone.err
