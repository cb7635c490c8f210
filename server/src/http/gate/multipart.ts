import busboy from 'busboy';

/** A parser for the body with these headers; throws what `refuse` makes of any other type than multipart/form-data. */
export function openParser(
  headers: Headers,
  limits: busboy.Limits,
  refuse: (cause: string | undefined) => Error,
): busboy.Busboy {
  const type = headers.get('content-type') ?? '';
  if (!/^multipart\/form-data\s*;/i.test(type)) throw refuse(undefined);
  try {
    return busboy({ headers: { 'content-type': type }, limits });
  } catch (cause) {
    throw refuse(cause instanceof Error ? cause.message : '');
  }
}

/**
 * Gives the parser the body at its pace. What comes after the parser's end is read and thrown away, up to `bytesMax` in
 * all: a connection with unread bytes would be cut under the caller's next request.
 */
export async function feed(
  parser: busboy.Busboy,
  body: ReadableStream<Uint8Array>,
  { signal, bytesMax, refuseMore }: { signal: AbortSignal; bytesMax: number; refuseMore: () => Error },
): Promise<void> {
  const reader = body.getReader();
  signal.addEventListener('abort', () => void reader.cancel().catch(() => {}), { once: true });
  // Told by `errored` below; without a listener it would end the process.
  parser.on('error', () => {});
  for (let size = 0, part = await reader.read(); !part.done; part = await reader.read()) {
    size += part.value.byteLength;
    if (size > bytesMax) throw refuseMore();
    if (parser.writable && !parser.write(part.value)) await writableAgain(parser);
  }
  signal.throwIfAborted();
  if (parser.writable) await new Promise<void>((resolve) => parser.once('close', resolve).end());
  if (parser.errored !== null) throw parser.errored;
}

function writableAgain(parser: busboy.Busboy): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      parser.off('drain', settle).off('close', settle);
      resolve();
    };
    parser.on('drain', settle).on('close', settle);
  });
}
