"""The little of `requests` that the samples use, for machines that do not have it."""

import json as _json
import urllib.error
import urllib.request


class Response:
    def __init__(self, status_code, text):
        self.status_code = status_code
        self.text = text

    def json(self):
        return _json.loads(self.text)


def _send(method, url, headers=None, json=None):
    body = None if json is None else _json.dumps(json).encode()
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return Response(answer.status, answer.read().decode())
    except urllib.error.HTTPError as error:
        return Response(error.code, error.read().decode())


def get(url, headers=None):
    return _send("GET", url, headers)


def post(url, headers=None, json=None):
    return _send("POST", url, headers, json)
