#!/usr/bin/env python3
"""One picture with Python: submit, wait for the end, fetch the file.

LUMEGATE_URL and LUMEGATE_API_KEY are read from the environment; needs nothing but Python 3.8 or later.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid

URL = os.environ.get("LUMEGATE_URL", "http://127.0.0.1:3000")
KEY = os.environ["LUMEGATE_API_KEY"]
FINAL_STATES = {"COMPLETED", "FAILED", "CANCELLED"}
TRIES_MAX = 5


def ask(method, path, body=None, headers=None):
    """Sends a request; at 429 and 503 waits as Retry-After says and sends it again."""
    for attempt in range(1, TRIES_MAX + 1):
        request = urllib.request.Request(
            URL + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-API-Key": KEY, "Content-Type": "application/json", **(headers or {})},
        )
        try:
            with urllib.request.urlopen(request, timeout=90) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            if error.code not in (429, 503) or attempt == TRIES_MAX:
                sys.exit(f"HTTP {error.code}: {error.read().decode()}")
            time.sleep(int(error.headers.get("Retry-After", "1")))


def main():
    accepted = ask(
        "POST",
        "/v2/images/generate",
        {
            "model": "flux-1.1-pro",
            "prompt": "a sleek silver sports car on a coastal highway at sunset, hyper-realistic",
            "fluxParams": {"aspect_ratio": "16:9"},
        },
        # With it the request may be sent again: the same key never makes a second job.
        {"Idempotency-Key": str(uuid.uuid4())},
    )
    print("Job", accepted["jobId"], file=sys.stderr)
    while True:
        # Each request waits up to 30 s for the end, so that nobody asks again and again.
        job = ask("GET", f"/v2/jobs/{accepted['jobId']}?wait=30")
        print(job["status"], file=sys.stderr)
        if job["status"] in FINAL_STATES:
            break
    print(json.dumps(job))
    if job["status"] != "COMPLETED":
        sys.exit(1)
    image = job["result"]["images"][0]
    file = image.rsplit("/", 1)[-1]
    urllib.request.urlretrieve(image, file)
    print("Saved", file, file=sys.stderr)


main()
