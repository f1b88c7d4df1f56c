/** A change of one of this site's alerts, as its receivers get it (shared/src/alerts/webhook.ts). */
import { type WebhookMessage, webhookMessageOf } from '@fleet/shared/alerts/webhook.ts';
import type { ActiveAlert, AlertChange } from '@fleet/shared/api/alerts.ts';

/** `before` is what was active in that place. */
export function webhookMessage(
  site: string,
  { alert, subject, severity, change, at }: AlertChange,
  before: ActiveAlert | null,
): WebhookMessage {
  const group = { alertname: alert, site, subject };
  return webhookMessageOf({ receiver: 'logic-node', group, severity, change, at, before });
}
