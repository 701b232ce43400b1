"""Parses each mail of standard input strictly, and prints what a mail program reads in it.

    parse_mails.py < MAILS

MAILS has one mail in each line, in hexadecimal digits; each line of the output is the JSON object of one mail.
The script fails at a violation of RFC 5322, RFC 2045 or RFC 2047, at a byte outside ASCII, and at HTML whose
elements are not closed in order.
"""

import email
import email.policy
import html.parser
import json
import sys

STRICT = email.policy.SMTP.clone(raise_on_defect=True)

MAX_LINE = 998  # RFC 5322 section 2.1.1

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.elements, self.text = [], [], ""

    def handle_starttag(self, tag, attributes):
        self.elements.append([tag, attributes])
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise ValueError(f"</{tag}> closes another element")

    def handle_data(self, data):
        self.text += data

    def unknown_decl(self, data):
        raise ValueError(f"unknown declaration {data}")

    def handle_comment(self, data):
        raise ValueError(f"comment {data}")


def page(source):
    parsed = Page()
    parsed.feed(source)
    parsed.close()
    if parsed.open:
        raise ValueError(f"{parsed.open} are not closed")
    return parsed


def mail(raw):
    if not raw.isascii():
        raise ValueError("a byte outside ASCII")
    for line in raw.split(b"\r\n"):
        if len(line) > MAX_LINE or b"\r" in line or b"\n" in line or b"\0" in line:
            raise ValueError(f"malformed line {line[:80]}")
    message = email.message_from_bytes(raw, policy=STRICT)
    for part in message.walk():
        defects = [*part.defects, *(defect for value in part.values() for defect in value.defects)]
        if defects:
            raise ValueError(f"{defects} in {part.get_content_type()}")
    text, markup = message.iter_parts()
    parsed = page(markup.get_content())
    return {
        "headers": [[name, str(value)] for name, value in message.items() if name != "Content-Type"],
        "type": message.get_content_type(),
        "types": [part.get_content_type() for part in (text, markup)],
        "charsets": [part.get_content_charset() for part in (text, markup)],
        "to": [address.addr_spec for address in message["To"].addresses],
        "text": text.get_content(),
        "elements": parsed.elements,
        "html_text": parsed.text,
    }


for line in sys.stdin:
    print(json.dumps(mail(bytes.fromhex(line))))
