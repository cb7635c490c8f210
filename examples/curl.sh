#!/bin/sh
# One picture with curl: submit, wait for the end, fetch the file.
# LUMEGATE_URL and LUMEGATE_API_KEY are read from the environment; needs nothing but curl, sed and grep.
set -eu
: "${LUMEGATE_API_KEY:?set LUMEGATE_API_KEY to a key of your gateway}"
url="${LUMEGATE_URL:-http://127.0.0.1:3000}"

# Prints the body of an answer. -f ends with an error at 4xx and 5xx; curl itself waits as Retry-After says and asks
# again at 429 and 503. The Idempotency-Key makes it safe to submit again: the same key never makes a second job.
ask() {
  curl -sS --fail-with-body --retry 5 --retry-max-time 120 -H "X-API-Key: $LUMEGATE_API_KEY" "$@"
}

# The text of a field of a flat piece of JSON.
field() {
  sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"
}

accepted=$(ask -X POST "$url/v2/images/generate" \
  -H "Content-Type: application/json" \
  -H "Idempotency-Key: example-$(date +%s)-$$" \
  -d '{
    "model": "flux-1.1-pro",
    "prompt": "a sleek silver sports car on a coastal highway at sunset, hyper-realistic",
    "fluxParams": { "aspect_ratio": "16:9" }
  }')
job=$(printf '%s' "$accepted" | field jobId)
echo "Job $job" >&2

# Each request waits up to 30 s for the end, so that nobody asks again and again. Three states are final.
while :; do
  answer=$(ask "$url/v2/jobs/$job?wait=30")
  status=$(printf '%s' "$answer" | field status)
  echo "$status" >&2
  case "$status" in
    COMPLETED) break ;;
    FAILED | CANCELLED)
      printf '%s\n' "$answer"
      exit 1
      ;;
  esac
done

image=$(printf '%s' "$answer" | grep -o '"images":\["[^"]*"' | sed 's/.*\["//; s/"$//')
file="${image##*/}"
curl -sS --fail -o "$file" "$image"
echo "Saved $file" >&2
printf '%s\n' "$answer"
