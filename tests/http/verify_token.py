"""Checks the access token on standard input with PyJWT, as a service in another language would, and
prints its claims.

    verify_token.py JWKS_URL ALGORITHM ISSUER AUDIENCE NOW

NOW is the server's time in seconds: the clock of a test stands still.
"""

import json
import sys

import jwt

url, algorithm, issuer, audience, now = sys.argv[1:]
token = sys.stdin.read()
key = jwt.PyJWKClient(url).get_signing_key_from_jwt(token)
claims = jwt.decode(
    token,
    key.key,
    algorithms=[algorithm],
    issuer=issuer,
    audience=audience,
    options={"require": ["exp", "iat", "sub", "jti"], "verify_exp": False, "verify_iat": False},
)
if not claims["iat"] <= int(now) < claims["exp"]:
    raise jwt.ExpiredSignatureError
print(json.dumps(claims))
