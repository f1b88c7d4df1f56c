/** The check of a history without a coordinator: its file, and of the coordinator's identity the certificate, which has the public key. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { HistoryCheck } from '@fleet/shared/api/history.ts';
import { identityFiles } from '../../config.ts';
import { checkHistory } from './check.ts';
import { macKeyOf } from './last-known.ts';

interface Files {
  readonly authority: string;
  readonly history: string;
}

/** What sites answered last is looked at too, where the key may be read. @throws LogicError */
export function checkHistoryOf(
  { authority, history }: Files,
  options: { readonly against?: string },
): Promise<HistoryCheck> {
  const { certificate, key } = identityFiles(authority);
  const { publicKey } = new X509Certificate(readFileSync(certificate));
  const secret = existsSync(key) ? { macKey: macKeyOf(createPrivateKey(readFileSync(key))) } : {};
  return checkHistory(history, { publicKey, ...secret, ...options });
}
