/**
 * Invitations, in the registry's own file, so that a secret is used up in the very transaction that records the certificate
 * which it was good for. Secrets are kept as hashes. One invitation is open for a name: a newer one takes the place of
 * one that was not used.
 */
import type { InviteInput } from '@fleet/shared/api/membership.ts';
import { and, drizzle, eq, integer, isNull, sqliteTable, text } from '@fleet/shared/drizzle.ts';
import { secretHash } from '@fleet/shared/invitation.ts';
import type { Labels, Registry } from './registry.ts';

const invitations = sqliteTable('invitations', {
  /** SHA-256 of the secret, hex. */
  hash: text('hash').primaryKey(),
  site: text('site').notNull(),
  labels: text('labels', { mode: 'json' }).$type<Labels>().notNull(),
  /** Milliseconds since 1970 UTC, all three. */
  createdAt: integer('created_at').notNull(),
  createdBy: text('created_by').notNull(),
  expiresAt: integer('expires_at').notNull(),
  usedAt: integer('used_at'),
  /** SPKI in PEM: the key that joined with it. */
  usedKey: text('used_key'),
  /** Of the certificate that was given for it. */
  fingerprint: text('fingerprint'),
});

export type InvitationRow = Readonly<typeof invitations.$inferSelect>;

export interface Invitations {
  make(
    secret: string,
    invite: InviteInput,
    by: { readonly caller: string; readonly now: number },
  ): InvitationRow;
  find(secret: string): InvitationRow | undefined;
  /** False where it is used up. To be called in the transaction that records what it was used for. */
  use(
    row: InvitationRow,
    by: { readonly at: number; readonly key: string; readonly fingerprint: string },
  ): boolean;
  /** Those that nobody has used, expired or not, by name. */
  open(): readonly InvitationRow[];
}

export function openInvitations({ database, transaction }: Registry): Invitations {
  const db = drizzle(database);
  const unused = (site: string) => and(eq(invitations.site, site), isNull(invitations.usedAt));
  return {
    make: (secret, { name, labels, validForMs }, { caller, now }) =>
      transaction(() => {
        db.delete(invitations).where(unused(name)).run();
        const row = { hash: secretHash(secret), site: name, labels, createdAt: now, createdBy: caller };
        return db
          .insert(invitations)
          .values({ ...row, expiresAt: now + validForMs })
          .returning()
          .get();
      }),
    find: (secret) =>
      db
        .select()
        .from(invitations)
        .where(eq(invitations.hash, secretHash(secret)))
        .get(),
    use: ({ hash }, { at, key, fingerprint }) => {
      const { changes } = db
        .update(invitations)
        .set({ usedAt: at, usedKey: key, fingerprint })
        .where(and(eq(invitations.hash, hash), isNull(invitations.usedAt)))
        .run();
      return changes === 1;
    },
    open: () =>
      db.select().from(invitations).where(isNull(invitations.usedAt)).orderBy(invitations.site).all(),
  };
}
