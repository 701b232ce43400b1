"""A site behind the same proxy as Portcullis: its pages read the cookie of the console."""

from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from service import claims_of

COOKIE = "access_token"  # "__Host-access_token" where cookies are secure


class Site(BaseHTTPRequestHandler):
    def do_GET(self):
        cookie = SimpleCookie(self.headers.get("Cookie", "")).get(COOKIE)
        try:
            claims = claims_of(cookie.value if cookie else "", self.client_address[0])
        except (jwt.InvalidTokenError, jwt.PyJWKClientError):
            self.send_response(303)
            self.send_header("Location", "/console/renew")
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"Welcome, {claims['sub']}".encode())

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", 8090), Site).serve_forever()
