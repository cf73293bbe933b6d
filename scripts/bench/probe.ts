/**
 * Loaded into a measured program before its own modules (`node --import`): says over the IPC channel what the program costs, and
 * ends the program when whoever started it is gone. Until it is asked it costs nothing.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** `reset` begins a span; `read` ends it, after a garbage collection where one is wanted (needs `--expose-gc`). */
export interface ProbeQuestion {
  readonly probe: 'reset' | 'read';
  readonly collectGarbage?: boolean;
}

/** What happened since the last reset, and the memory now. */
export interface ProbeReading {
  readonly elapsedMs: number;
  /** CPU time of all threads. */
  readonly cpuMs: number;
  /** The timer's own interval of 5 ms is part of every value. */
  readonly loopDelayMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly rssBytes: number;
  /** The highest since the reset on Linux, since the start elsewhere. */
  readonly rssBytesPeak: number;
  readonly heapUsedBytes: number;
  /** Buffers included. */
  readonly externalBytes: number;
}

const RESOLUTION_MS = 5;
const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
let startedAt = performance.now();
let cpuAtStart = process.cpuUsage();

function reset(): void {
  try {
    // 5: "reset the peak resident set size", proc_pid_clear_refs(5)
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {}
  delays.enable();
  delays.reset();
  startedAt = performance.now();
  cpuAtStart = process.cpuUsage();
}

function read(): ProbeReading {
  const { user, system } = process.cpuUsage(cpuAtStart);
  const memory = process.memoryUsage();
  return {
    elapsedMs: performance.now() - startedAt,
    cpuMs: (user + system) / 1000,
    loopDelayMs: { p50: delays.percentile(50) / 1e6, p99: delays.percentile(99) / 1e6, max: delays.max / 1e6 },
    rssBytes: memory.rss,
    rssBytesPeak: peakBytes(),
    heapUsedBytes: memory.heapUsed,
    externalBytes: memory.external,
  };
}

function peakBytes(): number {
  try {
    const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  } catch {}
  return process.resourceUsage().maxRSS * 1024;
}

async function collectGarbage(): Promise<void> {
  // buffers are freed by callbacks that run after a collection
  for (let turn = 0; turn < 3; turn += 1) {
    (globalThis as { gc?: () => void }).gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

process.on('message', async (question: Partial<ProbeQuestion>) => {
  if (question.probe === undefined) return;
  if (question.collectGarbage === true) await collectGarbage();
  if (question.probe === 'reset') reset();
  process.send?.(read());
});
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
// the listeners alone must not keep a program alive that has nothing left to do
process.channel?.unref();
