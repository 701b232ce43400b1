"""Drives a server with the generated client: from the registration to the sign-out."""

import sys
from typing import TypeVar

from portcullis_client import AuthenticatedClient, Client
from portcullis_client.api.auth import (
    get_own_account,
    list_sessions,
    refresh_tokens,
    register_account,
    sign_in,
    sign_out,
)
from portcullis_client.api.authorization import check_permission
from portcullis_client.models import (
    AccountAnswer,
    AccountAnswerKind,
    CheckAnswer,
    CheckBody,
    Problem,
    ProblemCode,
    RefreshBody,
    RegistrationBody,
    SessionsAnswer,
    SignInBody,
    SignInBodyDelivery,
    TokensAnswer,
)

PASSWORD = "violet-otter-plays-7-cellos"

T = TypeVar("T")


def of(kind: type[T], answer: object) -> T:
    """The answer, which must be of this type."""
    assert isinstance(answer, kind), answer
    return answer


def drive(base_url: str) -> None:
    anyone = Client(base_url=base_url)

    def caller(tokens: TokensAnswer) -> AuthenticatedClient:
        return AuthenticatedClient(base_url=base_url, token=of(str, tokens.access_token))

    body = RegistrationBody(username="ada", email="ada@example.org", password=PASSWORD)
    assert register_account.sync_detailed(client=anyone, body=body).status_code == 201

    credentials = SignInBody(username="ada", password=PASSWORD, delivery=SignInBodyDelivery.BODY)
    tokens = of(TokensAnswer, sign_in.sync(client=anyone, body=credentials))

    account = of(AccountAnswer, get_own_account.sync(client=caller(tokens)))
    assert (account.username, account.kind) == ("ada", AccountAnswerKind.USER)

    sessions = of(SessionsAnswer, list_sessions.sync(client=caller(tokens)))
    assert [session.id for session in sessions.items] == [tokens.session_id]

    question = CheckBody(resource="schedule", action="create")
    check = of(CheckAnswer, check_permission.sync(client=caller(tokens), body=question))
    assert not check.allowed

    used = RefreshBody(refresh_token=tokens.refresh_token)
    tokens = of(TokensAnswer, refresh_tokens.sync(client=anyone, body=used))
    assert tokens.refresh_token != used.refresh_token

    wrong = SignInBody(username="ada", password="amber-walrus-paints-9-fences")
    problem = of(Problem, sign_in.sync(client=anyone, body=wrong))
    assert problem.code is ProblemCode.INVALID_CREDENTIALS

    assert sign_out.sync_detailed(client=caller(tokens)).status_code == 204
    problem = of(Problem, get_own_account.sync(client=caller(tokens)))
    assert problem.code is ProblemCode.INVALID_TOKEN


drive(sys.argv[1])
print("the client in Python has used every step")
