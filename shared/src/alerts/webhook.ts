/**
 * A change of an alert in the format of Alertmanager's webhook, version 4
 * (https://prometheus.io/docs/alerting/latest/configuration/#webhook_config), so that receivers made for that work here.
 * One message is one change. An alert whose severity changed is another one to its receivers (severity is a label), so
 * that message resolves the old and fires the new. Lost evidence is never `resolved`: the alert fires on, with the
 * annotation `state` `unknown`.
 */
import type { AlertChangeKind, Severity } from '../api/alerts.ts';

export interface WebhookAlert {
  readonly status: 'firing' | 'resolved';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** RFC 3339 */
  readonly startsAt: string;
  readonly endsAt: string;
  readonly generatorURL: string;
  readonly fingerprint: string;
}

export interface WebhookMessage {
  readonly version: '4';
  readonly groupKey: string;
  readonly truncatedAlerts: number;
  readonly status: 'firing' | 'resolved';
  readonly receiver: string;
  readonly groupLabels: Readonly<Record<string, string>>;
  readonly commonLabels: Readonly<Record<string, string>>;
  readonly commonAnnotations: Readonly<Record<string, string>>;
  readonly externalURL: string;
  readonly alerts: readonly WebhookAlert[];
}

/** What a receiver is told. */
export interface AlertNews {
  /** Who tells: `logic-node` or `logic-fleet`. */
  readonly receiver: string;
  /** What the alert is of, `alertname` first: equal for one alert from raised to cleared. */
  readonly group: Readonly<Record<string, string>>;
  readonly severity: Severity;
  readonly change: AlertChangeKind;
  readonly at: number;
  /** What was active in that place. */
  readonly before: { readonly severity: Severity; readonly since: number } | null;
  /** Told beside `change` and `state`. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** How Alertmanager writes that an alert has no end yet. */
const NO_END = '0001-01-01T00:00:00Z';

export function webhookMessageOf(news: AlertNews): WebhookMessage {
  const { receiver, group, severity, change, at, before } = news;
  const since = before?.since ?? at;
  const one = (status: 'firing' | 'resolved', level: Severity, startsAt: number): WebhookAlert => {
    const labels = { ...group, severity: level };
    return {
      status,
      labels,
      annotations: { change, state: change === 'lose' ? 'unknown' : 'known', ...news.annotations },
      startsAt: new Date(startsAt).toISOString(),
      endsAt: status === 'resolved' ? new Date(at).toISOString() : NO_END,
      generatorURL: '',
      fingerprint: fingerprint(labels),
    };
  };
  const replaced = change === 'raise' && before !== null && before.severity !== severity;
  const alerts =
    change === 'clear'
      ? [one('resolved', before?.severity ?? severity, since)]
      : [
          ...(replaced ? [one('resolved', before.severity, since)] : []),
          one('firing', severity, change === 'raise' ? at : since),
        ];
  const names = Object.entries(group).map(([name, value]) => `${name}="${value}"`);
  return {
    version: '4',
    groupKey: `{}:{${names.join(', ')}}`,
    truncatedAlerts: 0,
    status: change === 'clear' ? 'resolved' : 'firing',
    receiver,
    groupLabels: group,
    commonLabels: alerts.length === 1 ? (alerts[0]?.labels ?? group) : group,
    commonAnnotations: alerts[0]?.annotations ?? {},
    externalURL: '',
    alerts,
  };
}

const FNV_OFFSET = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;
const SEPARATOR = 0xff;

/** FNV-1a over names and values in the order of the names, as Prometheus does: equal labels, equal fingerprint. */
export function fingerprint(labels: Readonly<Record<string, string>>): string {
  let hash = FNV_OFFSET;
  const add = (byte: number) => {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * FNV_PRIME);
  };
  for (const name of Object.keys(labels).sort()) {
    for (const part of [name, labels[name] ?? '']) {
      for (const byte of Buffer.from(part)) add(byte);
      add(SEPARATOR);
    }
  }
  return hash.toString(16).padStart(16, '0');
}
