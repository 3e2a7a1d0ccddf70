// What the official package says of signed messages, for tests/webhooks/test_signing.py.
//
//   node webhooks.mjs < LINES
//
// Answers a line with a line, in order: {"secret", "headers", "body"} by {"ok": true, "same": BOOL}
// or {"ok": false, "why": TEXT}. `same` tells whether JavaScript writes the body, when it parsed
// it, as it was.
import { readFileSync } from 'node:fs';
import { Webhook } from 'standardwebhooks';

for (const line of readFileSync(0, 'utf-8').split('\n').filter(Boolean)) {
  const { secret, headers, body } = JSON.parse(line);
  let answer;
  try {
    const parsed = new Webhook(secret).verify(body, headers);
    answer = { ok: true, same: JSON.stringify(parsed) === body };
  } catch (error) {
    answer = { ok: false, why: error.message };
  }
  console.log(JSON.stringify(answer));
}
