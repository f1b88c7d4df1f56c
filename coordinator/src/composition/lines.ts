/** Bodies of bounded size, whole or line by line. */
import { LogicError } from '@fleet/shared/errors.ts';

export async function readAtMost(body: AsyncIterable<Buffer>, bytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    // Leaving the loop destroys the body, which resets the stream and spares the session.
    if (size > bytes) throw new LogicError('bad_reply', `the reply is larger than ${bytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/** The lines of a body, without their ends; blank ones are left out. @throws LogicError `bad_reply` for a line past `bytes` */
export async function* linesOf(body: AsyncIterable<Buffer>, bytes: number): AsyncGenerator<string> {
  let chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      const line = Buffer.concat([...chunks, chunk.subarray(from, end)]).toString();
      chunks = [];
      size = 0;
      from = end + 1;
      if (line.trim() !== '') yield line;
    }
    const rest = chunk.subarray(from);
    size += rest.length;
    if (size > bytes) throw new LogicError('bad_reply', `a line of the reply is larger than ${bytes} bytes`);
    if (rest.length > 0) chunks.push(rest);
  }
  if (size > 0) throw new LogicError('reply_lost', 'the reply ended within a line');
}
