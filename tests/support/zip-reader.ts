/** Reads ZIP archives as an unpacker does: from the central directory at their end. Stored entries only. */
import { crc32 } from 'node:zlib';

export interface ZipMember {
  readonly name: string;
  readonly bytes: Buffer;
  /** As written in the extended timestamp, in whole seconds. */
  readonly modifiedAt: Date;
}

const END = 0x06054b50;
const END64 = 0x06064b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;

/** @throws Error for an archive that is cut off, damaged, compressed, or whose checksums do not fit. */
export function readZip(archive: Buffer): ZipMember[] {
  const endAt = archive.lastIndexOf(signature(END));
  if (endAt < 0) throw new Error('the archive has no end');
  let count = archive.readUInt16LE(endAt + 10);
  let at = archive.readUInt32LE(endAt + 16);
  if (count === 0xffff || at === 0xffffffff) {
    const end64At = archive.lastIndexOf(signature(END64), endAt);
    count = Number(archive.readBigUInt64LE(end64At + 32));
    at = Number(archive.readBigUInt64LE(end64At + 48));
  }
  const members: ZipMember[] = [];
  for (let index = 0; index < count; index += 1) {
    if (archive.readUInt32LE(at) !== ENTRY) throw new Error(`entry ${index} is not where it should be`);
    members.push(readMember(archive, at));
    at += 46 + archive.readUInt16LE(at + 28) + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  return members;
}

function readMember(archive: Buffer, at: number): ZipMember {
  const nameLength = archive.readUInt16LE(at + 28);
  const name = archive.toString('utf8', at + 46, at + 46 + nameLength);
  if (archive.readUInt16LE(at + 10) !== 0) throw new Error(`${name} is compressed`);
  const localAt = archive.readUInt32LE(at + 42);
  if (archive.readUInt32LE(localAt) !== LOCAL) throw new Error(`${name} is not where it should be`);
  const dataAt = localAt + 30 + archive.readUInt16LE(localAt + 26) + archive.readUInt16LE(localAt + 28);
  const bytes = archive.subarray(dataAt, dataAt + archive.readUInt32LE(at + 24));
  if (crc32(bytes) !== archive.readUInt32LE(at + 16)) throw new Error(`${name} is damaged`);
  return { name, bytes, modifiedAt: timeIn(archive, at + 46 + nameLength) };
}

/** The extended timestamp (0x5455) of Info-ZIP, which is the first extra field here. */
function timeIn(archive: Buffer, at: number): Date {
  if (archive.readUInt16LE(at) !== 0x5455) throw new Error('there is no extended timestamp');
  return new Date(archive.readInt32LE(at + 5) * 1000);
}

function signature(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
