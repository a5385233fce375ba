#!/bin/sh
# Erase something from a picture: API_KEY=... sh erase.sh IMAGE MASK RESULT
set -eu
curl -sS --fail-with-body -o "$3" \
  -H "Authorization: Bearer $API_KEY" \
  -F "image=@$1" -F "mask=@$2" \
  "${BASE_URL:-http://127.0.0.1:8000}/erase"
