/** A picture that is small as a file and huge as pixels. */
import { crc32, createDeflate } from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** A lawful PNG (RFC 2083) of one colour, 8 bits a channel: 16,000 × 16,000 pixels make some 750 kB. */
export async function flatPng(widthPx: number, heightPx: number): Promise<Buffer> {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(widthPx, 0);
  header.writeUInt32BE(heightPx, 4);
  // 8 bits a channel, red green blue
  header.set([8, 2], 8);
  const pixels = await deflatedZeros(1 + widthPx * 3, heightPx);
  return Buffer.concat([SIGNATURE, chunk('IHDR', header), chunk('IDAT', pixels), chunk('IEND', Buffer.alloc(0))]);
}

async function deflatedZeros(rowBytes: number, rows: number): Promise<Buffer> {
  const deflate = createDeflate({ level: 9 });
  const row = Buffer.alloc(rowBytes);
  const pieces: Buffer[] = [];
  const written = (async () => {
    for (let at = 0; at < rows; at += 1) {
      if (!deflate.write(row)) await new Promise((resolve) => deflate.once('drain', resolve));
    }
    deflate.end();
  })();
  for await (const piece of deflate) pieces.push(piece as Buffer);
  await written;
  return Buffer.concat(pieces);
}

function chunk(type: string, content: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), content]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(content.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}
