import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import type { Child } from './child.ts';

/** Of util-linux; there is nothing like it elsewhere. */
const PINNER = 'taskset';

/** Keeps a program on one core, so that it and what loads it do not take each other's time. @returns whether that can be done here. */
export function pin({ process: { pid } }: Child, core: number): boolean {
  if (pid === undefined || core >= availableParallelism()) return false;
  return spawnSync(PINNER, ['-a', '-c', '-p', String(core), String(pid)]).status === 0;
}
