"""A service that only lets signed-in people in: GET /me. It needs Python 3.9 and PyJWT with cryptography."""

import ipaddress
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt

ISSUER = "http://127.0.0.1:8080"
KEYS = jwt.PyJWKClient(ISSUER + "/.well-known/jwks.json", lifespan=300)


def claims_of(token, client):
    """The claims of a valid access token; raises jwt.InvalidTokenError or jwt.PyJWKClientError."""
    if jwt.get_unverified_header(token).get("typ") != "at+jwt":
        raise jwt.InvalidTokenError("it is no access token")
    claims = jwt.decode(
        token,
        KEYS.get_signing_key_from_jwt(token).key,
        algorithms=["EdDSA"],
        issuer=ISSUER,
        audience="portcullis",
        leeway=5,
        options={"require": ["exp", "iat", "sub", "sid", "jti"]},
    )
    if claims.get("password_must_change") or claims.get("factor_required"):
        raise jwt.InvalidTokenError("the account has something to do first")
    networks = claims.get("networks")
    address = ipaddress.ip_address(client)
    if networks and not any(address in ipaddress.ip_network(it) for it in networks.split()):
        raise jwt.InvalidTokenError("the account may not be used from there")
    return claims


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        try:
            if self.path != "/me" or scheme.lower() != "bearer":
                raise jwt.InvalidTokenError("no bearer token")
            claims = claims_of(token, self.client_address[0])
        except (jwt.InvalidTokenError, jwt.PyJWKClientError):
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Bearer")
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"account": claims["sub"], "role": claims["role"]}).encode())

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", 8090), Handler).serve_forever()
