/**
 * What one would write on a first afternoon, for comparison: the whole form in memory, the photo as one string of base64 in
 * one JSON, the answer parsed as a whole and encoded again, then kept on disk and sent. No queue, no deadline, no limits.
 */
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';

const [, , callUrl = '', folder = tmpdir()] = process.argv;

async function readForm(req: IncomingMessage): Promise<FormData> {
  const pieces: Buffer[] = [];
  for await (const piece of req) pieces.push(piece as Buffer);
  const headers = { 'content-type': req.headers['content-type'] ?? '' };
  return new Response(Buffer.concat(pieces), { headers }).formData();
}

async function callProvider(photo: Buffer): Promise<Buffer> {
  const inlineData = { mimeType: 'image/jpeg', data: photo.toString('base64') };
  const body = JSON.stringify({ contents: [{ parts: [{ text: 'Turn the guests into a comic.' }, { inlineData }] }] });
  const headers = { 'content-type': 'application/json', 'x-goog-api-key': 'bench-key' };
  const answer = (await (await fetch(callUrl, { method: 'POST', headers, body })).json()) as {
    candidates: { content: { parts: { inlineData?: { data: string } }[] } }[];
  };
  const part = answer.candidates[0]?.content.parts.find((candidate) => candidate.inlineData !== undefined);
  return Buffer.from(part?.inlineData?.data ?? '', 'base64');
}

async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const file = (await readForm(req)).get('fileToUpload') as File;
  const path = join(folder, `${randomUUID()}.jpg`);
  await writeFile(path, Buffer.from(await file.arrayBuffer()));
  const picture = await callProvider(await readFile(path));
  const finished = await sharp(picture).autoOrient().jpeg({ quality: 90 }).toBuffer();
  await writeFile(path, finished);
  res.writeHead(200, { 'content-type': 'image/jpeg', 'content-length': finished.length }).end(finished);
}

const server = createServer((req, res) => {
  answer(req, res).catch(() => res.writeHead(500).end());
});
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on('SIGTERM', () => process.exit(0));
