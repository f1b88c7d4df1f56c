/** The message of a change: Alertmanager's webhook format, version 4, and Prometheus's fingerprints. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fingerprint } from '@fleet/shared/alerts/webhook.ts';
import type { ActiveAlert, AlertChange } from '@fleet/shared/api/alerts.ts';
import fc from 'fast-check';
import { z } from 'zod';
import { webhookMessage } from './webhook.ts';

const BEGAN = Date.UTC(2026, 10, 24, 3, 0);
const NOW = Date.UTC(2026, 10, 24, 3, 7, 9, 50);

/** The fields of `template.Data` and of the message around it, as a receiver in Go decodes them. */
const labels = z.record(z.string(), z.string());
const status = z.enum(['firing', 'resolved']);
const time = z.iso.datetime();
const message = z.strictObject({
  version: z.literal('4'),
  groupKey: z.string().min(1),
  truncatedAlerts: z.int(),
  status,
  receiver: z.string().min(1),
  groupLabels: labels,
  commonLabels: labels,
  commonAnnotations: labels,
  externalURL: z.string(),
  alerts: z
    .array(
      z.strictObject({
        status,
        labels,
        annotations: labels,
        startsAt: time,
        endsAt: time,
        generatorURL: z.string(),
        fingerprint: z.string().regex(/^[0-9a-f]{16}$/),
      }),
    )
    .min(1),
});

const before: ActiveAlert = {
  alert: 'disk_full',
  subject: 'pve1',
  severity: 'warning',
  since: BEGAN,
  unknown: false,
};

function sent(change: AlertChange['change'], severity: AlertChange['severity'], was: ActiveAlert | null) {
  const told = { alert: 'disk_full', subject: 'pve1', severity, change, at: NOW, revision: 7 };
  const { status, alerts, commonLabels, groupLabels } = message.parse(
    JSON.parse(JSON.stringify(webhookMessage('garage', told, was))),
  );
  assert.deepEqual(groupLabels, { alertname: 'disk_full', site: 'garage', subject: 'pve1' });
  for (const [name, value] of Object.entries(commonLabels))
    for (const { labels } of alerts) assert.equal(labels[name], value);
  return {
    status,
    alerts: alerts.map((one) => [
      one.status,
      one.labels.severity,
      one.startsAt,
      one.endsAt,
      one.annotations.state,
    ]),
  };
}

const began = new Date(BEGAN).toISOString();
const now = new Date(NOW).toISOString();
const never = '0001-01-01T00:00:00Z';

test('raised is firing from now, with no end', () => {
  const expected = { status: 'firing', alerts: [['firing', 'warning', now, never, 'known']] };
  assert.deepEqual(sent('raise', 'warning', null), expected);
});

test('cleared is resolved, from when it began to now', () => {
  const expected = { status: 'resolved', alerts: [['resolved', 'warning', began, now, 'known']] };
  assert.deepEqual(sent('clear', 'warning', before), expected);
});

test('lost evidence is never resolved: it fires on, unknown, and known when it is back', () => {
  const state = (word: string) => ({
    status: 'firing',
    alerts: [['firing', 'warning', began, never, word]],
  });
  assert.deepEqual(sent('lose', 'warning', before), state('unknown'));
  assert.deepEqual(sent('regain', 'warning', { ...before, unknown: true }), state('known'));
});

test('another severity resolves the old alert and fires the new one, in one message', () => {
  assert.deepEqual(sent('raise', 'critical', before), {
    status: 'firing',
    alerts: [
      ['resolved', 'warning', began, now, 'known'],
      ['firing', 'critical', now, never, 'known'],
    ],
  });
});

test('a fingerprint is the one that Prometheus computes', () => {
  // From the tests of github.com/prometheus/common/model: TestLabelsToSignature.
  const known = { name: 'garland, briggs', fear: 'love is not enough' };
  assert.equal(fingerprint(known), 5799056148416392346n.toString(16).padStart(16, '0'));
  assert.equal(fingerprint({}), 14695981039346656037n.toString(16));
});

test('equal labels in any order have equal fingerprints, and other labels another one', () => {
  const some = fc.dictionary(fc.string(), fc.string(), { maxKeys: 6, noNullPrototype: true });
  fc.assert(
    fc.property(some, some, fc.infiniteStream(fc.nat()), (one, other, random) => {
      const [...shuffled] = Object.entries(one)
        .map((entry) => [random.next().value ?? 0, entry] as const)
        .sort(([a], [b]) => a - b)
        .map(([, entry]) => entry);
      assert.equal(fingerprint(Object.fromEntries(shuffled)), fingerprint(one));
      const same =
        JSON.stringify(Object.entries(one).sort()) === JSON.stringify(Object.entries(other).sort());
      assert.equal(fingerprint(one) === fingerprint(other), same);
    }),
  );
});

test('an alert keeps its fingerprint from raised to cleared, and each severity has its own', () => {
  const of = (change: AlertChange['change'], severity: AlertChange['severity']) => {
    const told = { alert: 'a', subject: 'b', severity, change, at: NOW, revision: 7 };
    const was = change === 'raise' ? null : { ...before, severity };
    return webhookMessage('garage', told, was).alerts[0]?.fingerprint;
  };
  assert.equal(of('raise', 'warning'), of('clear', 'warning'));
  assert.equal(of('raise', 'warning'), of('lose', 'warning'));
  assert.notEqual(of('raise', 'warning'), of('raise', 'critical'));
});
