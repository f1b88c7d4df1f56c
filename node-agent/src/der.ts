/** The little of DER (X.690) that a certificate request takes to write. */

export const SEQUENCE = 0x30;
export const SET = 0x31;
export const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const OCTET_STRING = 0x04;
export const UTF8_STRING = 0x0c;

/** Tag, length, contents (up to 64 KiB). */
export function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const length = Buffer.from([body.length >> 8, body.length & 0xff]);
  const short = body.length < 0x100 ? length.subarray(1) : length;
  return Buffer.concat([Buffer.from([tag, 0x80 | short.length]), short, body]);
}

/** An object identifier by its encoded bytes in hex. */
export function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

/** A name of one attribute each: [attribute, value]. */
export function distinguishedName(...parts: readonly (readonly [Buffer, string])[]): Buffer {
  return der(
    SEQUENCE,
    ...parts.map(([attribute, value]) =>
      der(SET, der(SEQUENCE, attribute, der(UTF8_STRING, Buffer.from(value)))),
    ),
  );
}

export function pem(label: string, body: Buffer): string {
  const lines = body.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
