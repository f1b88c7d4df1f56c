import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Invitation, readInvitation, writeInvitation } from './invitation.ts';

const invitation: Invitation = {
  site: 'garage',
  coordinator: '[::1]:8443',
  pin: 'a'.repeat(64),
  secret: 'b'.repeat(43),
  expires: 1_800_000_000_000,
  labels: { zone: 'roof' },
};
const text = writeInvitation(invitation);

test('an invitation is one word that says where to join, whom to believe there, and until when', () => {
  assert.match(text, /^logic-invite-1\.[\w-]+$/);
  assert.deepEqual(readInvitation(text), invitation);
});

test('what a mail or a terminal put between is read over', () => {
  assert.deepEqual(readInvitation(`  ${text.slice(0, 70)}\n${text.slice(70)}\r\n`), invitation);
});

test('what is no invitation, or only a part of one, is refused and says what to do', () => {
  const wrong = { ...invitation, pin: 'short' };
  for (const other of [
    '',
    'hello',
    text.slice(0, -9),
    `x${text}`,
    writeInvitation(wrong),
    'y'.repeat(99_999),
  ])
    assert.throws(
      () => readInvitation(other),
      { code: 'bad_invitation', message: /copy all of it/ },
      other.slice(0, 40),
    );
});
