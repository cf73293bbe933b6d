import { expect, it } from 'vitest';
import { ConfigError, readConfig } from '../../src/config.ts';

const read = (list: string) =>
  readConfig({ PHOTOCHANGER_WEBHOOK_ALLOWED_ORIGINS: list }).values.WEBHOOK_ALLOWED_ORIGINS;

it('origins that webhooks may call are read from a list; a slash at the end is forgiven', () => {
  expect(read('')).toEqual([]);
  expect(read('http://10.0.0.5:8090, https://hooks.lan/,http://[::1]:1')).toEqual([
    'http://10.0.0.5:8090',
    'https://hooks.lan',
    'http://[::1]:1',
  ]);
});

it.each([
  '10.0.0.5',
  'http://10.0.0.5/hook',
  'http://user@10.0.0.5',
  'https://*.lan/x',
  'http://10.0.0.5:80',
  'http://A.lan',
])('what is not exactly an origin stops the start: %s', (word) => {
  expect(() => read(`http://10.0.0.5:8090,${word}`)).toThrow(ConfigError);
  expect(() => read(word)).toThrow('WEBHOOK_ALLOWED_ORIGINS must list origins such as http://10.0.0.5:8090');
});
