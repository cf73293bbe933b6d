import { readdirSync, readFileSync } from 'node:fs';
import { checkPollService } from '../contract/poll-service.ts';
import type { PollServiceDescription } from '../providers/poll-service/service-description.ts';

const DESCRIPTIONS = new URL('../providers/poll-service/descriptions/', import.meta.url);

/**
 * The descriptions of poll services, by the names of their files.
 *
 * @throws Error naming the file and everything that is wrong with it: a start stops on it.
 */
export function readPollServices(folder: URL = DESCRIPTIONS): PollServiceDescription[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  return files.sort().map((file) => {
    const text = readFileSync(new URL(file, folder), 'utf8');
    const description = parse(file, text);
    const faults = checkPollService(description).map(({ pointer, message }) => `${pointer || '/'} ${message}`);
    const service = description as PollServiceDescription;
    if (faults.length === 0 && `${service.id}.json` !== file)
      faults.push(`/id must be ${file.slice(0, -'.json'.length)}`);
    if (faults.length > 0) throw new Error(`${file} does not describe a poll service: ${faults.join('; ')}`);
    return service;
  });
}

function parse(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${file} is no JSON`, { cause: error });
  }
}
