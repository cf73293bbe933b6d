import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { REHEARSAL_KEY, SIMULATED_PROVIDERS, SIMULATORS_PORT, simulatorUrl } from '../../src/config/rehearsal.ts';
import { ConfigError, readConfig } from '../../src/config.ts';

/** Everything that a real installation may have set. */
const REAL = {
  PHOTOCHANGER_HOME: '/srv/photos',
  PHOTOCHANGER_DATABASE_URL: 'postgres://studio:secret@db.example/studio',
  PHOTOCHANGER_MEDIA_ROOT: '/srv/pictures',
  PHOTOCHANGER_PUBLIC_BASE_URL: 'https://photos.example',
  PHOTOCHANGER_JWT_SECRET: 'a-signing-key-of-the-real-installation',
  PHOTOCHANGER_SETTINGS_MASTER_KEY: Buffer.alloc(32, 1).toString('base64'),
  PHOTOCHANGER_SETTINGS_MASTER_KEY_PREVIOUS: Buffer.alloc(32, 2).toString('base64'),
  PHOTOCHANGER_INGEST_PASSWORD: 'of the stations',
  ...Object.fromEntries(
    SIMULATED_PROVIDERS.flatMap((provider) => [
      [`PHOTOCHANGER_${provider.toUpperCase()}_API_KEY`, 'a-real-key'],
      [`PHOTOCHANGER_${provider.toUpperCase()}_BASE_URL`, 'https://gateway.example'],
    ]),
  ),
};

const rehearse = (more: Readonly<Record<string, string>> = {}) =>
  readConfig({ ...REAL, PHOTOCHANGER_REHEARSAL: '1', ...more });

describe('a rehearsal', () => {
  test('is off unless it is asked for', () => {
    expect(readConfig({}).isRehearsal).toBe(false);
    expect(readConfig({ PHOTOCHANGER_REHEARSAL: '0' }).isRehearsal).toBe(false);
    for (const word of ['yes', 'true', '2', '']) {
      const read = () => readConfig({ PHOTOCHANGER_REHEARSAL: word });
      if (word === '') expect(read().isRehearsal).toBe(false);
      else expect(read).toThrow(ConfigError);
    }
  });

  test('asks every provider at its simulator, with the one key, whatever is configured', () => {
    const { values } = rehearse();
    const addresses = Object.entries(values).filter(
      ([name]) => name.endsWith('_BASE_URL') && name !== 'PUBLIC_BASE_URL',
    );
    expect(addresses.map(([, url]) => url).sort()).toEqual(
      SIMULATED_PROVIDERS.map((provider) => simulatorUrl(SIMULATORS_PORT, provider)).sort(),
    );
    const keys = Object.entries(values).filter(([name]) => name.endsWith('_API_KEY'));
    expect(keys).toHaveLength(SIMULATED_PROVIDERS.length);
    for (const [name, key] of keys) expect(key, name).toBe(REHEARSAL_KEY);
  });

  test('names loopback only, at ports in a row from the one that is chosen', () => {
    const { values } = rehearse({ PHOTOCHANGER_SIMULATORS_PORT: '21000' });
    expect(values.GEMINI_BASE_URL).toBe('http://127.0.0.1:21000');
    expect(values.BFL_BASE_URL).toBe('http://127.0.0.1:21005');
    expect(() => rehearse({ PHOTOCHANGER_SIMULATORS_PORT: '65531' })).toThrow(ConfigError);
  });

  test('touches nothing of the real installation: its database, pictures, links and secrets', () => {
    const config = rehearse();
    expect(config.homePath).toBe(resolve('/srv/photos/rehearsal'));
    expect(config.mediaRoot).toBe(resolve('/srv/photos/rehearsal/media'));
    for (const name of [
      'DATABASE_URL',
      'PUBLIC_BASE_URL',
      'JWT_SECRET',
      'SETTINGS_MASTER_KEY',
      'SETTINGS_MASTER_KEY_PREVIOUS',
    ] as const)
      expect(config.values[name], name).toBeUndefined();
    expect(JSON.stringify(config.values)).not.toMatch(/a-real-key|gateway\.example|db\.example|signing-key/);
  });

  test('keeps what people have to know: the stations’ password', () => {
    expect(rehearse().values.INGEST_PASSWORD).toBe('of the stations');
  });
});
